// SPDX-License-Identifier: GPL-2.0
/*
 * Registering and unregistering, in C and with the crate, with every allocation failing in turn,
 * while the table grows. A callback is registered or it is not, and the others stay registered.
 * Afterwards a client is unloaded that leaves callbacks behind.
 */
#include <sys/ioctl.h>

#include "fault.h"
#include "../cn_client.h"

#define IDX 25
#define CRATE_IDX 26
/* The table grows several times on the way to that. */
#define CALLBACKS 70

struct command {
	uint32_t idx, val, what, argument, second, atomic, access, access_argument;
};

#define ADD _IOW('c', 1, struct command)
#define DELETE _IOW('c', 2, struct command)
#define ALIVE _IOW('c', 6, struct command)

static int crate_fd, listener, owner;
static uint32_t val;

static int crate(unsigned long number, uint32_t id_val)
{
	struct command c = { .idx = CRATE_IDX, .val = id_val };
	int ret = ioctl(crate_fd, number, &c);

	return ret < 0 ? -errno : ret;
}

/* Does a message to the id reach a callback, according to its acknowledgement? */
static bool is_registered(uint32_t idx, uint32_t id_val)
{
	static struct cn_received got;
	struct cn_packet p = { .id = { idx, id_val }, .nl_flags = NLM_F_ACK };
	struct cn_ack ack = {};

	do {
		cn_drain(owner);
		expect(cn_send(owner, &p) > 0, "sending");
		/* A handler has replied before. */
		do
			cn_receive(owner, &got);
		while (got.len > 0 && got.nlh.nlmsg_type == NLMSG_DONE);
	} while (got.len == -ENOBUFS);
	expect(!cn_parse_ack(&got, &ack), "no answer");
	return !ack.error;
}

static int add(void)
{
	return client("add %u:%u faults count", IDX, val);
}

static int del(void)
{
	return client("del %u:%u", IDX, val);
}

/* All callbacks before this one, and this one as it should be. */
static void check_there(uint32_t idx, bool there)
{
	expect(is_registered(idx, val) == there, "%u:%u is not as it should be", idx, val);
	expect(val == 1 || is_registered(idx, 1), "the first one is not registered");
	expect(val < 3 || is_registered(idx, val - 1), "the last one is not registered");
}

static void check_add(int ret, bool failed)
{
	check_there(IDX, !ret);
	if (!ret)
		expect(!del(), "unregistering");
	check_there(IDX, false);
}

static void check_del(int ret, bool failed)
{
	check_there(IDX, ret);
	if (ret)
		expect(!del(), "unregistering");
	expect(!add(), "registering again");
	check_there(IDX, true);
}

static int add_crate(void)
{
	return crate(ADD, val);
}

static void check_add_crate(int ret, bool failed)
{
	check_there(CRATE_IDX, !ret);
	if (!ret)
		expect(!crate(DELETE, val), "unregistering");
	check_there(CRATE_IDX, false);
	expect(crate(ALIVE, 0) == (int)val - 1, "%d handlers are in memory", crate(ALIVE, 0));
}

static int del_crate(void)
{
	return crate(DELETE, val);
}

static void check_del_crate(int ret, bool failed)
{
	check_there(CRATE_IDX, ret);
	if (ret)
		expect(!crate(DELETE, val), "unregistering");
	expect(crate(ALIVE, 0) == (int)val - 1, "%d handlers are in memory", crate(ALIVE, 0));
	expect(!crate(ADD, val), "registering again");
}

/* -- A client that is unloaded and forgets to unregister -------------------------------- */

#define FORGOTTEN 3

static void leave_behind(void)
{
	expect(!client("add_many %u:1 %u", IDX, FORGOTTEN), "registering");
	expect(!client("forget"), "forgetting");
	client_close();
}

static int unload_client(void)
{
	return module_unload("cn_client");
}

static void check_unload(int ret, bool failed)
{
	uint32_t i;

	/* A name that can't be read is refused, and nothing has begun. */
	expect(module_is_loaded("cn_client") == (ret != 0), "loaded is not %d", ret != 0);
	for (i = 1; i <= FORGOTTEN; i++)
		expect(is_registered(IDX, i) == (ret != 0), "%u:%u is not as it should be", IDX, i);
	if (ret)
		return;
	expect(!module_load("cn_client", ""), "loading again");
	leave_behind();
}

static void sweep_all(struct sweep *of_add, struct sweep *of_del, int (*register_one)(void))
{
	for (val = 1; val <= CALLBACKS && faults_wrong < 10; val++) {
		sweep(of_add);
		expect(!register_one(), "registering");
		/* Unregistering does not depend on how many there are. */
		if (val % 16 == 1)
			sweep(of_del);
	}
}

int main(void)
{
	struct sweep sweeps[] = {
		{ "register", add, check_add },
		{ "unregister", del, check_del },
		{ "register_crate", add_crate, check_add_crate },
		{ "unregister_crate", del_crate, check_del_crate },
		{ "forget", unload_client, check_unload },
	};

	faults_begin();
	crate_fd = open("/dev/cn-rust-client", O_RDWR | O_CLOEXEC);
	owner = cn_open_in_group(0);
	listener = cn_open_in_group(IDX);
	if (crate_fd < 0 || owner < 0 || listener < 0 || client("clear")) {
		printf("the test modules must be loaded\n");
		return 1;
	}
	sweep_all(&sweeps[0], &sweeps[1], add);
	client("clear");
	sweep_all(&sweeps[2], &sweeps[3], add_crate);
	leave_behind();
	sweep(&sweeps[4]);
	client("clear");
	client_close();
	close(crate_fd);
	close(owner);
	close(listener);
	return sweeps_end(sweeps, 5);
}
