// SPDX-License-Identifier: GPL-2.0
/*
 * Unregistering beside senders of the lowest priority, which are preempted at any point of their
 * code: on the same processor by a task of the highest priority, and on another one by others.
 */
#include "kselftest_harness.h"
#include "cn_client.h"
#include "cn_priority.h"
#include "cn_watchdog.h"

#define PRIORITY_IDX 46
#define ROUNDS 1000
/*
 * Far more than unregistering takes, on a slow kernel too. Less than the time that the scheduler
 * gives to a task of high priority at once.
 */
#define LIMIT_MS 400
/* A host that gives the guest no time for so long may do that once. */
#define TOO_LONG_MOST 1

/* Datagrams full of messages, to unregistered ids and to one that is registered. */
static void send_for_ever(void)
{
	static uint8_t datagram[64 * 1024];
	struct cn_packet p = { .id = { PRIORITY_IDX, 99 } };
	size_t len = 0;
	int fd, i;

	for (i = 0; len + 64 < sizeof(datagram); i++) {
		p.id.val = i % 4 ? 99 : 2;
		len += cn_build(datagram + len, &p);
	}
	set_policy(SCHED_IDLE, 0);
	become_user();
	fd = cn_open();
	while (cn_send_raw(fd, datagram, len) > 0)
		;
	_exit(1);
}

static void spin_for_ever(void)
{
	become_user();
	for (;;)
		usleep(watchdog_ms() % 20 ? 0 : 2000);
}

static pid_t start(void (*run)(void), int processor)
{
	pid_t child = fork();

	if (!child) {
		stay_on(processor);
		run();
	}
	return child;
}

FIXTURE(priority)
{
	pid_t children[4];
	int longest;
};

FIXTURE_VARIANT(priority)
{
	int processor;
	int policy;
	int spinners;
};

FIXTURE_VARIANT_ADD(priority, highest_on_the_same_processor) { .policy = SCHED_FIFO };
FIXTURE_VARIANT_ADD(priority, ordinary_on_the_same_processor) { .policy = SCHED_OTHER };
FIXTURE_VARIANT_ADD(priority, on_another_processor) {
	.processor = 1, .policy = SCHED_OTHER, .spinners = 3
};

/* With one processor, all share it. */
static int processor_of(int processor)
{
	return processor % (int)sysconf(_SC_NPROCESSORS_ONLN);
}

FIXTURE_SETUP(priority)
{
	int i;

	CN_NEEDS_CLIENT();
	ASSERT_EQ(0, client("add %u:2 sent_to count", PRIORITY_IDX));
	self->children[0] = start(send_for_ever, 0);
	for (i = 1; i <= variant->spinners; i++)
		self->children[i] = start(spin_for_ever, 0);
}

FIXTURE_TEARDOWN(priority)
{
	int i;

	set_policy(SCHED_OTHER, 0);
	for (i = 0; i <= variant->spinners; i++) {
		if (self->children[i] <= 0)
			continue;
		EXPECT_TRUE(is_running(self->children[i]));
		kill(self->children[i], SIGKILL);
		waitpid(self->children[i], NULL, 0);
	}
	client("clear");
}

TEST_F(priority, unregistering_waits_for_no_look_up)
{
	int i, too_long = 0;
	long long begin;

	stay_on(processor_of(variant->processor));
	set_policy(variant->policy, variant->policy == SCHED_FIFO ? 50 : 0);
	for (i = 0; i < cn_repeat(ROUNDS); i++) {
		begin = watchdog_ms();
		ASSERT_EQ(0, client("add %u:1 x count", PRIORITY_IDX));
		ASSERT_EQ(0, client("del %u:1", PRIORITY_IDX));
		too_long += watchdog_ms() - begin > LIMIT_MS;
		/* The next round meets the sender at another point of its code. */
		usleep(200 + 37 * (i % 29));
	}
	EXPECT_GE(TOO_LONG_MOST, too_long);
}
