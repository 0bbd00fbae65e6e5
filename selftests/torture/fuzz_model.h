/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The model of the connector: sockets, callbacks, requests, counters, and the expected datagrams of
 * each socket. It is simple, and follows the documentation alone, so that it does not share the
 * connector's errors.
 */
#ifndef FUZZ_MODEL_H
#define FUZZ_MODEL_H

#include <stdarg.h>

#include "../cn_client.h"
#include "../cn_notify.h"

#define SOCKETS 6
#define MOST_CALLBACKS 256
#define MOST_EXPECTED 1024
#define EXPECTED_BYTES (2 << 20)
#define GROUPS 32
/* The parameters that the connector is loaded with: small, so that they are reached. */
#define LOAD_PARAMETERS "notify_max=7 notify_max_per_socket=4"
#define MOST_REQUESTS 7
#define MOST_OF_SOCKET 4
#define MANY_IDX 40
#define MANY_FIRST 1000
#define MANY_COUNT 70
#define USER 1000

enum kind {
	/* In the C test client. */
	COUNT, ECHO, DEL_SELF, DEL_OTHER, SEND_GROUP,
	/* In the Rust test client. */
	RUST_ECHO, RUST_FAIL, RUST_REVERSE, RUST_RAW,
	CHANNEL,
};

/* The registered callbacks, in order of registration. */
struct callback {
	struct cb_id id;
	char name[32];
	enum kind kind;
	uint32_t argument;
	bool by_rust;
	/* The capability that is needed; -1 for none. */
	int capability;
	bool opens_group;
	uint64_t serial;
	uint64_t delivered, failed, refused;
};

/* The C test client's record of a callback, kept until the "forget" command. */
struct known {
	struct cb_id id;
	enum kind kind;
	struct cb_id other;
	uint32_t argument;
	bool registered;
	bool is_many;
	uint32_t calls;
	struct cn_msg last;
	uint32_t hash, portid;
};

/* A registration of the Rust test client. Its id may have been unregistered by another client. */
struct rust_registration {
	struct cb_id id;
	uint64_t serial;
};

struct request {
	int owner;
	uint32_t group;
	uint32_t n_idx, n_val;
	struct cn_notify_req ranges[16];
};

/* An expected datagram. */
struct expected {
	size_t at, len;
	uint32_t group;
};

struct endpoint {
	int fd;
	bool by_root;
	uint32_t port;
	/*
	 * The port that the socket was refused. In a broadcast, netlink treats it as the socket's
	 * own as long as the socket has none.
	 */
	uint32_t refused_port;
	uint32_t groups;
	bool ext_ack, cap_ack;
	size_t n, used;
	struct expected expected[MOST_EXPECTED];
	uint8_t *bytes;
};

struct counters {
	uint64_t delivered, answered, drop_short, drop_length, drop_payload, drop_too_long,
		 drop_message_length, drop_unknown_id, drop_refused, sent, send_unknown_id,
		 send_no_listener, send_no_memory, send_undelivered, notified, notify_lost;
};

static struct {
	/* The connector is the C one. */
	bool c;
	/* Only operations that both connectors support, and that leave both in the same state. */
	bool common;
	struct endpoint sockets[SOCKETS];
	struct callback callbacks[MOST_CALLBACKS];
	size_t n_callbacks;
	struct known known[MOST_CALLBACKS];
	size_t n_known;
	struct rust_registration rust[MOST_CALLBACKS];
	size_t n_rust;
	struct request requests[MOST_REQUESTS];
	size_t n_requests;
	struct counters counters;
	uint64_t serial;
	int rust_fd;
} model;

static uint64_t operation, datagrams, messages, received;
static uint64_t the_seed;
/* The current operation in words, and the reason for a difference between the connectors. */
static char description[256];
static const char *difference;

static inline void describe(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(description, sizeof(description), format, args);
	va_end(args);
}

/* The last sent datagram. */
static uint8_t out[CN_BUFFER];
static size_t out_len;

