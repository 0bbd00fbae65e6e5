// SPDX-License-Identifier: GPL-2.0
/*
 * The rights to join a group. Group 1 is open to everyone, the others need CAP_NET_ADMIN. (In the C
 * connector every odd group is open.)
 */
#include "kselftest_harness.h"
#include "cn_client.h"
#include "cn_privilege.h"

#define IDX 25

static struct cn_received got;

/* One of the two ways into a group, on a fresh socket. */
static int join_fresh(bool by_mask, uint32_t group)
{
	int fd = cn_open();
	int err;

	if (fd < 0)
		return fd;
	err = by_mask ? cn_bind(fd, 0, 1u << (group - 1)) : cn_join(fd, group);
	close(fd);
	return err;
}

FIXTURE(groups)
{
	int expected;
};

FIXTURE_VARIANT(groups)
{
	enum who who;
	bool by_mask;
};

EACH_WAY_TO_JOIN(groups)

FIXTURE_SETUP(groups)
{
	CN_NEEDS_CLIENT();
	become(variant->who);
	self->expected = is_net_admin(variant->who) ? 0 : -EPERM;
}

FIXTURE_TEARDOWN(groups)
{
}

TEST_F(groups, group_1_is_open)
{
	EXPECT_EQ(0, join_fresh(variant->by_mask, 1));
}

TEST_F(groups, even_groups_need_the_right)
{
	uint32_t group;

	for (group = 2; group <= 32; group += 2) {
		ASSERT_EQ(self->expected, join_fresh(variant->by_mask, group)) {
			TH_LOG("group %u", group);
		}
	}
}

TEST_F(groups, odd_groups_need_the_right)
{
	uint32_t group;

	for (group = 3; group <= 32; group += 2) {
		ASSERT_EQ(self->expected, join_fresh(variant->by_mask, group)) {
			TH_LOG("group %u", group);
		}
	}
}

/* Also where the built-in connector lets everyone join, whose guest sends. */
TEST_F(groups, messages_need_the_right_too)
{
	uint32_t group;

	SKIP_ON_C();
	for (group = 2; group <= 32; group++) {
		int fd = cn_open(), err = cn_bind(fd, 0, variant->by_mask ? 1u << (group - 1) : 0);

		if (!variant->by_mask)
			err = cn_join(fd, group);
		ASSERT_TRUE(!err || err == self->expected || provider_is_guest());
		ASSERT_EQ(self->expected ? -ESRCH : 0, client("send id=%u:1 group=%u", IDX, group))
			TH_LOG("group %u", group);
		ASSERT_EQ(!self->expected, cn_receive_within(fd, &got, CN_SILENCE_MS) > 0);
		close(fd);
	}
}

/* -- Both ways in detail ------------------------------------------------- */

FIXTURE(membership)
{
	int fd;
};

