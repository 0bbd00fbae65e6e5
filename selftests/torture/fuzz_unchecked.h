/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Operations outside of the fuzzer's model: allocations that fail, many tasks inside of callbacks
 * at once, and callbacks that are registered and unregistered meanwhile. Nothing is compared here.
 * The purpose is coverage of the connector, on a kernel with checks. Records coverage of all
 * threads.
 */
#ifndef FUZZ_UNCHECKED_H
#define FUZZ_UNCHECKED_H

#include <semaphore.h>

#include "fail_nth.h"
#include "fuzz_calls.h"
#include "fuzz_coverage.h"

#define RUST_WATCH _IOW('c', 15, struct rust_command)
#define RUST_PUBLIC 1
#define RUST_USER 3

static inline int rust(unsigned long command, uint32_t idx, uint32_t val, uint32_t what,
		       uint32_t argument, uint32_t access)
{
	/* The callbacks that unregister do so with themselves. */
	struct rust_command numbers = {
		.idx = idx, .val = val, .what = what, .argument = argument, .second = val,
		.access = access, .access_argument = 12345,
	};

	return ioctl(model.rust_fd, command, &numbers);
}

static inline void drain(int fd)
{
	static __thread uint8_t rest[32 * 1024];

	while (recv(fd, rest, sizeof(rest), MSG_DONTWAIT) >= 0 || errno == ENOBUFS)
		;
}

/* The ids that datagrams are made for (pick_id). */
static inline void add_known(uint32_t idx, uint32_t val)
{
	model.callbacks[model.n_callbacks++] = (struct callback) { .id = { idx, val } };
}

/* Some of all kinds; those that are there already are left alone. */
static inline void add_all_kinds(void)
{
	client("add 25:1 echo echo");
	client("add 25:2 self del-self");
	client("add 25:3 other del:25:2");
	client("add 25:4 group send:9");
	rust(RUST_ADD, 26, 1, 0, 0, RUST_PUBLIC);
	rust(RUST_ADD, 26, 2, 1, EIO, 0);
	rust(RUST_ADD, 26, 3, 6, 0, 4);
	/* For a user that does not exist. */
	rust(RUST_ADD, 26, 4, 0, 0, RUST_USER);
	rust(RUST_ADD, 27, 1, 3, 27, RUST_PUBLIC);
}

/* -- Allocations that fail -------------------------------------------------- */

static inline int open_listener(bool by_root, int size)
{
	int fd;

	as_root(by_root);
	fd = cn_open();
	as_root(true);
	/*
	 * A socket that has lost a message is full. The sender of a reply to it would wait, and
	 * this thread is both the sender and the reader.
	 */
	if (fd < 0 || cn_setopt(fd, NETLINK_NO_ENOBUFS, 1) || cn_bind(fd, 0, 0x1f00) ||
	    cn_setopt(fd, NETLINK_EXT_ACK, 1))
		wrong("a socket for trying faults can't be opened");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	return fd;
}

/*
 * Requests a snapshot that does not fit in the buffer. No other thread reads, so a reply would wait
 * forever.
 */
static inline size_t make_snapshot_request(uint8_t *to)
{
	static uint8_t request[1024];
	struct cn_packet p = {
		.id = { CN_IDX_NOTIFY, CN_VAL_NOTIFY }, .flags = CN_NOTIFY_SNAPSHOT,
		.data = request,
	};

	p.data_len = make_request(request);
	return cn_build(to, &p);
}