/* The state that determines the receivers. */
static inline void show_model(void)
{
	size_t i, j;

	for (i = 0; i < SOCKETS; i++)
		if (model.sockets[i].fd >= 0)
			printf("\nsocket %zu: %s, port %u, groups %#x", i,
			       model.sockets[i].by_root ? "root" : "user", model.sockets[i].port,
			       model.sockets[i].groups);
	for (i = 0; i < model.n_requests; i++) {
		const struct request *request = &model.requests[i];

		printf("\nrequest of socket %d: group %u, %u+%u", request->owner, request->group,
		       request->n_idx, request->n_val);
		for (j = 0; j < request->n_idx + request->n_val; j++)
			printf(" %u..+%u", request->ranges[j].first, request->ranges[j].range);
	}
}

/* The end: prints the defect, and how to reproduce it. */
static inline __attribute__((noreturn, format(printf, 1, 2))) void wrong(const char *format, ...)
{
	va_list args;
	size_t i;

	va_start(args, format);
	printf("operation %llu (%s): ", (unsigned long long)operation, description);
	vprintf(format, args);
	va_end(args);
	printf("\nlast datagram, %zu bytes:", out_len);
	for (i = 0; i < out_len && i < 256; i++)
		printf("%s%02x", i % 32 ? "" : "\n  ", out[i]);
	show_model();
	printf("\nseed %llu failed at operation %llu\n", (unsigned long long)the_seed,
	       (unsigned long long)operation);
	exit(1);
}

/* -- Callbacks ------------------------------------------------------------ */

static inline bool same_id(struct cb_id a, struct cb_id b)
{
	return a.idx == b.idx && a.val == b.val;
}

static inline bool is_channel(struct cb_id id)
{
	return id.idx == CN_IDX_NOTIFY && id.val == CN_VAL_NOTIFY;
}

static inline struct callback *find_callback(struct cb_id id)
{
	size_t i;

	for (i = 0; i < model.n_callbacks; i++)
		if (same_id(model.callbacks[i].id, id))
			return &model.callbacks[i];
	return NULL;
}

static inline struct known *find_known(struct cb_id id)
{
	size_t i;

	for (i = 0; i < model.n_known; i++)
		if (same_id(model.known[i].id, id))
			return &model.known[i];
	return NULL;
}

/* -- Groups --------------------------------------------------------------- */

static inline bool is_member(const struct endpoint *socket, uint32_t group)
{
	return socket->fd >= 0 && group >= 1 && group <= GROUPS &&
	       socket->groups & 1u << (group - 1);
}

static inline bool has_listeners(uint32_t group)
{
	int i;

	for (i = 0; i < SOCKETS; i++)
		if (is_member(&model.sockets[i], group))
			return true;
	return false;
}

static inline bool may_join(uint32_t group, bool as_root)
{
	size_t i;

	if (as_root)
		return true;
	if (model.c)
		return group & 1;
	for (i = 0; i < model.n_callbacks; i++)
		if (model.callbacks[i].opens_group && model.callbacks[i].id.idx == group)
			return true;
	return group == 1;
}

/* -- Expected messages ---------------------------------------------------- */

/*
 * Expects a datagram of `len` bytes on a socket. The caller writes the bytes to the returned
 * address.
 */
static inline uint8_t *expect(struct endpoint *socket, size_t len, uint32_t group)
{
	struct expected *e = &socket->expected[socket->n];

	if (socket->n == MOST_EXPECTED || socket->used + len > EXPECTED_BYTES)
		wrong("the fuzzer has too little room");
	*e = (struct expected) { .at = socket->used, .len = len, .group = group };
	socket->n++;
	socket->used += NLMSG_ALIGN(len);
	memset(socket->bytes + e->at, 0, len);
	return socket->bytes + e->at;
}

/* One message of the kernel, whose netlink payload is `payload`. */
static inline void expect_message(struct endpoint *socket, uint32_t seq, const void *payload,
				  size_t len, uint32_t group)
{
	uint8_t *to = expect(socket, NLMSG_SPACE(len), group);
	struct nlmsghdr nlh = { .nlmsg_len = NLMSG_LENGTH(len), .nlmsg_type = NLMSG_DONE,
				.nlmsg_seq = seq };

	memcpy(to, &nlh, sizeof(nlh));
	memcpy(to + NLMSG_HDRLEN, payload, len);
}