FIXTURE_SETUP(membership)
{
	CN_NEEDS_CLIENT();
	self->fd = cn_open();
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(membership)
{
	close(self->fd);
}

TEST_F(membership, groups_that_do_not_exist)
{
	EXPECT_EQ(-EINVAL, cn_join(self->fd, 0));
	EXPECT_EQ(-EINVAL, cn_join(self->fd, 33));
	EXPECT_EQ(-EINVAL, cn_join(self->fd, 64));
	EXPECT_EQ(-EINVAL, cn_join(self->fd, 0x80000000));
	EXPECT_EQ(-EINVAL, cn_join(self->fd, 0xffffffff));
	EXPECT_EQ(-EINVAL, cn_leave(self->fd, 33));
}

/* The request is for 26 groups, which netlink rounds up to 32. */
TEST_F(membership, number_of_groups_is_32)
{
	uint32_t masks[8] = {};
	socklen_t len = sizeof(masks);

	ASSERT_EQ(0, cn_join(self->fd, 32));
	ASSERT_EQ(0, getsockopt(self->fd, SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS, masks, &len));
	EXPECT_EQ(4, len);
	EXPECT_EQ(0x80000000, masks[0]);
}

TEST_F(membership, joining_twice_is_one_membership)
{
	ASSERT_EQ(0, cn_bind(self->fd, 0, 0));
	ASSERT_EQ(0, cn_join(self->fd, IDX));
	ASSERT_EQ(0, cn_join(self->fd, IDX));
	ASSERT_EQ(0, client("send id=%u:1 group=%u", IDX, IDX));
	EXPECT_LT(0, cn_receive(self->fd, &got));
	EXPECT_TRUE(cn_is_silent(self->fd));
	ASSERT_EQ(0, cn_leave(self->fd, IDX));
	EXPECT_EQ(-ESRCH, client("send id=%u:1 group=%u", IDX, IDX));
}

TEST_F(membership, refused_mask_joins_nothing)
{
	ASSERT_EQ(0, client_open());
	become_user();
	/* Group 1 would be allowed, group 2 is not. */
	EXPECT_EQ(-EPERM, cn_bind(self->fd, 0, 3));
	EXPECT_EQ(0, cn_port(self->fd));
	EXPECT_EQ(-ESRCH, client("send id=1:1 group=1"));
	EXPECT_EQ(-ESRCH, client("send id=1:1 group=2"));
	EXPECT_EQ(0, cn_bind(self->fd, 0, 1));
	EXPECT_EQ(0, client("send id=1:1 group=1"));
}

/* ucon as an ordinary user. */
TEST_F(membership, user_may_not_bind_to_all_groups)
{
	become_user();
	EXPECT_EQ(-EPERM, cn_bind(self->fd, 0, 0xffffffff));
	EXPECT_EQ(0, cn_bind(self->fd, 0, 0));
}

TEST_F(membership, user_in_group_1_receives)
{
	ASSERT_EQ(0, client_open());
	become_user();
	ASSERT_EQ(0, cn_bind(self->fd, 0, 0));
	ASSERT_EQ(0, cn_join(self->fd, 1));
	ASSERT_EQ(0, client("send id=1:1 group=1 seq=3"));
	ASSERT_LT(0, cn_receive(self->fd, &got));
	EXPECT_EQ(3, cn_message(&got)->seq);
}

TEST_F(membership, user_keeps_and_may_leave_what_root_joined)
{
	ASSERT_EQ(0, client_open());
	ASSERT_EQ(0, cn_bind(self->fd, 0, 0));
	ASSERT_EQ(0, cn_join(self->fd, 2));
	become_user();
	ASSERT_EQ(0, client("send id=1:1 group=2"));
	EXPECT_LT(0, cn_receive(self->fd, &got));
	EXPECT_EQ(0, cn_leave(self->fd, 2));
	EXPECT_EQ(-EPERM, cn_join(self->fd, 2));
}

/* The rights of the joining process count, not those of the process that opened the socket. */
TEST_F(membership, socket_of_root_gives_a_user_no_right)
{
	become_user();
	EXPECT_EQ(-EPERM, cn_join(self->fd, 2));
	EXPECT_EQ(-EPERM, cn_bind(self->fd, 0, 2));
}

TEST_F(membership, user_may_not_send_to_a_group)
{
	struct cn_packet p = { .id = { IDX, 1 } };
	uint8_t buf[64];
	size_t len = cn_build(buf, &p);

	become_user();
	EXPECT_EQ(-EPERM, cn_send_raw_to(self->fd, buf, len, 0, 1));
	EXPECT_EQ(-EPERM, cn_send_raw_to(self->fd, buf, len, 4711, 0));
	EXPECT_EQ((int)len, cn_send_raw(self->fd, buf, len));
}

/* -- A socket in group 1 may own data of a callback ---------------------- */

FIXTURE(release)
{
	int fd;
};

FIXTURE_SETUP(release)
{
	CN_NEEDS_CLIENT();
	ASSERT_EQ(0, client("add %u:1 release userdata", IDX));
	self->fd = cn_open();
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(release)
{
	EXPECT_EQ(0, client("clear"));
}

/* kmemleak reports leaks; this test shows that nothing breaks. */
TEST_F(release, of_a_socket_in_group_1_with_data)
{
	struct cn_packet p = { .id = { IDX, 1 } };

	ASSERT_EQ(0, cn_bind(self->fd, 0, 1));
	ASSERT_LT(0, cn_send(self->fd, &p));
	ASSERT_EQ(0, callback_value(IDX, 1, "inner"));
	EXPECT_EQ(0, close(self->fd));
}

TEST_F(release, of_a_socket_in_group_1_without_data)
{
	ASSERT_EQ(0, cn_bind(self->fd, 0, 1));
	EXPECT_EQ(0, close(self->fd));
}

TEST_F(release, of_a_socket_in_no_group)
{
	EXPECT_EQ(0, close(self->fd));
}

TEST_F(release, of_a_socket_that_left_group_1_and_joined_again)
{
	struct cn_packet p = { .id = { IDX, 1 } };

	ASSERT_EQ(0, cn_join(self->fd, 1));
	ASSERT_LT(0, cn_send(self->fd, &p));
	ASSERT_EQ(0, cn_leave(self->fd, 1));
	ASSERT_EQ(0, cn_join(self->fd, 1));
	EXPECT_EQ(0, close(self->fd));
}

TEST_F(release, a_thousand_times)
{
	struct cn_packet p = { .id = { IDX, 1 } };
	const unsigned int times = cn_repeat(1000);
	unsigned int i;
	int fd;

	close(self->fd);
	for (i = 0; i < times; i++) {
		fd = cn_open();
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, cn_bind(fd, 0, 1));
		ASSERT_LT(0, cn_send(fd, &p));
		ASSERT_EQ(0, close(fd));
	}
	EXPECT_EQ(times, callback_value(IDX, 1, "calls"));
}