/* Datagrams, and modules that register, with faults in two of three. */
static inline void try_faults(uint32_t times)
{
	int fds[4] = { open_listener(true, 4 << 20), open_listener(true, 4 << 20),
		       open_listener(false, 4 << 20), open_listener(true, 1) };
	size_t i;

	/* The files are root's. */
	fault_arm(0);
	faults_by_chance(false);
	describe("faults");
	for (; times; times--) {
		uint32_t fails = pick(3);
		/* Asking for faults by chance takes root. */
		bool root = fails == 2 || !once_in(8);
		int fd = PICK_FROM(fds);

		forget_coverage();
		tape.n = 0;
		out_len = fd == fds[3] ? make_snapshot_request(out) : make_datagram(out);
		if (once_in(8))
			add_all_kinds();
		if (once_in(32))
			rust(RUST_WATCH, 0, 0, pick(4), 0, 0);
		if (once_in(64))
			trace_messages();
		if (once_in(256))
			client("%s %u:%u %u", once_in(2) ? "add_many" : "del_many", MANY_IDX,
			       MANY_FIRST, MANY_COUNT);
		as_root(root);
		if (fails == 1)
			fault_arm(1 + pick(once_in(4) ? 40 : 8));
		else if (fails == 2)
			faults_by_chance(true);
		if (once_in(8))
			add_all_kinds();
		else if (once_in(8))
			client("del 25:%u", 1 + pick(4));
		else if (once_in(8))
			rust(RUST_DELETE, 26, 1 + pick(4), 0, 0, 0);
		else
			cn_send_raw(fd, out, out_len);
		new_coverage();
		if (fails == 1)
			fault_disarm();
		else if (fails == 2)
			faults_by_chance(false);
		as_root(true);
		for (i = 0; i < 4; i++)
			drain(fds[i]);
		/* Requests end with their socket. Their number is limited. */
		if (once_in(16)) {
			i = once_in(2) ? 3 : pick(4);
			close(fds[i]);
			fds[i] = open_listener(i != 2, i == 3 ? 1 : 4 << 20);
		}
	}
	for (i = 0; i < 4; i++)
		close(fds[i]);
	rust(RUST_WATCH, 0, 0, 0, 0, 0);
}

/* -- Many at once ------------------------------------------------------------- */

/* More than there are slots at first. */
#define CALLERS 480
#define CALLER_COVER 4096

static pthread_barrier_t callers_start;

struct caller {
	pthread_t thread;
	int number, fails_at;
};

/* Sends to a callback that waits until it is released. */
static void *run_caller(void *arg)
{
	const struct caller *one = arg;
	struct cn_packet p = { .id = { 25, 9 }, .nl_flags = one->number % 3 ? 0 : NLM_F_ACK };
	uint8_t datagram[256] = {};
	size_t len = cn_build(datagram, &p);
	int fd = cn_open_in_group(0);

	/* A message that is alone has a way of its own. */
	if (one->number % 3 == 1)
		len += cn_build(datagram + NLMSG_ALIGN(len), &p);
	record_this_thread(CALLER_COVER);
	cn_setopt(fd, NETLINK_EXT_ACK, 1);
	pthread_barrier_wait(&callers_start);
	forget_coverage();
	if (one->fails_at)
		fault_arm(one->fails_at);
	cn_send_raw(fd, datagram, len);
	new_coverage();
	if (one->fails_at) {
		fault_disarm();
		close(fault_fd);
	}
	stop_recording();
	close(fd);
	return NULL;
}

/* While they are inside. */
static void *unregister_busy(void *arg)
{
	record_this_thread(CALLER_COVER);
	forget_coverage();
	client("del 25:9");
	new_coverage();
	client_close();
	stop_recording();
	return NULL;
}

static inline void try_many_callers(void)
{
	static struct caller callers[CALLERS];
	struct cn_packet p = { .id = { 25, 2 } };
	pthread_t other;
	pthread_attr_t small;
	int i, fd = cn_open_in_group(0);

	describe("many callers");
	client("add 25:9 held hold");
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 128 * 1024);
	pthread_barrier_init(&callers_start, NULL, CALLERS + 1);
	for (i = 0; i < CALLERS; i++) {
		callers[i].number = i;
		callers[i].fails_at = i % 4 ? 4 + i % 5 : 0;
		if (pthread_create(&callers[i].thread, &small, run_caller, &callers[i]))
			wrong("no thread: %s", strerror(errno));
	}
	pthread_barrier_wait(&callers_start);
	/* Most are inside now; for this it does not matter which. */
	usleep(300 * 1000);
	if (pthread_create(&other, &small, unregister_busy, NULL))
		wrong("no thread: %s", strerror(errno));
	/* Callbacks that unregister something scan the slots of all callers. */
	for (i = 0; i < 20; i++) {
		add_all_kinds();
		forget_coverage();
		p.id = (struct cb_id) { i % 2 ? 27 : 25, i % 2 ? 1 : 2 };
		cn_send(fd, &p);
		client("del 25:1");
		new_coverage();
	}
	client("release 25:9");
	for (i = 0; i < CALLERS; i++)
		pthread_join(callers[i].thread, NULL);
	pthread_join(other, NULL);
	pthread_barrier_destroy(&callers_start);
	client("clear");
	close(fd);
}