static inline struct endpoint *socket_of(uint32_t port)
{
	int i;

	for (i = 0; i < SOCKETS; i++)
		if (model.sockets[i].fd >= 0 && port && model.sockets[i].port == port)
			return &model.sockets[i];
	return NULL;
}

/*
 * Does a member of the group receive a message? All do but the one with the port. A member that was
 * never bound has port 0, so netlink excludes it when no port is excluded.
 */
static inline bool multicast(uint32_t seq, const void *payload, size_t len, uint32_t port,
			     uint32_t group)
{
	bool reached = false;
	int i;

	for (i = 0; i < SOCKETS; i++) {
		struct endpoint *to = &model.sockets[i];

		if (!is_member(to, group) || (to->port ? to->port : to->refused_port) == port)
			continue;
		expect_message(to, seq, payload, len, group);
		reached = true;
	}
	return reached;
}

/* A message from a module: the result of its send, and its receivers. */
static inline int send_from_kernel(struct cb_id id, uint32_t seq, const void *payload, size_t len,
				   uint32_t port, uint32_t group)
{
	struct endpoint *to;
	bool reached;

	if (!port && !group) {
		if (!find_callback(id)) {
			model.counters.send_unknown_id++;
			return -ENODEV;
		}
		group = id.idx;
	}
	if (!port && !has_listeners(group)) {
		model.counters.send_no_listener++;
		return -ESRCH;
	}
	if (!group) {
		to = socket_of(port);
		if (!to) {
			model.counters.send_undelivered++;
			return -ECONNREFUSED;
		}
		expect_message(to, seq, payload, len, 0);
		model.counters.sent++;
		return NLMSG_SPACE(len);
	}
	reached = multicast(seq, payload, len, port, group);
	if (reached)
		model.counters.sent++;
	else if (has_listeners(group))
		model.counters.send_undelivered++;
	else
		model.counters.send_no_listener++;
	return reached ? 0 : -ESRCH;
}

/* -- Notification --------------------------------------------------------- */

static inline bool in_ranges(uint32_t number, const struct cn_notify_req *ranges, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		if (number >= ranges[i].first &&
		    (uint64_t)number < (uint64_t)ranges[i].first + ranges[i].range)
			return true;
	return false;
}

static inline bool is_matched(const struct request *request, struct cb_id id)
{
	return in_ranges(id.idx, request->ranges, request->n_idx) &&
	       in_ranges(id.val, request->ranges + request->n_idx, request->n_val);
}

/* The last request is notified first. */
static inline void notify(struct cb_id id, uint32_t what)
{
	struct cn_msg event = { .id = id, .ack = what };
	size_t i;

	for (i = model.n_requests; i-- > 0;) {
		const struct request *request = &model.requests[i];

		if (!is_matched(request, id))
			continue;
		if (multicast(0, &event, sizeof(event), 0, request->group) ||
		    !has_listeners(request->group))
			model.counters.notified++;
		else
			model.counters.notify_lost++;
	}
}

static inline void forget_requests(int owner)
{
	size_t i, kept = 0;

	for (i = 0; i < model.n_requests; i++)
		if (model.requests[i].owner != owner)
			model.requests[kept++] = model.requests[i];
	model.n_requests = kept;
}

/* -- Registering ---------------------------------------------------------- */

static inline struct callback *register_callback(struct cb_id id, const char *name, enum kind kind)
{
	struct callback *callback;

	if (find_callback(id))
		return NULL;
	if (model.n_callbacks == MOST_CALLBACKS)
		wrong("the fuzzer has too little room");
	callback = &model.callbacks[model.n_callbacks++];
	*callback = (struct callback) {
		.id = id, .kind = kind, .capability = -1, .serial = ++model.serial,
	};
	snprintf(callback->name, sizeof(callback->name), "%.31s", name);
	if (kind != CHANNEL)
		notify(id, REGISTERED);
	return callback;
}

static inline void unregister_callback(struct cb_id id)
{
	struct callback *callback = find_callback(id);

	if (!callback)
		return;
	model.n_callbacks--;
	memmove(callback, callback + 1,
		(char *)&model.callbacks[model.n_callbacks] - (char *)callback);
	notify(id, UNREGISTERED);
}

#endif
