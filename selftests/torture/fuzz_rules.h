/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The effect of a datagram on the model (fuzz_model.h): the called callbacks, their messages, and
 * the answer to the sender.
 */
#ifndef FUZZ_RULES_H
#define FUZZ_RULES_H

#include "fuzz_model.h"

/* The outcome of a message, for its answer. */
struct outcome {
	int error;
	const char *text;
	/* If set, the answer may quote the message; otherwise only its header. */
	bool is_quoted;
};

static inline void send_reply(struct endpoint *sender, const struct cn_msg *msg,
			      const uint8_t *data, uint32_t seq, uint32_t ack, uint16_t flags,
			      bool is_backwards)
{
	static uint8_t reply[sizeof(struct cn_msg) + 65536];
	struct cn_msg header = { .id = msg->id, .seq = seq, .ack = ack, .len = msg->len,
				 .flags = flags };
	size_t i;

	memcpy(reply, &header, sizeof(header));
	for (i = 0; i < msg->len; i++)
		reply[sizeof(header) + i] = data[is_backwards ? msg->len - 1 - i : i];
	send_from_kernel(msg->id, seq, reply, sizeof(header) + msg->len, sender->port, 0);
}

/* -- The notification channel --------------------------------------------- */

static inline bool same_ranges(const struct request *a, const struct request *b)
{
	return a->n_idx == b->n_idx && a->n_val == b->n_val &&
	       !memcmp(a->ranges, b->ranges, (a->n_idx + a->n_val) * sizeof(a->ranges[0]));
}

/* False if it is malformed. Those with many ranges are not for the model. */
static inline bool read_request(const uint8_t *data, size_t len, struct request *request)
{
	struct cn_ctl_msg control;
	uint64_t n;

	if (len < sizeof(control))
		return false;
	memcpy(&control, data, sizeof(control));
	n = (uint64_t)control.idx_notify_num + control.val_notify_num;
	if (len - sizeof(control) != 8 * n || control.len != 8 * n)
		return false;
	if (n > 16)
		wrong("the fuzzer made a request that is too large for it");
	*request = (struct request) {
		.group = control.group, .n_idx = control.idx_notify_num,
		.n_val = control.val_notify_num,
	};
	memcpy(request->ranges, data + sizeof(control), 8 * n);
	return true;
}

static inline void send_snapshot(struct endpoint *sender, const struct request *request)
{
	struct cb_id ids[MOST_CALLBACKS];
	size_t i, j, n = 0;

	for (i = 0; i < model.n_callbacks; i++)
		if (is_matched(request, model.callbacks[i].id))
			ids[n++] = model.callbacks[i].id;
	model.counters.notified += n;
	for (i = 0; i < n; i += 64) {
		size_t batch = n - i < 64 ? n - i : 64;
		uint8_t *to = expect(sender, batch * CN_HEADERS, 0);

		for (j = 0; j < batch; j++, to += CN_HEADERS) {
			struct nlmsghdr nlh = { .nlmsg_len = CN_HEADERS, .nlmsg_type = NLMSG_DONE };
			struct cn_msg event = { .id = ids[i + j] };

			memcpy(to, &nlh, sizeof(nlh));
			memcpy(to + sizeof(nlh), &event, sizeof(event));
		}
	}
}

static inline int ask_channel(struct endpoint *sender, const struct cn_msg *msg,
			      const uint8_t *data)
{
	struct request request;
	size_t i, kept = 0, own = 0;
	bool is_known = false;

	if (!read_request(data, msg->len, &request))
		return -EINVAL;
	request.owner = sender - model.sockets;
	if (!request.group) {
		size_t before = model.n_requests;

		for (i = 0; i < before; i++)
			if (model.requests[i].owner != request.owner ||
			    !same_ranges(&model.requests[i], &request))
				model.requests[kept++] = model.requests[i];
		model.n_requests = kept;
		return kept == before ? -ENOENT : 0;
	}
	if (request.group > GROUPS)
		return -EINVAL;
	for (i = 0; i < model.n_requests; i++) {
		if (model.requests[i].owner != request.owner)
			continue;
		own++;
		is_known |= model.requests[i].group == request.group &&
			    same_ranges(&model.requests[i], &request);
	}
	if (!is_known) {
		if (model.n_requests >= MOST_REQUESTS || own >= MOST_OF_SOCKET)
			return -ENOSPC;
		model.requests[model.n_requests++] = request;
	}
	if (msg->flags & CN_NOTIFY_SNAPSHOT)
		send_snapshot(sender, &request);
	return 0;
}

