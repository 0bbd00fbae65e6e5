// SPDX-License-Identifier: GPL-2.0
/*
 * Messages from the kernel to the members of a group.
 */
#include "kselftest_harness.h"
#include "cn_client.h"

#define IDX 25
#define LISTENERS 5

static struct cn_received got;

FIXTURE(multicast)
{
	int fds[LISTENERS];
	int outsider;
};

FIXTURE_SETUP(multicast)
{
	int i;

	CN_NEEDS_CLIENT();
	for (i = 0; i < LISTENERS; i++) {
		self->fds[i] = cn_open_in_group(IDX);
		ASSERT_LE(0, self->fds[i]);
	}
	self->outsider = cn_open_in_group(IDX + 1);
	ASSERT_LE(0, self->outsider);
}

FIXTURE_TEARDOWN(multicast)
{
	int i;

	for (i = 0; i < LISTENERS; i++)
		close(self->fds[i]);
	close(self->outsider);
	EXPECT_EQ(0, client("clear"));
}

static bool has_pattern(int fd, uint32_t seq, size_t len)
{
	uint8_t data[256];
	size_t i;

	for (i = 0; i < len; i++)
		data[i] = seq + i;
	return cn_receive(fd, &got) > 0 && cn_is_message(&got, IDX, 1, seq, 0, data, len);
}

TEST_F(multicast, to_a_group_reaches_every_member_once)
{
	int i;

	ASSERT_EQ(0, client("send id=%u:1 seq=3 msg_len=40 group=%u", IDX, IDX));
	EXPECT_EQ(0, client_value("result"));
	for (i = 0; i < LISTENERS; i++) {
		EXPECT_TRUE(has_pattern(self->fds[i], 3, 40));
		EXPECT_TRUE(cn_is_silent(self->fds[i]));
	}
	EXPECT_TRUE(cn_is_silent(self->outsider));
}

TEST_F(multicast, by_id_goes_to_the_group_of_the_callback)
{
	int i;

	ASSERT_EQ(0, client("add %u:1 multicast count", IDX));
	ASSERT_EQ(0, client("send id=%u:1 seq=4 msg_len=8", IDX));
	EXPECT_EQ(0, client_value("result"));
	for (i = 0; i < LISTENERS; i++)
		EXPECT_TRUE(has_pattern(self->fds[i], 4, 8));
	EXPECT_TRUE(cn_is_silent(self->outsider));
	/* The kernel's own messages are not dispatched to callbacks. */
	EXPECT_EQ(0, callback_value(IDX, 1, "calls"));
}

TEST_F(multicast, given_group_wins_over_the_id)
{
	ASSERT_EQ(0, client("add %u:1 multicast count", IDX + 1));
	ASSERT_EQ(0, client("send id=%u:1 group=%u", IDX + 1, IDX));
	EXPECT_LT(0, cn_receive(self->fds[0], &got));
	EXPECT_TRUE(cn_is_silent(self->outsider));
}

TEST_F(multicast, group_needs_no_callback)
{
	EXPECT_EQ(0, client("send id=0x7fff:9 group=%u", IDX));
	EXPECT_LT(0, cn_receive(self->fds[0], &got));
	EXPECT_EQ(0x7fff, cn_message(&got)->id.idx);
}

TEST_F(multicast, excludes_the_given_port)
{
	int i;

	ASSERT_EQ(0, client("send id=%u:1 group=%u portid=%u", IDX, IDX,
			    cn_port(self->fds[2])));
	for (i = 0; i < LISTENERS; i++) {
		if (i == 2) {
			EXPECT_TRUE(cn_is_silent(self->fds[i]));
		} else {
			EXPECT_LT(0, cn_receive(self->fds[i], &got));
		}
	}
}

TEST_F(multicast, only_member_excluded_is_no_listener)
{
	EXPECT_EQ(-ESRCH, client("send id=%u:1 group=%u portid=%u", IDX, IDX + 1,
				 cn_port(self->outsider)));
	EXPECT_TRUE(cn_is_silent(self->outsider));
}

TEST_F(multicast, member_that_left_gets_nothing)
{
	EXPECT_EQ(0, cn_leave(self->fds[1], IDX));
	ASSERT_EQ(0, client("send id=%u:1 group=%u", IDX, IDX));
	EXPECT_TRUE(cn_is_silent(self->fds[1]));
	EXPECT_LT(0, cn_receive(self->fds[0], &got));
}

TEST_F(multicast, last_member_leaving_ends_the_group)
{
	EXPECT_EQ(0, client("send id=%u:1 group=%u", IDX, IDX + 1));
	EXPECT_EQ(0, cn_leave(self->outsider, IDX + 1));
	EXPECT_EQ(-ESRCH, client("send id=%u:1 group=%u", IDX, IDX + 1));
	EXPECT_EQ(0, cn_join(self->outsider, IDX + 1));
	EXPECT_EQ(0, client("send id=%u:1 group=%u", IDX, IDX + 1));
}

TEST_F(multicast, last_member_closing_ends_the_group)
{
	close(self->outsider);
	EXPECT_EQ(-ESRCH, client("send id=%u:1 group=%u", IDX, IDX + 1));
	self->outsider = -1;
}

