// SPDX-License-Identifier: GPL-2.0
/*
 * Process events: what a message holds besides the event, and the acknowledgement of
 * a request. Runs on every provider; where they differ, selftests/proc_differences.txt
 * says why.
 */
#include "kselftest_harness.h"
#include "cn_process.h"

FIXTURE(message)
{
	int fd;
	struct process_message m;
};

FIXTURE_SETUP(message)
{
	SKIP_WITHOUT_PROCESS_EVENTS();
	self->fd = process_open(0);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(message)
{
	close(self->fd);
}

TEST_F(message, header_is_as_programs_expect)
{
	process_make(0);
	ASSERT_EQ(0, process_read(self->fd, &self->m));
	EXPECT_EQ(76, self->m.header.nlmsg_len);
	EXPECT_EQ(NLMSG_DONE, self->m.header.nlmsg_type);
	EXPECT_EQ(0, self->m.header.nlmsg_flags);
	EXPECT_EQ(self->m.message.seq, self->m.header.nlmsg_seq);
	EXPECT_EQ(0, self->m.header.nlmsg_pid);
	EXPECT_EQ(1, self->m.message.id.idx);
	EXPECT_EQ(1, self->m.message.id.val);
	EXPECT_EQ(0, self->m.message.ack);
	EXPECT_EQ(40, self->m.message.len);
	EXPECT_EQ(0, self->m.message.flags);
	EXPECT_EQ(0, self->m.from.nl_pid);
	EXPECT_EQ(1 << (CN_IDX_PROC - 1), self->m.from.nl_groups);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

TEST_F(message, time_is_that_of_the_event)
{
	uint64_t before = now_ns(), after;
	int pid = process_make(0);

	after = now_ns();
	do {
		ASSERT_EQ(0, process_read(self->fd, &self->m));
	} while (process_subject(&self->m.event) != pid);
	EXPECT_LE(before, self->m.event.timestamp_ns);
	EXPECT_GE(after, self->m.event.timestamp_ns);
}

/* A listener that gets everything finds no gap, on any processor. */
TEST_F(message, numbers_of_a_processor_have_no_gap)
{
	uint32_t next[64];
	bool seen[64] = {};
	int i, cpu, counted = 0;

	for (i = 0; i < 50; i++) {
		cpu_set_t one;

		CPU_ZERO(&one);
		CPU_SET(i % 2, &one);
		sched_setaffinity(0, sizeof(one), &one);
		process_make(0);
	}
	while (!process_read_within(self->fd, &self->m, cn_pause())) {
		if ((uint32_t)self->m.event.what == PROC_EVENT_NONE)
			continue;
		cpu = self->m.event.cpu;
		ASSERT_GT(64, (uint32_t)cpu);
		if (seen[cpu])
			EXPECT_EQ(next[cpu], self->m.message.seq);
		seen[cpu] = true;
		next[cpu] = self->m.message.seq + 1;
		counted++;
	}
	EXPECT_LE(100, counted);
}

TEST_F(message, processor_is_that_of_the_event)
{
	cpu_set_t one;
	int i, pid;

	for (i = 0; i < 2; i++) {
		CPU_ZERO(&one);
		CPU_SET(i, &one);
		if (sched_setaffinity(0, sizeof(one), &one))
			continue;
		pid = process_make(0);
		do {
			ASSERT_EQ(0, process_read(self->fd, &self->m));
		} while (process_subject(&self->m.event) != pid);
		EXPECT_EQ(i, self->m.event.cpu);
	}
}

/* -- The acknowledgement -------------------------------------------------------------- */

/* Makes a request with seq 17 and ack 0x4711, and reads its acknowledgement. */
static int ask_again(int fd, struct process_message *m)
{
	int ret = process_operation(fd, PROC_CN_MCAST_LISTEN, 17, 0x4711);

	if (ret < 0)
		return ret;
	do {
		ret = process_read(fd, m);
	} while (!ret && (uint32_t)m->event.what != PROC_EVENT_NONE);
	return ret;
}

TEST_F(message, acknowledgement_of_a_request)
{
	uint32_t zeroes[6] = {};

	ASSERT_EQ(0, ask_again(self->fd, &self->m));
	EXPECT_EQ(0x4712, self->m.message.ack);
	EXPECT_EQ(0, self->m.message.flags);
	EXPECT_EQ(0, self->m.header.nlmsg_flags);
	EXPECT_EQ(0, memcmp(zeroes, &self->m.event.event_data, sizeof(zeroes)));
}

TEST_F(message, acknowledgement_is_sent_to_one_socket)
{
	ASSERT_EQ(0, ask_again(self->fd, &self->m));
	EXPECT_EQ(0, self->m.from.nl_pid);
	EXPECT_EQ(0, self->m.from.nl_groups);
}

TEST_F(message, acknowledgement_takes_no_number)
{
	ASSERT_EQ(0, ask_again(self->fd, &self->m));
	EXPECT_EQ(17, self->m.message.seq);
	EXPECT_EQ(17, self->m.header.nlmsg_seq);
	EXPECT_EQ(UINT32_MAX, self->m.event.cpu);
}

TEST_HARNESS_MAIN
