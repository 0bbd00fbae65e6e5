/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The operations. Each does the same to the connector and to the model, and compares the results.
 */
#ifndef FUZZ_CALLS_H
#define FUZZ_CALLS_H

#include <sys/ioctl.h>

#include "../cn_module.h"
#include "fuzz_datagram.h"
#include "fuzz_compare.h"
#include "fuzz_rules.h"

/* See modules/cn_rust_client.rs. */
struct rust_command {
	uint32_t idx, val, what, argument, second, atomic, access, access_argument;
};

#define RUST_ADD _IOW('c', 1, struct rust_command)
#define RUST_DELETE _IOW('c', 2, struct rust_command)

/* The result of the operation, for the comparison of connectors. */
static int verdict;

static inline void returned(const char *what, int is, int expected)
{
	verdict = is;
	if (is != expected)
		wrong("%s returned %d (%s) instead of %d (%s)", what, is,
		      is < 0 ? strerror(-is) : "success", expected,
		      expected < 0 ? strerror(-expected) : "success");
}

static inline void as_root(bool yes)
{
	if (seteuid(yes ? 0 : USER))
		wrong("seteuid: %s", strerror(errno));
}

static inline struct endpoint *pick_socket(bool is_open)
{
	struct endpoint *found[SOCKETS];
	int i, n = 0;

	for (i = 0; i < SOCKETS; i++)
		if ((model.sockets[i].fd >= 0) == is_open)
			found[n++] = &model.sockets[i];
	return n ? found[pick(n)] : NULL;
}

/* -- Sockets -------------------------------------------------------------- */

