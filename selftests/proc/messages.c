// SPDX-License-Identifier: GPL-2.0
/*
 * Process events: the fields of a message besides the event, and the acknowledgement of a request.
 * Runs on every provider. selftests/proc_differences.txt has the reason for each difference.
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
	CN_NEEDS_PROCESS_EVENTS();
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

struct numbers {
	uint32_t next[64];
	bool seen[64];
	int count, gaps;
};

static void take_number(struct numbers *n, const struct process_message *m)
{
	uint32_t cpu = m->event.cpu;

	if (cpu >= 64) {
		n->gaps++;
		return;
	}
	if (n->seen[cpu] && n->next[cpu] != m->message.seq)
		n->gaps++;
	n->seen[cpu] = true;
	n->next[cpu] = m->message.seq + 1;
	n->count++;
}

/* Reads all events there are, but no acknowledgements. */
static int take_numbers(struct numbers *n, int fd)
{
	struct process_message m;
	int ret;

	while (!(ret = process_read_within(fd, &m, cn_pause())))
		if ((uint32_t)m.event.what != PROC_EVENT_NONE)
			take_number(n, &m);
	return ret == -ETIMEDOUT ? 0 : ret;
}

static void make_on_two_processors(int count)
{
	cpu_set_t one;

	while (count--) {
		CPU_ZERO(&one);
		CPU_SET(count % 2, &one);
		sched_setaffinity(0, sizeof(one), &one);
		process_make(0);
	}
}

/* A listener that gets everything finds no gap, on any processor. */
TEST_F(message, numbers_of_a_processor_have_no_gap)
{
	struct numbers numbers = {};

	make_on_two_processors(50);
	ASSERT_EQ(0, take_numbers(&numbers, self->fd));
	EXPECT_EQ(0, numbers.gaps);
	EXPECT_LE(100, numbers.count);
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

TEST_F(message, acknowledgement_comes_as_events_do)
{
	ASSERT_EQ(0, ask_again(self->fd, &self->m));
	EXPECT_EQ(0, self->m.from.nl_pid);
	EXPECT_EQ(1 << (CN_IDX_PROC - 1), self->m.from.nl_groups);
	EXPECT_EQ(self->m.message.seq, self->m.header.nlmsg_seq);
}

TEST_F(message, acknowledgement_names_the_processor)
{
	cpu_set_t one;
	int i;

	for (i = 0; i < 2; i++) {
		CPU_ZERO(&one);
		CPU_SET(i, &one);
		if (sched_setaffinity(0, sizeof(one), &one))
			continue;
		ASSERT_EQ(0, ask_again(self->fd, &self->m));
		EXPECT_EQ(i, self->m.event.cpu);
	}
}

TEST_F(message, no_gap_behind_the_acknowledgement)
{
	struct numbers numbers = {};
	int other = cn_open_in_group(CN_IDX_PROC), i;

	ASSERT_LE(0, other);
	make_on_two_processors(4);
	ASSERT_LT(0, process_operation(other, PROC_CN_MCAST_LISTEN, 17, 0x4711));
	do {
		ASSERT_EQ(0, process_read(other, &self->m));
	} while ((uint32_t)self->m.event.what != PROC_EVENT_NONE);
	take_number(&numbers, &self->m);
	for (i = 0; i < 4; i++)
		make_on_two_processors(2);
	ASSERT_EQ(0, take_numbers(&numbers, other));
	EXPECT_EQ(0, numbers.gaps);
	EXPECT_LT(8, numbers.count);
	close(other);
}

/* Other listeners do not see a gap for it. */
TEST_F(message, acknowledgement_takes_no_number)
{
	struct numbers numbers = {};
	int other = cn_open_in_group(CN_IDX_PROC), i;

	ASSERT_LE(0, other);
	for (i = 0; i < 4; i++) {
		make_on_two_processors(2);
		ASSERT_LT(0, process_operation(other, PROC_CN_MCAST_LISTEN, 17, 0x4711));
		ASSERT_LT(0, process_operation(other, PROC_CN_MCAST_IGNORE, 17, 0x4711));
	}
	make_on_two_processors(2);
	ASSERT_EQ(0, take_numbers(&numbers, self->fd));
	EXPECT_EQ(0, numbers.gaps);
	close(other);
}

/* -- Order of messages --------------------------------------------------------------------- */

/* Programs take the first datagram for the answer. */
TEST_F(message, acknowledgement_is_first)
{
	int storm = fork(), other, i, error = 0;

	ASSERT_LE(0, storm);
	if (!storm)
		for (;;)
			process_make(0);
	for (i = 0; i < cn_repeat(300) && !error; i++) {
		other = cn_open_in_group(CN_IDX_PROC);
		if (other < 0 || process_operation(other, PROC_CN_MCAST_LISTEN, 1, 1) < 0 ||
		    process_read(other, &self->m))
			error = 1;
		else if ((uint32_t)self->m.event.what != PROC_EVENT_NONE ||
			 self->m.message.ack != 2)
			error = 2;
		if (other >= 0)
			close(other);
	}
	kill(storm, SIGKILL);
	waitpid(storm, NULL, 0);
	EXPECT_EQ(0, error) {
		TH_LOG("socket %d: what %#x", i, (uint32_t)self->m.event.what);
	}
}
