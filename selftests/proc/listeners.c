// SPDX-License-Identifier: GPL-2.0
/*
 * The receivers of process events, and the answers to requests. Runs on every provider.
 * selftests/proc_differences.txt has the reason for each difference.
 */
#include "kselftest_harness.h"
#include "cn_process.h"

FIXTURE(listeners)
{
	/* A socket that listens, independent of others. */
	int fd;
};

FIXTURE_SETUP(listeners)
{
	CN_NEEDS_PROCESS_EVENTS();
	self->fd = process_open(0);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(listeners)
{
	close(self->fd);
}

/* -- The receivers of events -------------------------------------------------- */

TEST_F(listeners, listener_hears)
{
	EXPECT_TRUE(process_hears(self->fd));
}

/* Listens to some events; a provider may not acknowledge to a listener with a filter. */
static int open_filtered(uint32_t events)
{
	int fd = process_open(events), ret;

	if (fd != -ETIMEDOUT)
		return fd;
	fd = cn_open_in_group(CN_IDX_PROC);
	if (fd < 0)
		return fd;
	ret = process_filtered(fd, PROC_CN_MCAST_LISTEN, events, 1, 1);
	if (ret < 0) {
		close(fd);
		return ret;
	}
	return fd;
}

TEST_F(listeners, several_in_one_process)
{
	int second = open_filtered(PROC_EVENT_EXIT), third = open_filtered(PROC_EVENT_FORK);
	int pid;

	ASSERT_LE(0, second);
	ASSERT_LE(0, third);
	pid = process_make(0);
	EXPECT_EQ(2, process_count(self->fd, pid));
	EXPECT_EQ(1, process_count(second, pid));
	EXPECT_EQ(1, process_count(third, pid));
	close(second);
	close(third);
	EXPECT_TRUE(process_hears(self->fd));
}

TEST_F(listeners, ignoring_socket_gets_no_event)
{
	int other = process_open(0);

	ASSERT_LE(0, other);
	ASSERT_LT(0, process_ignore(other));
	cn_drain(other);
	EXPECT_FALSE(process_hears(other));
	EXPECT_TRUE(process_hears(self->fd));
	EXPECT_EQ(0, process_listen(other));
	EXPECT_TRUE(process_hears(other));
	close(other);
}

TEST_F(listeners, member_without_request_gets_no_event)
{
	int other = cn_open_in_group(CN_IDX_PROC);

	ASSERT_LE(0, other);
	EXPECT_FALSE(process_hears(other));
	close(other);
}

TEST_F(listeners, filter_can_be_changed)
{
	int other = open_filtered(PROC_EVENT_EXEC), pid;

	ASSERT_LE(0, other);
	ASSERT_LT(0, process_filtered(other, PROC_CN_MCAST_LISTEN, PROC_EVENT_EXIT, 1, 1));
	cn_drain(other);
	pid = process_make(0);
	EXPECT_EQ(1, process_count(other, pid));
	ASSERT_LT(0, process_filtered(other, PROC_CN_MCAST_LISTEN, PROC_EVENT_ALL, 1, 1));
	cn_drain(other);
	pid = process_make(0);
	EXPECT_EQ(2, process_count(other, pid));
	close(other);
}

/* Each time, the very next thing that happens. */
TEST_F(listeners, joining_after_the_request_loses_no_event)
{
	int other, i;

	for (i = 0; i < cn_repeat(20); i++) {
		other = cn_open_in_group(0);
		ASSERT_LE(0, other);
		ASSERT_LT(0, process_operation(other, PROC_CN_MCAST_LISTEN, 1, 1));
		ASSERT_EQ(0, i % 2 ? cn_join(other, CN_IDX_PROC) :
				     cn_bind(other, cn_port(other), 1 << (CN_IDX_PROC - 1)));
		EXPECT_EQ(2, process_count(other, process_make(0)));
		close(other);
	}
}

TEST_F(listeners, socket_that_left_the_group_gets_no_event)
{
	int other = process_open(0);

	ASSERT_LE(0, other);
	ASSERT_EQ(0, cn_leave(other, CN_IDX_PROC));
	EXPECT_FALSE(process_hears(other));
	ASSERT_EQ(0, cn_join(other, CN_IDX_PROC));
	EXPECT_TRUE(process_hears(other));
	close(other);
}

/* -- Acknowledgements ------------------------------------------------------------ */

TEST_F(listeners, every_request_is_acknowledged)
{
	EXPECT_EQ(0, process_try(self->fd, PROC_CN_MCAST_LISTEN));
	EXPECT_EQ(0, process_try(self->fd, PROC_CN_MCAST_IGNORE));
	EXPECT_EQ(0, process_try(self->fd, PROC_CN_MCAST_IGNORE));
	EXPECT_EQ(0, process_try(self->fd, PROC_CN_MCAST_LISTEN));
}

TEST_F(listeners, request_with_a_filter_is_acknowledged)
{
	uint32_t number = process_number();

	ASSERT_LT(0,
		  process_filtered(self->fd, PROC_CN_MCAST_LISTEN, PROC_EVENT_EXEC, number,
				   number));
	EXPECT_EQ(0, process_answer(self->fd, number + 1));
}

TEST_F(listeners, socket_outside_the_group_is_acknowledged)
{
	int other = cn_open_in_group(0);

	ASSERT_LE(0, other);
	EXPECT_EQ(0, process_try(other, PROC_CN_MCAST_LISTEN));
	close(other);
}

TEST_F(listeners, others_do_not_see_the_acknowledgement)
{
	uint32_t number = process_number();
	int other = cn_open_in_group(CN_IDX_PROC);

	ASSERT_LE(0, other);
	ASSERT_LT(0, process_operation(other, PROC_CN_MCAST_LISTEN, number, number));
	EXPECT_EQ(1, process_answer(self->fd, number + 1));
	close(other);
}

/* The acknowledgement must not wait for room that only the sender can make. */
TEST_F(listeners, full_buffer_does_not_hold_the_sender_up)
{
	int other = process_open(0), size = 0, i;

	ASSERT_LE(0, other);
	ASSERT_EQ(0, setsockopt(other, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)));
	for (i = 0; i < 50; i++)
		process_make(0);
	EXPECT_LT(0, process_ignore(other));
	close(other);
}