/* -- Registering and unregistering ------------------------------------------------ */

static int storm_ends;

/*
 * Sends to callbacks that unregister themselves and others, while another thread registers them
 * again.
 */
static void *send_in_storm(void *arg)
{
	static const struct cb_id ids[] = { { 25, 1 }, { 25, 2 }, { 25, 3 }, { 27, 1 }, { 26, 1 } };
	unsigned int random = (unsigned long)arg;
	int fd = cn_open_in_group(0);
	uint8_t datagram[256] = {};

	record_this_thread(CALLER_COVER);
	while (!__atomic_load_n(&storm_ends, __ATOMIC_SEQ_CST)) {
		struct cn_packet p = { .id = ids[rand_r(&random) % 5],
				       .nl_flags = rand_r(&random) % 2 ? NLM_F_ACK : 0 };
		size_t len = NLMSG_ALIGN(cn_build(datagram, &p));

		if (rand_r(&random) % 2) {
			p.id = ids[rand_r(&random) % 5];
			len += cn_build(datagram + len, &p);
		}
		forget_coverage();
		cn_send_raw(fd, datagram, len);
		new_coverage();
		drain(fd);
	}
	stop_recording();
	close(fd);
	return NULL;
}

static inline void try_storm(uint32_t times)
{
	int listener = open_listener(true, 4 << 20);
	pthread_t senders[3];
	size_t i;

	describe("storm");
	for (i = 0; i < 8; i++)
		cn_send_raw(listener, out, make_snapshot_request(out));
	rust(RUST_WATCH, 0, 0, 1, 0, 0);
	storm_ends = 0;
	for (i = 0; i < 3; i++)
		if (pthread_create(&senders[i], NULL, send_in_storm, (void *)(i + 1)))
			wrong("no thread: %s", strerror(errno));
	for (; times; times--) {
		forget_coverage();
		add_all_kinds();
		rust(RUST_DELETE, 26, 1, 0, 0, 0);
		rust(RUST_DELETE, 27, 1, 0, 0, 0);
		client("del 25:%u", 1 + times % 4);
		new_coverage();
		drain(listener);
	}
	__atomic_store_n(&storm_ends, 1, __ATOMIC_SEQ_CST);
	for (i = 0; i < 3; i++)
		pthread_join(senders[i], NULL);
	rust(RUST_WATCH, 0, 0, 0, 0, 0);
	close(listener);
}

/* An open file of its own that watches, besides the one of the model. */
static inline int open_watcher(void)
{
	struct rust_command start = { .what = 1 };
	int fd = open("/dev/cn-rust-client", O_RDWR | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, RUST_WATCH, &start))
		wrong("/dev/cn-rust-client: %s", strerror(errno));
	return fd;
}

/* Arrays of slots do not become short again, so each round has the connector anew. */
static inline void try_unchecked(uint32_t rounds)
{
	int watcher;

	for (; rounds; rounds--) {
		describe("load");
		load_connector();
		find_sections();
		model.n_callbacks = 0;
		add_known(CN_IDX_NOTIFY, CN_VAL_NOTIFY);
		model.callbacks[0].kind = CHANNEL;
		add_known(25, 1);
		add_known(25, 2);
		add_known(25, 3);
		add_known(25, 4);
		add_known(26, 1);
		add_known(26, 2);
		add_known(26, 3);
		add_known(26, 4);
		add_known(27, 1);
		watcher = open_watcher();
		add_all_kinds();
		try_many_callers();
		try_faults(1500);
		try_storm(1000);
		close(watcher);
		client("clear");
		describe("unload");
		unload_connector();
	}
}

#endif
