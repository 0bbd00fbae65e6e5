// SPDX-License-Identifier: GPL-2.0
/*
 * Sending from the kernel, with every allocation failing in turn. The caller is informed, and the
 * message is counted once. Each member of the group receives it or counts it as lost.
 */
#include <sys/ioctl.h>

#include "fault.h"
#include "../cn_client.h"

#define IDX 25
#define CRATE_IDX 26
#define MEMBERS 3

struct command {
	uint32_t idx, val, what, argument, second, atomic, access, access_argument;
};

#define COMMAND(n) _IOW('c', n, struct command)
#define ADD COMMAND(1)
#define SEND COMMAND(3)
#define SEND_TO_PORT COMMAND(5)
#define SEND_DRAFT COMMAND(11)
#define SEND_BUNDLE COMMAND(13)

static const char * const outcomes[] = {
	"sent", "send_no_memory", "send_undelivered", "send_no_listener", "send_unknown_id",
};

#define OUTCOMES (sizeof(outcomes) / sizeof(outcomes[0]))

static struct cn_received got;
static int members[MEMBERS], crate_fd;
static uint32_t port;
static bool to_group;
static long long counted[OUTCOMES], lost[MEMBERS];
/* How often the counter for lack of memory has increased. */
static int no_memory;

static void save_counters(void)
{
	size_t i;

	for (i = 0; i < OUTCOMES; i++)
		counted[i] = read_counter(STATS, outcomes[i]);
	for (i = 0; i < MEMBERS; i++)
		lost[i] = cn_drops(cn_port(members[i]));
}

static int drain(int fd)
{
	int received = 0;

	while (cn_receive_within(fd, &got, 0) > 0 || got.len == -ENOBUFS)
		received += got.len > 0;
	return received;
}

static void check(int ret, bool failed)
{
	long long changes[OUTCOMES], sum = 0, drops;
	int received, i, n = to_group ? MEMBERS : 1;

	for (i = 0; i < OUTCOMES; i++)
		sum += changes[i] = read_counter(STATS, outcomes[i]) - counted[i];
	expect(sum <= 1, "counted %lld times", sum);
	expect(ret < 0 || changes[0] == 1, "it succeeded, and is not counted as sent");
	expect(ret >= 0 || !changes[0], "it failed with %d, and is counted as sent", ret);
	expect(!changes[1] || ret == -ENOMEM, "no memory, and the error is %d", ret);
	expect(!changes[4], "the id is said to be unknown");
	no_memory += changes[1];
	for (i = 0; i < n; i++) {
		received = drain(members[i]);
		drops = cn_drops(cn_port(members[i])) - lost[i];
		expect(ret < 0 || received + drops == 1, "member %d received %d and lost %lld", i,
		       received, drops);
		expect(ret >= 0 || !received, "it failed, and member %d received %d", i, received);
	}
	save_counters();
}

static int crate(unsigned long number, uint32_t what, uint32_t access, uint32_t access_argument)
{
	/* 16 bytes; of a bundle, 4 messages. */
	struct command c = {
		.idx = CRATE_IDX, .val = 1, .what = what,
		.argument = number == SEND_BUNDLE ? 4 : 16,
		.access = access, .access_argument = access_argument,
	};
	int ret = ioctl(crate_fd, number, &c);

	return ret < 0 ? -errno : ret;
}

static int send_group(void)
{
	return client("send id=%u:1 msg_len=100", IDX);
}

static int send_filtered(void)
{
	return client("send_mult id=%u:1 msg_len=100 filter=accept", IDX);
}

static int send_atomic(void)
{
	return client("send id=%u:1 gfp=atomic context=spinlock", IDX);
}

static int send_port(void)
{
	return client("send id=%u:1 portid=%u msg_len=100", IDX, port);
}

static int send_crate(void)
{
	return crate(SEND, 0, 0, 0);
}

static int send_crate_port(void)
{
	return crate(SEND_TO_PORT, port, 0, 0);
}

static int send_draft(void)
{
	return crate(SEND_DRAFT, 0, 16, 0);
}

static int send_bundle(void)
{
	return crate(SEND_BUNDLE, 0, 8, 512);
}

static void sweep_to(struct sweep *s, bool group)
{
	int before = no_memory;

	to_group = group;
	save_counters();
	sweep(s);
	expect(no_memory > before, "send_no_memory has not moved");
}

int main(void)
{
	struct sweep sweeps[] = {
		{ "send_to_group", send_group, check },
		{ "send_filtered", send_filtered, check },
		{ "send_atomic", send_atomic, check },
		{ "send_crate", send_crate, check },
		{ "send_draft", send_draft, check },
		{ "send_bundle", send_bundle, check },
		{ "send_to_port", send_port, check },
		{ "send_crate_to_port", send_crate_port, check },
	};
	struct command add = { .idx = CRATE_IDX, .val = 1 };
	int i;

	faults_begin();
	crate_fd = open("/dev/cn-rust-client", O_RDWR | O_CLOEXEC);
	if (crate_fd < 0 || client("clear") || client("add %u:1 faults count", IDX) ||
	    ioctl(crate_fd, ADD, &add)) {
		printf("the test modules must be loaded\n");
		return 1;
	}
	for (i = 0; i < MEMBERS; i++) {
		members[i] = cn_open_in_group(IDX);
		if (members[i] < 0 || cn_join(members[i], CRATE_IDX)) {
			printf("a member can't join\n");
			return 1;
		}
	}
	port = cn_port(members[0]);
	for (i = 0; i < 6; i++)
		sweep_to(&sweeps[i], true);
	for (i = 6; i < 8; i++)
		sweep_to(&sweeps[i], false);
	client("clear");
	client_close();
	close(crate_fd);
	printf("send_no_memory moved %d times\n", no_memory);
	return sweeps_end(sweeps, 8);
}