TEST_F(multicast, member_by_bind_mask_is_a_member)
{
	int fd = cn_open();

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, cn_bind(fd, 0, 1u << (IDX - 1)));
	ASSERT_EQ(0, client("send id=%u:1 group=%u", IDX, IDX));
	EXPECT_LT(0, cn_receive(fd, &got));
	EXPECT_EQ(0, cn_bind(fd, cn_port(fd), 0));
	ASSERT_EQ(0, client("send id=%u:1 group=%u", IDX, IDX));
	EXPECT_TRUE(cn_is_silent(fd));
	close(fd);
}

/* ucon binds to all groups. */
TEST_F(multicast, member_of_all_groups_gets_each_once)
{
	int fd = cn_open();
	uint32_t group;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, cn_bind(fd, 0, 0xffffffff));
	for (group = 1; group <= 32; group++) {
		ASSERT_EQ(0, client("send id=%u:1 group=%u seq=%u", IDX, group, group));
		ASSERT_LT(0, cn_receive(fd, &got));
		EXPECT_EQ(group, cn_message(&got)->seq);
		EXPECT_EQ(1u << (group - 1), got.from.nl_groups);
	}
	EXPECT_TRUE(cn_is_silent(fd));
	close(fd);
}

TEST_F(multicast, messages_stay_in_order)
{
	uint32_t seq;

	ASSERT_EQ(0, client("send id=%u:1 group=%u seq=1000 repeat=50 msg_len=4", IDX, IDX));
	EXPECT_EQ(50, client_value("sent"));
	for (seq = 1000; seq < 1050; seq++) {
		ASSERT_LT(0, cn_receive(self->fds[LISTENERS - 1], &got));
		ASSERT_EQ(seq, cn_message(&got)->seq);
	}
	EXPECT_TRUE(cn_is_silent(self->fds[LISTENERS - 1]));
}

TEST_F(multicast, filter_is_asked_for_each_member)
{
	int i;

	ASSERT_EQ(0, client("send_mult id=%u:1 group=%u filter=accept", IDX, IDX));
	EXPECT_EQ(LISTENERS, client_value("filter_calls"));
	EXPECT_EQ(1, client_value("filter_data_ok"));
	for (i = 0; i < LISTENERS; i++)
		EXPECT_LT(0, cn_receive(self->fds[i], &got));
}

TEST_F(multicast, filter_that_denies_all_is_no_listener)
{
	EXPECT_EQ(-ESRCH, client("send_mult id=%u:1 group=%u filter=deny", IDX, IDX));
	EXPECT_EQ(LISTENERS, client_value("filter_calls"));
	EXPECT_TRUE(cn_is_silent(self->fds[0]));
}

TEST_F(multicast, filter_denies_one_member)
{
	int mark = 4711;
	int i;

	ASSERT_EQ(0, setsockopt(self->fds[3], SOL_SOCKET, SO_MARK, &mark, sizeof(mark)));
	ASSERT_EQ(0, client("send_mult id=%u:1 group=%u filter=mark:4711", IDX, IDX));
	for (i = 0; i < LISTENERS; i++) {
		if (i == 3) {
			EXPECT_TRUE(cn_is_silent(self->fds[i]));
		} else {
			EXPECT_LT(0, cn_receive(self->fds[i], &got));
		}
	}
}

TEST_F(multicast, filter_works_by_id_as_well)
{
	ASSERT_EQ(0, client("add %u:1 multicast count", IDX));
	EXPECT_EQ(-ESRCH, client("send_mult id=%u:1 filter=deny", IDX));
	EXPECT_EQ(LISTENERS, client_value("filter_calls"));
}

TEST_F(multicast, filter_is_not_asked_for_a_port)
{
	EXPECT_EQ(0, client("send_mult id=%u:1 portid=%u filter=deny", IDX,
			    cn_port(self->outsider)));
	EXPECT_EQ(0, client_value("filter_calls"));
	EXPECT_LT(0, cn_receive(self->outsider, &got));
}

TEST_F(multicast, from_inside_a_callback)
{
	struct cn_packet p = { .id = { IDX, 1 }, .seq = 12 };
	int i;

	ASSERT_EQ(0, client("add %u:1 multicast send:%u", IDX, IDX));
	ASSERT_LT(0, cn_send(self->outsider, &p));
	EXPECT_EQ(0, callback_value(IDX, 1, "inner"));
	for (i = 0; i < LISTENERS; i++)
		EXPECT_TRUE(has_pattern(self->fds[i], 12, 0));
}

/* Root may multicast from user space: members get it, and so does the callback. */
TEST_F(multicast, from_user_space_reaches_members_and_callback)
{
	struct cn_packet p = { .id = { IDX, 1 }, .seq = 13 };
	uint8_t buf[64];
	size_t len = cn_build(buf, &p);
	int i;

	ASSERT_EQ(0, client("add %u:1 multicast count", IDX));
	ASSERT_EQ((int)len, cn_send_raw_to(self->fds[0], buf, len, 0, 1u << (IDX - 1)));
	EXPECT_EQ(1, callback_value(IDX, 1, "calls"));
	EXPECT_EQ(IDX, callback_value(IDX, 1, "group"));
	for (i = 1; i < LISTENERS; i++) {
		EXPECT_TRUE(has_pattern(self->fds[i], 13, 0));
		EXPECT_EQ(cn_port(self->fds[0]), got.from.nl_pid);
	}
	EXPECT_TRUE(cn_is_silent(self->fds[0]));
}