/* -- Callbacks ------------------------------------------------------------ */

static inline void call_c(struct endpoint *sender, const struct cn_msg *msg, const uint8_t *data)
{
	struct known *known = find_known(msg->id), *other;

	if (!known)
		wrong("the fuzzer has lost a callback");
	known->calls++;
	known->last = *msg;
	known->hash = cn_hash(data, msg->len);
	known->portid = sender->port;
	switch (known->kind) {
	case ECHO:
		send_reply(sender, msg, data, msg->seq, msg->ack + 1, msg->flags, false);
		break;
	case DEL_SELF:
		known->registered = false;
		unregister_callback(known->id);
		break;
	case DEL_OTHER:
		other = find_known(known->other);
		if (other)
			other->registered = false;
		unregister_callback(known->other);
		break;
	case SEND_GROUP:
		/* The header and the data are one behind the other. */
		send_from_kernel(msg->id, msg->seq, data - sizeof(*msg), sizeof(*msg) + msg->len, 0,
				 known->argument);
		break;
	default:
		break;
	}
}

static inline int call_rust(const struct callback *callback, struct endpoint *sender,
			    const struct cn_msg *msg, const uint8_t *data)
{
	switch (callback->kind) {
	case RUST_FAIL:
		return -(int)callback->argument;
	case RUST_ECHO:
		send_reply(sender, msg, data, msg->seq, msg->ack + 1, 0, false);
		return 0;
	case RUST_REVERSE:
		send_reply(sender, msg, data, msg->seq, msg->ack + 1, 0, true);
		return 0;
	case RUST_RAW:
		send_reply(sender, msg, data, msg->seq + 1, msg->ack, msg->flags, false);
		return 0;
	case CHANNEL:
		return ask_channel(sender, msg, data);
	default:
		wrong("the fuzzer has mixed up its callbacks");
	}
}

/* A well-formed message. */
static inline struct outcome deliver(struct endpoint *sender, bool as_root,
				     const struct cn_msg *msg, const uint8_t *data)
{
	struct callback *callback = find_callback(msg->id);
	uint64_t serial;
	int error;

	if (!callback) {
		model.counters.drop_unknown_id++;
		return (struct outcome) { -ENODEV, "no callback is registered under this id",
					  true };
	}
	if (callback->kind < RUST_ECHO) {
		callback->delivered++;
		model.counters.delivered++;
		call_c(sender, msg, data);
		return (struct outcome) { 0, NULL, true };
	}
	if (callback->capability >= 0 && !(sender->by_root && as_root)) {
		callback->refused++;
		model.counters.drop_refused++;
		return (struct outcome) { -EPERM, "the sender may not send to this id", true };
	}
	serial = callback->serial;
	error = call_rust(callback, sender, msg, data);
	callback = find_callback(msg->id);
	model.counters.delivered++;
	if (callback && callback->serial == serial) {
		callback->delivered++;
		callback->failed += error != 0;
	}
	return (struct outcome) { error, NULL, true };
}

/* -- Datagrams ------------------------------------------------------------ */

/* All bytes of the answer. */
static inline void answer(struct endpoint *sender, const uint8_t *at, const struct outcome *outcome)
{
	struct nlmsghdr nlh;
	struct nlmsgerr err = { .error = outcome->error };
	size_t quoted = 0, text = 0, len;
	uint8_t *to;

	model.counters.answered++;
	memcpy(&err.msg, at, sizeof(err.msg));
	if (!outcome->is_quoted)
		err.msg.nlmsg_len = NLMSG_HDRLEN;
	nlh = (struct nlmsghdr) {
		.nlmsg_type = NLMSG_ERROR, .nlmsg_seq = err.msg.nlmsg_seq,
		.nlmsg_pid = sender->port,
	};
	if (outcome->error && !sender->cap_ack)
		quoted = err.msg.nlmsg_len - NLMSG_HDRLEN;
	else
		nlh.nlmsg_flags |= NLM_F_CAPPED;
	if (outcome->text && sender->ext_ack) {
		text = strlen(outcome->text) + 1;
		nlh.nlmsg_flags |= NLM_F_ACK_TLVS;
	}
	len = NLMSG_LENGTH(sizeof(err)) + NLMSG_ALIGN(quoted) +
	      (text ? NLA_HDRLEN + NLA_ALIGN(text) : 0);
	nlh.nlmsg_len = len;
	to = expect(sender, len, 0);
	memcpy(to, &nlh, sizeof(nlh));
	memcpy(to + NLMSG_HDRLEN, &err, sizeof(err));
	to += NLMSG_LENGTH(sizeof(err));
	memcpy(to, at + NLMSG_HDRLEN, quoted);
	if (text) {
		struct nlattr attribute = { .nla_len = NLA_HDRLEN + text,
					    .nla_type = NLMSGERR_ATTR_MSG };

		memcpy(to + NLMSG_ALIGN(quoted), &attribute, sizeof(attribute));
		memcpy(to + NLMSG_ALIGN(quoted) + NLA_HDRLEN, outcome->text, text);
	}
}