static inline void open_socket(void)
{
	struct endpoint *socket = pick_socket(false);
	int size = 4 << 20;

	if (!socket)
		return;
	socket->by_root = !once_in(3);
	describe("open socket %d as %s", (int)(socket - model.sockets),
		 socket->by_root ? "root" : "user");
	as_root(socket->by_root);
	socket->fd = cn_open();
	as_root(true);
	if (socket->fd < 0)
		returned("socket()", socket->fd, 0);
	if (setsockopt(socket->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		wrong("SO_RCVBUFFORCE: %s", strerror(errno));
	socket->port = 0;
	socket->refused_port = 0;
	socket->groups = 0;
	socket->ext_ack = false;
	socket->cap_ack = false;
}

static inline void shut_socket(struct endpoint *socket)
{
	if (close(socket->fd))
		wrong("close: %s", strerror(errno));
	socket->fd = -1;
	forget_requests(socket - model.sockets);
}

static inline void close_socket(void)
{
	struct endpoint *socket = pick_socket(true);

	if (!socket)
		return;
	describe("close socket %d", (int)(socket - model.sockets));
	shut_socket(socket);
}

static inline void learn_port(struct endpoint *socket)
{
	if (!socket->port)
		socket->port = cn_port(socket->fd);
	if (!socket->port)
		wrong("a bound socket has no port");
}

/* The result of netlink for a mask of groups. */
static inline int may_have_mask(uint32_t groups, bool root)
{
	uint32_t group;

	for (group = 1; group <= GROUPS; group++)
		if (groups & 1u << (group - 1) && !may_join(group, root))
			return -EPERM;
	return 0;
}

/* The connectors differ about odd groups other than 1. */
static inline uint32_t pick_group(void)
{
	static const uint32_t edges[] = { 0, 1, 2, 31, 32, 33, 64, 65536, 0x7fffffff, 0x80000000,
					  0xffffffff };

	if (once_in(4))
		return PICK_FROM(edges);
	return once_in(2) ? 9 + pick(3) : PICK_FROM(some_idx);
}

static inline void bind_socket(void)
{
	struct endpoint *socket = pick_socket(true), *other;
	uint32_t port = 0, groups = 0;
	bool root = !once_in(3);
	int expected;

	if (!socket)
		return;
	switch (pick(4)) {
	case 0:
		port = 1000 + pick(4);
		break;
	case 1:
		port = socket->port;
		break;
	case 2:
		other = pick_socket(true);
		port = other->port;
		break;
	}
	if (once_in(2))
		groups = once_in(8) ? pick_any() : 1u << (pick(32)) | 1u << pick(32);
	if (model.common && !root)
		groups &= 0xaaaaaaab;
	describe("bind socket %d to port %u, groups %#x as %s", (int)(socket - model.sockets), port,
		 groups, root ? "root" : "user");
	if (socket->port && port != socket->port)
		expected = -EINVAL;
	else
		expected = may_have_mask(groups, root);
	if (!expected && !socket->port && port && socket_of(port))
		expected = -EADDRINUSE;
	as_root(root);
	verdict = cn_bind(socket->fd, port, groups);
	as_root(true);
	returned("bind()", verdict, expected);
	if (expected == -EADDRINUSE)
		socket->refused_port = port;
	if (expected)
		return;
	if (port)
		socket->port = port;
	learn_port(socket);
	socket->groups = groups;
}

static inline void join_group(void)
{
	struct endpoint *socket = pick_socket(true);
	uint32_t group = pick_group();
	bool root = !once_in(3), leaves = once_in(3);
	int expected = 0;

	if (!socket)
		return;
	if (model.common && !root && group != 1)
		group &= ~1u;
	describe("socket %d %s group %u as %s", (int)(socket - model.sockets),
		 leaves ? "leaves" : "joins", group, root ? "root" : "user");
	if (!group || group > GROUPS)
		expected = -EINVAL;
	else if (!leaves && !may_join(group, root))
		expected = -EPERM;
	as_root(root);
	verdict = leaves ? cn_leave(socket->fd, group) : cn_join(socket->fd, group);
	as_root(true);
	returned("setsockopt()", verdict, expected);
	if (expected)
		return;
	if (leaves)
		socket->groups &= ~(1u << (group - 1));
	else
		socket->groups |= 1u << (group - 1);
}

/* On a socket of its own, so that a difference between the connectors has no consequence. */
static inline void join_odd_group(void)
{
	uint32_t group = 1 + 2 * pick(16);
	int fd, expected = may_join(group, false) ? 0 : -EPERM;

	describe("a user joins group %u", group);
	if (group > 1)
		difference = "odd_groups";
	as_root(false);
	fd = cn_open();
	verdict = cn_join(fd, group);
	as_root(true);
	close(fd);
	returned("setsockopt()", verdict, expected);
}

static inline void set_option(void)
{
	struct endpoint *socket = pick_socket(true);
	bool value = once_in(2), ext = once_in(2);

	if (!socket)
		return;
	describe("socket %d has %s %d", (int)(socket - model.sockets),
		 ext ? "NETLINK_EXT_ACK" : "NETLINK_CAP_ACK", value);
	returned("setsockopt()",
		 cn_setopt(socket->fd, ext ? NETLINK_EXT_ACK : NETLINK_CAP_ACK, value), 0);
	if (ext)
		socket->ext_ack = value;
	else
		socket->cap_ack = value;
}

static inline void receive_nothing(void)
{
	struct endpoint *socket = pick_socket(true);

	if (!socket)
		return;
	describe("receive nothing from socket %d", (int)(socket - model.sockets));
	returned("recv()", recv(socket->fd, in, sizeof(in), MSG_DONTWAIT) < 0 ? -errno : 0,
		 -EAGAIN);
}

static inline void send_datagram(void)
{
	struct endpoint *socket = pick_socket(true);
	bool root;

	if (!socket)
		return;
	root = !once_in(8);
	out_len = make_datagram(out);
	if (model.common) {
		difference = why_different(out, out_len);
		if (difference == parts_ways) {
			difference = NULL;
			out_len = out_len < 15 ? out_len : 15;
		}
	}
	describe("send %zu bytes on socket %d as %s", out_len, (int)(socket - model.sockets),
		 root ? "root" : "user");
	as_root(root);
	verdict = cn_send_raw(socket->fd, out, out_len);
	as_root(true);
	returned("sendto()", verdict, out_len);
	learn_port(socket);
	datagrams++;
	handle_datagram(socket, root, out, out_len);
}

/* -- Callbacks ------------------------------------------------------------ */

static const char *pick_name(void)
{
	static const char names[] = "abcdefghijklmnopqrstuvwxyz0123456789-%/_";
	static char name[sizeof(names)];

	snprintf(name, sizeof(name), "%.*s", 1 + (int)pick(sizeof(names) - 1), names);
	return name;
}

static inline void add_callback(void)
{
	static const enum kind kinds[] = { COUNT, ECHO, ECHO, ECHO, DEL_SELF, DEL_OTHER, SEND_GROUP,
					   SEND_GROUP };
	struct cb_id id = once_in(8) ? pick_id() : pick_new_id(), other = pick_id();
	struct known *known, new = { .id = id, .kind = PICK_FROM(kinds), .other = other };
	const char *name = pick_name();
	char words[64];

	if (is_channel(id) && model.common)
		id.val = new.id.val = 5;
	switch (new.kind) {
	case ECHO:
		strcpy(words, "echo");
		break;
	case DEL_SELF:
		strcpy(words, "del-self");
		break;
	case DEL_OTHER:
		if (is_channel(other))
			new.other.val = 1;
		snprintf(words, sizeof(words), "del:%u:%u", new.other.idx, new.other.val);
		break;
	case SEND_GROUP:
		new.argument = once_in(2) ? 0 : pick_group();
		snprintf(words, sizeof(words), "send:%u", new.argument);
		break;
	default:
		strcpy(words, "count");
	}
	describe("add %u:%u %s %s", id.idx, id.val, name, words);
	verdict = client("add %u:%u %s %s", id.idx, id.val, name, words);
	returned("cn_add_callback()", verdict, find_callback(id) ? -EINVAL : 0);
	if (verdict)
		return;
	known = find_known(id);
	if (!known) {
		known = &model.known[model.n_known++];
		*known = new;
	}
	known->registered = true;
	register_callback(id, name, known->kind);
}

static inline void del_callback(void)
{
	struct cb_id id = pick_id();
	struct known *known;

	if (is_channel(id))
		return;
	describe("del %u:%u", id.idx, id.val);
	returned("cn_del_callback()", client("del %u:%u", id.idx, id.val), 0);
	known = find_known(id);
	if (known)
		known->registered = false;
	unregister_callback(id);
}

static inline void clear_callbacks(void)
{
	size_t i;

	describe("clear");
	returned("clear", client("clear"), 0);
	for (i = 0; i < model.n_known; i++)
		if (model.known[i].registered)
			unregister_callback(model.known[i].id);
	model.n_known = 0;
}

/* More than fit in one part of a snapshot. */
static inline void add_or_del_many(void)
{
	struct cb_id id = { MANY_IDX, MANY_FIRST };
	bool there = find_known(id);
	uint32_t i;

	describe("%s many", there ? "del" : "add");
	returned("many",
		 client("%s %u:%u %u", there ? "del_many" : "add_many", id.idx, id.val,
			MANY_COUNT), 0);
	for (i = 0; i < MANY_COUNT; i++, id.val++) {
		if (there) {
			find_known(id)->registered = false;
			unregister_callback(id);
			continue;
		}
		model.known[model.n_known++] = (struct known) { .id = id, .is_many = true,
								.registered = true };
		register_callback(id, "many", COUNT);
	}
}

static inline void add_rust(void)
{
	struct cb_id id = pick_new_id();
	/* The numbers of the test client. */
	static const uint32_t behaviours[] = { 0, 1, 6, 7 };
	static const enum kind kinds[] = { RUST_ECHO, RUST_FAIL, RUST_REVERSE, RUST_RAW };
	static const uint32_t errors[] = { EPERM, EIO, EBUSY, ENOENT, 512, 4095 };
	uint32_t which = pick(4), access = pick(3);
	struct rust_command command = {
		.idx = id.idx, .val = id.val, .what = behaviours[which],
		.access = access == 2 ? 4 : access, .argument = PICK_FROM(errors),
	};
	struct callback *callback;

	if (command.argument >= 512)
		command.argument = EINVAL;
	describe("add %u:%u in Rust, behaviour %u, access %u", id.idx, id.val, command.what,
		 command.access);
	verdict = ioctl(model.rust_fd, RUST_ADD, &command) ? -errno : 0;
	returned("Registration::new()", verdict, find_callback(id) ? -EINVAL : 0);
	if (verdict)
		return;
	callback = register_callback(id, "rust-client", kinds[which]);
	callback->argument = command.argument;
	callback->capability = command.access == 1 ? -1 : 12;
	callback->opens_group = command.access == 4;
	model.rust[model.n_rust++] = (struct rust_registration) { id, callback->serial };
}

static inline void del_rust(void)
{
	struct cb_id id = model.n_rust && !once_in(8) ? model.rust[pick(model.n_rust)].id :
							pick_new_id();
	struct rust_command command = { .idx = id.idx, .val = id.val };
	struct callback *callback;
	size_t i;

	describe("drop %u:%u in Rust", id.idx, id.val);
	for (i = 0; i < model.n_rust && !same_id(model.rust[i].id, id); i++)
		;
	verdict = ioctl(model.rust_fd, RUST_DELETE, &command) ? -errno : 0;
	returned("delete", verdict, i == model.n_rust ? -ENOENT : 0);
	if (verdict)
		return;
	callback = find_callback(id);
	if (callback && callback->serial == model.rust[i].serial)
		unregister_callback(id);
	model.n_rust--;
	memmove(&model.rust[i], &model.rust[i + 1], (model.n_rust - i) * sizeof(model.rust[0]));
}

/* A module sends. */
static inline void send_message(void)
{
	static uint8_t payload[70000];
	struct cb_id id = pick_id();
	uint32_t seq = pick_any(), msg_len = pick_length(), n = once_in(4) ? 1 + pick(4) : 1;
	uint32_t port = 0, group = 0, i, j;
	struct endpoint *to = pick_socket(true);
	size_t len = 0;
	int expected;

	if (to && once_in(2))
		port = once_in(8) ? 77777 : to->port;
	if (!once_in(3))
		group = pick_group();
	if (is_channel(id) && model.common)
		id.val = 1;
	if (n > 1 && msg_len > 5000)
		n = 1;
	describe("module sends %u messages of %u bytes as %u:%u to port %u, group %u", n, msg_len,
		 id.idx, id.val, port, group);
	for (i = 0; i < n; i++) {
		struct cn_msg msg = { .id = id, .seq = seq + i, .ack = 3, .len = msg_len };

		memcpy(payload + len, &msg, sizeof(msg));
		len += sizeof(msg);
		for (j = 0; j < msg_len; j++)
			payload[len++] = seq + i + j;
	}
	expected = send_from_kernel(id, seq, payload, len, port, group);
	verdict = client("%s id=%u:%u seq=%u ack=3 msg_len=%u portid=%u group=%u%s",
			 n > 1 ? "send_mult" : "send", id.idx, id.val, seq, msg_len, port, group,
			 n == 1 ? "" : n == 2 ? " bundle=2" :
			 n == 3 ? " bundle=3" : " bundle=4");
	returned("cn_netlink_send()", verdict, expected < 0 ? expected : 0);
}

/* -- The module ----------------------------------------------------------- */

static inline void load_connector(void)
{
	int ret = module_load("cn", model.c ? "" : LOAD_PARAMETERS);

	returned("loading cn", ret, 0);
	returned("loading cn_client", module_load("cn_client", ""), 0);
	if (!model.c && !model.common) {
		returned("loading cn_rust_client", module_load("cn_rust_client", ""), 0);
		model.rust_fd = open("/dev/cn-rust-client", O_RDWR | O_CLOEXEC);
		if (model.rust_fd < 0)
			wrong("/dev/cn-rust-client: %s", strerror(errno));
	}
	if (!model.c) {
		const struct cb_id id = { CN_IDX_NOTIFY, CN_VAL_NOTIFY };
		struct callback *channel = register_callback(id, "connector", CHANNEL);

		channel->capability = 12;
	}
}

static inline void unload_connector(void)
{
	int i;

	for (i = 0; i < SOCKETS; i++)
		if (model.sockets[i].fd >= 0)
			shut_socket(&model.sockets[i]);
	client_close();
	if (model.rust_fd >= 0) {
		close(model.rust_fd);
		model.rust_fd = -1;
		returned("unloading cn_rust_client", module_unload_soon("cn_rust_client"), 0);
	}
	returned("unloading cn_client", module_unload_soon("cn_client"), 0);
	returned("unloading cn", module_unload_soon("cn"), 0);
	model.n_callbacks = 0;
	model.n_known = 0;
	model.n_rust = 0;
	model.n_requests = 0;
	model.counters = (struct counters) {};
}

static inline void compare_all(void)
{
	describe("compare everything");
	compare_stats();
	compare_client();
}

/*
 * Traces do not record names of tasks. Recording would change code of the scheduler each time,
 * while another processor runs it. QEMU does not always emulate that correctly.
 */
static inline void record_no_names(void)
{
	int fd = open("/sys/kernel/tracing/options/record-cmd", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "0", 1) != 1)
		wrong("the option record-cmd of tracing: %s", strerror(errno));
	close(fd);
}

/* Traced messages go another way. */
static inline void trace_messages(void)
{
	bool on = once_in(2);
	int fd = open("/sys/kernel/tracing/events/connector/cn_receive/enable",
		      O_WRONLY | O_CLOEXEC);

	describe("tracing %s", on ? "on" : "off");
	record_no_names();
	if (fd < 0 || write(fd, on ? "1" : "0", 1) != 1)
		wrong("the trace point of received messages: %s", strerror(errno));
	close(fd);
}

/*
 * The operations, and their frequency. Those that C does not support are excluded from comparison.
 */
static const struct call {
	void (*make)(void);
	uint32_t weight;
	bool ours_only;
} calls[] = {
	{ send_datagram, 1500, false },
	{ send_message, 60, false },
	{ open_socket, 40, false },
	{ close_socket, 12, false },
	{ bind_socket, 30, false },
	{ join_group, 40, false },
	{ join_odd_group, 6, false },
	{ set_option, 20, false },
	{ receive_nothing, 10, false },
	{ add_callback, 60, false },
	{ del_callback, 40, false },
	{ clear_callbacks, 2, false },
	{ add_or_del_many, 2, false },
	{ add_rust, 50, true },
	{ del_rust, 30, true },
	{ compare_all, 20, false },
	{ trace_messages, 3, true },
};

#define N_CALLS (sizeof(calls) / sizeof(calls[0]))

static inline void make_call(void)
{
	uint32_t all = 0, choice;
	size_t i;

	for (i = 0; i < N_CALLS; i++)
		all += calls[i].weight;
	choice = pick(all);
	for (i = 0; choice >= calls[i].weight; i++)
		choice -= calls[i].weight;
	if (!calls[i].ours_only || !model.common)
		calls[i].make();
}

#endif
