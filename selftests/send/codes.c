// SPDX-License-Identifier: GPL-2.0
/*
 * The exact return codes of cn_netlink_send() and cn_netlink_send_mult():
 * clients act on them (uvesafb starts its helper on -ESRCH).
 */
#include "kselftest_harness.h"
#include "cn_client.h"

#define IDX 25
#define DEAD_PORT 987654321

FIXTURE(send_code)
{
	int member;
	int fd;
};

FIXTURE_VARIANT(send_code)
{
	const char *verb;
};

FIXTURE_VARIANT_ADD(send_code, send) { "send" };
FIXTURE_VARIANT_ADD(send_code, send_mult) { "send_mult" };

FIXTURE_SETUP(send_code)
{
	CN_NEEDS_CLIENT();
	self->member = cn_open_in_group(IDX);
	ASSERT_LE(0, self->member);
	self->fd = cn_open_in_group(0);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(send_code)
{
	close(self->member);
	close(self->fd);
	EXPECT_EQ(0, client("clear"));
}

#define SEND(format, ...) client("%s " format, variant->verb, ##__VA_ARGS__)

TEST_F(send_code, multicast_is_0)
{
	EXPECT_EQ(0, SEND("id=%u:1 group=%u msg_len=50", IDX, IDX));
	EXPECT_EQ(0, client_value("result"));
}

TEST_F(send_code, unicast_is_the_length)
{
	EXPECT_EQ(0, SEND("id=%u:1 portid=%u msg_len=50", IDX, cn_port(self->fd)));
	EXPECT_EQ(NLMSG_ALIGN(CN_HEADERS + 50), client_value("result"));
}

TEST_F(send_code, unknown_id_is_ENODEV)
{
	EXPECT_EQ(-ENODEV, SEND("id=%u:99", IDX));
}

/* The id is checked before the listeners. */
TEST_F(send_code, unknown_id_without_listener_is_ENODEV)
{
	EXPECT_EQ(-ENODEV, SEND("id=%u:99", IDX + 1));
}

TEST_F(send_code, unregistered_id_is_ENODEV)
{
	ASSERT_EQ(0, client("add %u:1 code count", IDX));
	EXPECT_EQ(0, SEND("id=%u:1", IDX));
	ASSERT_EQ(0, client("del %u:1", IDX));
	EXPECT_EQ(-ENODEV, SEND("id=%u:1", IDX));
}

TEST_F(send_code, known_id_without_listener_is_ESRCH)
{
	ASSERT_EQ(0, client("add %u:1 code count", IDX + 1));
	EXPECT_EQ(-ESRCH, SEND("id=%u:1", IDX + 1));
}

/* The group of an entry is its idx, which need not be a group. */
TEST_F(send_code, known_id_whose_idx_is_no_group_is_ESRCH)
{
	ASSERT_EQ(0, client("add 33:1 code count"));
	ASSERT_EQ(0, client("add 0:1 code count"));
	ASSERT_EQ(0, client("add 0xffffffff:1 code count"));
	EXPECT_EQ(-ESRCH, SEND("id=33:1"));
	EXPECT_EQ(-ESRCH, SEND("id=0:1"));
	EXPECT_EQ(-ESRCH, SEND("id=0xffffffff:1"));
}

TEST_F(send_code, group_without_listener_is_ESRCH)
{
	EXPECT_EQ(-ESRCH, SEND("id=%u:1 group=%u", IDX, IDX + 1));
}

TEST_F(send_code, group_that_does_not_exist_is_ESRCH)
{
	EXPECT_EQ(-ESRCH, SEND("id=%u:1 group=33", IDX));
	EXPECT_EQ(-ESRCH, SEND("id=%u:1 group=65537", IDX));
	EXPECT_EQ(-ESRCH, SEND("id=%u:1 group=0x80000000", IDX));
	EXPECT_EQ(-ESRCH, SEND("id=%u:1 group=0xffffffff", IDX));
}

/* With a port, listeners are not checked first. The broadcast finds none. */
TEST_F(send_code, group_without_listener_but_a_port_is_ESRCH)
{
	EXPECT_EQ(-ESRCH, SEND("id=%u:1 group=%u portid=%u", IDX, IDX + 1, DEAD_PORT));
	EXPECT_EQ(-ESRCH, SEND("id=%u:1 group=33 portid=%u", IDX, DEAD_PORT));
	EXPECT_EQ(-ESRCH, SEND("id=%u:1 group=0xffffffff portid=%u", IDX, DEAD_PORT));
}

TEST_F(send_code, group_with_listener_and_a_dead_port_is_0)
{
	EXPECT_EQ(0, SEND("id=%u:1 group=%u portid=%u", IDX, IDX, DEAD_PORT));
	EXPECT_EQ(0, client_value("result"));
}

TEST_F(send_code, dead_port_is_ECONNREFUSED)
{
	EXPECT_EQ(-ECONNREFUSED, SEND("id=%u:1 portid=%u", IDX, DEAD_PORT));
}

TEST_F(send_code, dead_port_without_blocking_is_ECONNREFUSED)
{
	EXPECT_EQ(-ECONNREFUSED, SEND("id=%u:1 portid=%u gfp=atomic", IDX, DEAD_PORT));
}