/* -- Requests that are refused ------------------------------------------------------ */

TEST_F(listeners, unknown_operation_is_refused)
{
	EXPECT_EQ(-EINVAL, process_try(self->fd, 0));
	EXPECT_EQ(-EINVAL, process_try(self->fd, 3));
	EXPECT_EQ(-EINVAL, process_try(self->fd, 0x01000000));
	EXPECT_EQ(-EINVAL, process_try(self->fd, UINT32_MAX));
	EXPECT_TRUE(process_hears(self->fd));
}

TEST_F(listeners, refused_operation_changes_nothing)
{
	int other = process_open(0), pid;

	ASSERT_LE(0, other);
	ASSERT_LT(0, process_filtered(other, 3, PROC_EVENT_EXEC, 1, 1));
	cn_drain(other);
	pid = process_make(0);
	EXPECT_EQ(2, process_count(other, pid));

	ASSERT_LT(0, process_ignore(other));
	ASSERT_LT(0, process_filtered(other, 3, PROC_EVENT_ALL, 1, 1));
	cn_drain(other);
	EXPECT_FALSE(process_hears(other));
	close(other);
}

TEST_F(listeners, other_lengths_are_refused)
{
	uint8_t payload[64] = { PROC_CN_MCAST_IGNORE };
	int len;

	for (len = 0; len <= sizeof(payload); len++)
		if (len != sizeof(uint32_t) && len != sizeof(struct proc_input))
			ASSERT_LT(0, process_ask(self->fd, payload, len, 1, 1));
	EXPECT_EQ(1, process_answer(self->fd, 2));
	EXPECT_TRUE(process_hears(self->fd));
}

TEST_F(listeners, refusal_is_answered_where_an_ack_is_requested)
{
	static struct cn_received got;
	uint32_t operation = 3;
	struct cn_packet p = {
		.id = { CN_IDX_PROC, CN_VAL_PROC },
		.nl_flags = NLM_F_ACK,
		.data = &operation,
		.data_len = sizeof(operation),
	};
	struct cn_ack ack;
	int other = cn_open_in_group(CN_IDX_PROC);

	ASSERT_LE(0, other);
	p.ack = process_number();
	ASSERT_LT(0, cn_send(other, &p));
	EXPECT_EQ(-EINVAL, process_answer(other, p.ack + 1));
	ASSERT_EQ(0, cn_receive_ack(other, &got, &ack));
	EXPECT_EQ(-EINVAL, ack.error);
	p.data_len = 3;
	ASSERT_LT(0, cn_send(other, &p));
	ASSERT_EQ(0, cn_receive_ack(other, &got, &ack));
	EXPECT_EQ(-EINVAL, ack.error);
	close(other);
}
