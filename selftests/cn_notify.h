/* SPDX-License-Identifier: GPL-2.0 */
/*
 * User side of the notification channel for the tests: requests and events.
 */
#ifndef CN_NOTIFY_H
#define CN_NOTIFY_H

#include <linux/connector_notify.h>

#include "cn_socket.h"

/* The group in which most tests want their events. */
#define EVENTS 9
/* Defaults of the module's parameters notify_max_per_socket and notify_max. */
#define MAX_PER_SOCKET 64
#define MAX_IN_ALL 1024

enum { REGISTERED = 0, UNREGISTERED = 1 };

/* -- Requests ------------------------------------------------------------ */

/* As many as fit the payload of a connector message, and one more. */
#define MAX_RANGES 2044

struct ranges {
	uint32_t n;
	const struct cn_notify_req *list;
};

/* RANGES({ first, range }, ...) */
#define N_RANGES(...) \
	(sizeof((struct cn_notify_req[]){ __VA_ARGS__ }) / sizeof(struct cn_notify_req))
#define RANGES(...) ((struct ranges) { \
	.n = N_RANGES(__VA_ARGS__), \
	.list = (struct cn_notify_req[]){ __VA_ARGS__ }, \
})
#define NO_RANGES ((struct ranges) {})
/* Everything, in the two pieces that it takes. */
#define ALL RANGES({ 0, 0xffffffff }, { 0xffffffff, 1 })

/* Puts a request into buf; the length of the cn_msg's payload is returned. */
static inline uint32_t notify_build(void *buf, uint32_t group, struct ranges idx,
				    struct ranges val)
{
	struct cn_ctl_msg *ctl = buf;

	ctl->idx_notify_num = idx.n;
	ctl->val_notify_num = val.n;
	ctl->group = group;
	ctl->len = (idx.n + val.n) * sizeof(struct cn_notify_req);
	if (idx.n)
		memcpy(ctl->data, idx.list, idx.n * sizeof(*idx.list));
	if (val.n)
		memcpy(ctl->data + idx.n * sizeof(*idx.list), val.list,
		       val.n * sizeof(*val.list));
	return sizeof(*ctl) + ctl->len;
}

/* Sends the payload of a request; the number of bytes sent or an error. */
static inline int notify_send_payload(int fd, const void *payload, uint32_t len,
				      uint16_t nl_flags, uint16_t flags)
{
	struct cn_packet p = {
		.id = { CN_IDX_NOTIFY, CN_VAL_NOTIFY },
		.nl_flags = nl_flags,
		.flags = flags,
		.data = payload,
		.data_len = len,
	};

	return cn_send(fd, &p);
}

static inline int notify_send(int fd, uint32_t group, uint16_t nl_flags, uint16_t flags,
			      struct ranges idx, struct ranges val)
{
	static uint8_t payload[sizeof(struct cn_ctl_msg) +
			       2 * MAX_RANGES * sizeof(struct cn_notify_req)];
	uint32_t len = notify_build(payload, group, idx, val);

	return notify_send_payload(fd, payload, len, nl_flags, flags);
}

/* The next acknowledgement in the queue: its error, or a description of its defect. */
static inline int notify_answer(int fd)
{
	static struct cn_received answer;
	struct cn_ack ack;
	int err = cn_receive_ack(fd, &answer, &ack);

	return err ? err : ack.error;
}

/* Sends a request on a socket that is in no group; the error in its answer. */
static inline int notify_ask(int fd, uint32_t group, struct ranges idx, struct ranges val)
{
	int ret = notify_send(fd, group, NLM_F_ACK, 0, idx, val);

	return ret < 0 ? ret : notify_answer(fd);
}

/* One range of each. */
static inline int notify_one(int fd, uint32_t group, uint32_t idx, uint32_t val)
{
	return notify_ask(fd, group, RANGES({ idx, 1 }), RANGES({ val, 1 }));
}

/* -- Events -------------------------------------------------------------- */

/* All 36 bytes of an event. */
static inline bool is_event(const struct nlmsghdr *nlh, uint32_t idx, uint32_t val,
			    uint32_t ack)
{
	struct {
		struct nlmsghdr nlh;
		struct cn_msg msg;
	} expected = {
		.nlh = { .nlmsg_len = CN_HEADERS, .nlmsg_type = NLMSG_DONE },
		.msg = { .id = { idx, val }, .ack = ack },
	};

	return !memcmp(&expected, nlh, CN_HEADERS);
}