/* The outcome of a netlink message with all of its bytes. */
static inline struct outcome handle_message(struct endpoint *sender, bool as_root,
					    const uint8_t *payload, size_t len)
{
	struct cn_msg msg;

	if (len < sizeof(msg)) {
		model.counters.drop_payload++;
		return (struct outcome) { -EINVAL, "payload is shorter than struct cn_msg", true };
	}
	if (len > CONNECTOR_MAX_MSG_SIZE) {
		model.counters.drop_too_long++;
		return (struct outcome) { -EMSGSIZE, "netlink payload is longer than 16384 bytes", false };
	}
	memcpy(&msg, payload, sizeof(msg));
	if (msg.len > len - sizeof(msg)) {
		model.counters.drop_message_length++;
		return (struct outcome) { -EINVAL, "cn_msg.len does not fit the netlink message",
					  true };
	}
	return deliver(sender, as_root, &msg, payload + sizeof(msg));
}

static inline void handle_datagram(struct endpoint *sender, bool as_root, const uint8_t *bytes,
				   size_t len)
{
	size_t at = 0;

	do {
		size_t rest = at < len ? len - at : 0;
		struct nlmsghdr nlh;
		struct outcome outcome;

		if (rest < sizeof(nlh)) {
			/* Behind a message this is padding. */
			model.counters.drop_short += !at;
			return;
		}
		memcpy(&nlh, bytes + at, sizeof(nlh));
		if (at && !nlh.nlmsg_len)
			return;
		messages++;
		if (nlh.nlmsg_len < sizeof(nlh) || nlh.nlmsg_len > rest) {
			model.counters.drop_length++;
			outcome = (struct outcome) { -EINVAL, "nlmsg_len does not fit the datagram",
						     false };
			rest = 0;
		} else {
			outcome = handle_message(sender, as_root, bytes + at + sizeof(nlh),
						 nlh.nlmsg_len - sizeof(nlh));
		}
		if (nlh.nlmsg_flags & NLM_F_ACK && !model.c)
			answer(sender, bytes + at, &outcome);
		if (!rest)
			return;
		at += NLMSG_ALIGN((size_t)nlh.nlmsg_len);
	} while (!model.c);
}

/*
 * The reason why the two connectors differ about a datagram, NULL if they do not. It is
 * `parts_ways` if they would continue from different states, so that the datagram is excluded from
 * comparison.
 */
static const char parts_ways[] = "parts_ways";

static inline const char *why_different(const uint8_t *bytes, size_t len)
{
	const char *why = NULL;
	size_t at = 0;

	while (at < len && len - at >= NLMSG_HDRLEN) {
		const uint8_t *payload = bytes + at + NLMSG_HDRLEN;
		struct nlmsghdr nlh;
		struct cn_msg msg;
		struct known *known;

		memcpy(&nlh, bytes + at, sizeof(nlh));
		if (at && !nlh.nlmsg_len)
			break;
		if (at)
			why = "several_messages";
		if (nlh.nlmsg_flags & NLM_F_ACK && !why)
			why = "answers";
		if (nlh.nlmsg_len < NLMSG_HDRLEN || nlh.nlmsg_len > len - at)
			break;
		if (nlh.nlmsg_len >= CN_HEADERS) {
			memcpy(&msg, payload, sizeof(msg));
			known = find_known(msg.id);
			if (is_channel(msg.id) ||
			    (at && known && (known->kind == DEL_SELF || known->kind == DEL_OTHER)))
				return parts_ways;
		}
		at += NLMSG_ALIGN((size_t)nlh.nlmsg_len);
	}
	return why;
}

#endif
