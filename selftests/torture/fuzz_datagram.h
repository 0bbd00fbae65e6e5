/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Makes datagrams that are nearly right: messages with slightly corrupt lengths, requests with
 * numbers that do not agree, several behind each other, cut short, or with a byte changed.
 */
#ifndef FUZZ_DATAGRAM_H
#define FUZZ_DATAGRAM_H

#include "fuzz_model.h"

#define LIMIT_DATA (CONNECTOR_MAX_MSG_SIZE - (int)sizeof(struct cn_msg))

/* If set, most messages are requests with numbers that do not add up. Then the number of those. */
static bool mostly_sums;
static uint64_t wrong_sums;

/* Few ids, so that they meet. */
static const uint32_t some_idx[] = { 25, 26, 27, 3, 1 };

static inline struct cb_id pick_new_id(void)
{
	static const struct cb_id strange[] = {
		{ 0, 0 }, { 0, 1 }, { 0xffffffff, 0xfffffffe }, { 0xfffffffe, 0xffffffff },
		{ 0x80000000, 1 }, { 33, 1 },
	};

	if (once_in(12))
		return PICK_FROM(strange);
	return (struct cb_id) { PICK_FROM(some_idx), 1 + pick(4) };
}

/*
 * The channel comes first where there is one. The choice among the others is the same with both
 * connectors.
 */
static inline struct cb_id pick_id(void)
{
	size_t channel = model.n_callbacks && model.callbacks[0].kind == CHANNEL;

	if (mostly_sums && !once_in(8))
		return (struct cb_id) { CN_IDX_NOTIFY, CN_VAL_NOTIFY };
	switch (pick(8)) {
	case 0:
		return (struct cb_id) { CN_IDX_NOTIFY, CN_VAL_NOTIFY };
	case 1:
		return pick_new_id();
	default:
		if (model.n_callbacks == channel)
			return pick_new_id();
		return model.callbacks[channel + pick(model.n_callbacks - channel)].id;
	}
}

/* The number of corrupted lengths. */
static uint64_t corrupt_lengths;

/* By how much a length is wrong. */
static inline int pick_corruption(void)
{
	int by = 1 + pick(24);

	corrupt_lengths++;
	return once_in(2) ? by : -by;
}

static inline uint32_t pick_length(void)
{
	switch (pick(32)) {
	case 0:
		return LIMIT_DATA - 3 + pick(7);
	case 1:
		return pick(5000);
	case 2:
	case 3:
	case 4:
		return pick(513);
	default:
		return pick(41);
	}
}

static inline uint32_t pick_number(void)
{
	static const uint32_t numbers[] = { 0, 1, 2, 25, 26, 0x7fffffff, 0x80000000, 0xfffffffe,
					    0xffffffff };

	return once_in(4) ? pick_any() : PICK_FROM(numbers);
}

/* The payload of a request: its length. Few different ranges, so that some are equal. */
static inline uint32_t make_request(uint8_t *to)
{
	static const struct cn_notify_req usual[] = {
		{ 0, 0xffffffff }, { 25, 1 }, { 26, 2 }, { 1, 3 }, { 0xffffffff, 1 },
		{ 0xffffffff, 0xffffffff }, { 40, 1 }, { 1000, 100 },
	};
	struct cn_ctl_msg *control = (void *)to;
	uint32_t i, len, n, idx = 1 + pick(2), val = 1 + pick(2);

	if (once_in(16)) {
		idx = pick(8);
		val = pick(8);
	}
	n = idx + val;
	control->idx_notify_num = idx;
	control->val_notify_num = val;
	control->group = once_in(3) ? 0 : once_in(16) ? pick_number() : 9 + pick(3);
	control->len = n * sizeof(usual[0]);
	for (i = 0; i < n; i++) {
		struct cn_notify_req range = PICK_FROM(usual);

		if (once_in(16))
			range = (struct cn_notify_req) { pick_number(), pick_number() };
		memcpy(control->data + i * sizeof(range), &range, sizeof(range));
	}
	len = sizeof(*control) + n * sizeof(usual[0]);
	if (!mostly_sums && !once_in(4))
		return len;
	/* Numbers whose sum wraps, or whose product does, and lengths that do not fit. */
	wrong_sums++;
	switch (pick(6)) {
	case 0:
		control->idx_notify_num = pick_number();
		break;
	case 1:
		control->val_notify_num = -control->idx_notify_num + pick(3);
		break;
	case 2:
		control->idx_notify_num += 0x20000000u << pick(4);
		break;
	case 3:
		control->len += pick_corruption();
		break;
	case 4:
		control->len = pick_number();
		break;
	default:
		len = pick(len + 1);
	}
	return len;
}

/* One message with room for it. Returns its number of bytes. */
static inline size_t make_message(uint8_t *to, size_t room)
{
	static const uint32_t lengths[] = {
		0, 1, 15, 16, 17, 35, 36, 37, 16399, 16400, 16401, 0x7fffffff, 0x80000000,
		0x80000010, 0xfffffffd, 0xffffffff,
	};
	static uint8_t data[65536];
	struct cn_packet p = {
		.id = pick_id(),
		.seq = pick_any(),
		.ack = once_in(4) ? pick_number() : 0,
		.flags = once_in(2) ? pick(4) : 0,
		.nl_flags = once_in(2) ? NLM_F_ACK : once_in(4) ? pick(65536) : 0,
		.nl_type = once_in(8) ? pick(65536) : 0,
		.nl_pid = once_in(8) ? pick_any() : 0,
		.nl_seq = once_in(4) ? pick_any() : 0,
		.data = data,
		.use_msg_len = true,
	};
	uint32_t i;

	if (is_channel(p.id) && !once_in(8)) {
		p.data_len = make_request(data);
	} else {
		uint32_t byte = pick_any();

		p.data_len = pick_length();
		for (i = 0; i < p.data_len; i++)
			data[i] = byte + i * 7;
	}
	if (p.data_len + CN_HEADERS > room)
		p.data_len = room - CN_HEADERS;
	p.msg_len = p.data_len;
	if (once_in(8))
		p.msg_len += pick_corruption();
	else if (once_in(64))
		p.msg_len = pick_number();
	if (once_in(8)) {
		int len = (int)(CN_HEADERS + p.data_len) + pick_corruption();

		p.nl_len = len > 0 ? len : 1;
	} else if (once_in(32)) {
		p.nl_len = PICK_FROM(lengths);
	}
	return cn_build(to, &p);
}

static inline size_t make_datagram(uint8_t *to)
{
	uint32_t n = once_in(2) ? 1 : 1 + pick(5);
	size_t len = 0, end;

	for (; n; n--) {
		end = len + make_message(to + len, 24 * 1024 - len > CN_HEADERS ?
						   24 * 1024 - len : CN_HEADERS);
		len = NLMSG_ALIGN(end);
		memset(to + end, once_in(2) ? 0 : 0x5a, len - end);
		if (len > 20 * 1024)
			break;
	}
	switch (pick(16)) {
	case 0:
		/* Cut. */
		len = once_in(2) ? pick(len) + 1 : len - pick(24) % len;
		break;
	case 1:
		to[pick(len)] = pick(256);
		break;
	case 2:
		/* Something behind the end, which may be padding. */
		end = len + 1 + pick(40);
		memset(to + len, once_in(2) ? 0 : pick(256), end - len);
		len = end;
		break;
	case 3:
	case 4:
	case 5:
		/* No padding behind the last one. */
		len = end;
		break;
	default:
		break;
	}
	return len;
}

#endif