/* True if the next datagram is this event, alone, multicast to the group. */
static inline bool event_arrives(int fd, uint32_t group, uint32_t idx, uint32_t val,
				 uint32_t ack)
{
	static struct cn_received event;

	return cn_receive(fd, &event) == CN_HEADERS &&
	       is_event(&event.nlh, idx, val, ack) && !event.from.nl_pid &&
	       event.from.nl_groups == (group <= 32 ? 1u << (group - 1) : 0);
}

/* The messages that a socket received, in order. */
struct event {
	struct cb_id id;
	uint32_t ack;
	/* To this socket alone, so part of a snapshot. */
	bool unicast;
};

struct events {
	struct event *list;
	size_t n, size;
	/* Acknowledgements, and the number of events before the last one. */
	int answers;
	int error;
	size_t before_answer;
	/* The largest number of messages in one datagram. */
	size_t bundle;
	int enobufs;
	/* Something that is neither an event nor an answer. */
	bool strange;
};

static inline void events_add(struct events *e, const struct nlmsghdr *nlh, bool unicast)
{
	const struct cn_msg *msg = NLMSG_DATA(nlh);

	if (nlh->nlmsg_type == NLMSG_ERROR && nlh->nlmsg_len >= NLMSG_LENGTH(sizeof(int))) {
		memcpy(&e->error, NLMSG_DATA(nlh), sizeof(e->error));
		e->answers++;
		e->before_answer = e->n;
		return;
	}
	if (nlh->nlmsg_len != CN_HEADERS || msg->ack > UNREGISTERED ||
	    !is_event(nlh, msg->id.idx, msg->id.val, msg->ack)) {
		e->strange = true;
		return;
	}
	if (e->n == e->size) {
		e->size = e->size ? 2 * e->size : 1024;
		e->list = realloc(e->list, e->size * sizeof(*e->list));
		if (!e->list)
			abort();
	}
	e->list[e->n++] = (struct event) { msg->id, msg->ack, unicast };
}

/* Reads one datagram; false if none arrives in time. */
static inline bool events_read(int fd, struct events *e, int timeout_ms)
{
	static __thread uint8_t buf[64 * 1024] __attribute__((aligned(8)));
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	struct sockaddr_nl from = {};
	socklen_t from_len = sizeof(from);
	struct nlmsghdr *nlh = (struct nlmsghdr *)buf;
	size_t bundle = 0;
	ssize_t len;
	int left;

	if (poll(&pfd, 1, timeout_ms) < 1)
		return false;
	len = recvfrom(fd, buf, sizeof(buf), MSG_DONTWAIT | MSG_TRUNC,
		       (struct sockaddr *)&from, &from_len);
	if (len < 0) {
		e->enobufs += errno == ENOBUFS;
		e->strange |= errno != ENOBUFS;
		return errno == ENOBUFS;
	}
	e->strange |= len > (ssize_t)sizeof(buf) || from.nl_pid;
	for (left = len; NLMSG_OK(nlh, left); nlh = NLMSG_NEXT(nlh, left)) {
		events_add(e, nlh, !from.nl_groups);
		bundle++;
	}
	e->strange |= left != 0;
	if (bundle > e->bundle)
		e->bundle = bundle;
	return true;
}

/* Reads all queued messages, and those that follow, until a period of silence. */
static inline void events_read_all(int fd, struct events *e)
{
	while (events_read(fd, e, cn_limit(200)))
		;
}

static inline void events_free(struct events *e)
{
	free(e->list);
	*e = (struct events) {};
}

/* How often an id is registered (REGISTERED) or unregistered in the events from..to. */
static inline size_t events_count(const struct events *e, size_t from, size_t to,
				  uint32_t idx, uint32_t val, uint32_t ack)
{
	size_t i, n = 0;

	for (i = from; i < to && i < e->n; i++)
		n += e->list[i].id.idx == idx && e->list[i].id.val == val &&
		     e->list[i].ack == ack;
	return n;
}

/* So that nothing is lost while a test does not read. */
static inline int large_buffer(int fd)
{
	int size = 128 << 20;

	return setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) ? -errno : 0;
}

#endif
