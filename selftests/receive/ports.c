// SPDX-License-Identifier: GPL-2.0
/*
 * Messages from the kernel to one port, and the port of a message's sender.
 */
#include "kselftest_harness.h"
#include "cn_client.h"

#define IDX 25

static struct cn_received got;

FIXTURE(ports)
{
	int fd;
	int other;
};

FIXTURE_SETUP(ports)
{
	CN_NEEDS_CLIENT();
	self->fd = cn_open_in_group(0);
	ASSERT_LE(0, self->fd);
	self->other = cn_open_in_group(IDX);
	ASSERT_LE(0, self->other);
}

FIXTURE_TEARDOWN(ports)
{
	close(self->fd);
	close(self->other);
	EXPECT_EQ(0, client("clear"));
}

TEST_F(ports, every_socket_has_its_own)
{
	EXPECT_NE(0, cn_port(self->fd));
	EXPECT_NE(0, cn_port(self->other));
	EXPECT_NE(cn_port(self->fd), cn_port(self->other));
}

TEST_F(ports, chosen_port_is_kept_and_taken)
{
	int first = cn_open(), second = cn_open();

	EXPECT_EQ(0, cn_bind(first, 123456789, 0));
	EXPECT_EQ(123456789, cn_port(first));
	EXPECT_EQ(-EADDRINUSE, cn_bind(second, 123456789, 0));
	close(first);
	close(second);
}

TEST_F(ports, unicast_reaches_the_port_alone)
{
	ASSERT_EQ(0, client("send id=%u:1 seq=8 msg_len=12 portid=%u", IDX, cn_port(self->fd)));
	ASSERT_LT(0, cn_receive(self->fd, &got));
	EXPECT_EQ(8, cn_message(&got)->seq);
	EXPECT_TRUE(cn_is_pattern(cn_message(&got)->data, 8, 12));
	EXPECT_TRUE(cn_is_silent(self->fd));
	EXPECT_TRUE(cn_is_silent(self->other));
}

/* With a port the id need not be registered. */
TEST_F(ports, unicast_looks_no_id_up)
{
	EXPECT_EQ(0, client("send id=4000000000:1 portid=%u", cn_port(self->fd)));
	EXPECT_LT(0, cn_receive(self->fd, &got));
}

TEST_F(ports, unicast_works_for_the_largest_port)
{
	int fd = cn_open();

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, cn_bind(fd, 0xffffffff, 0));
	EXPECT_EQ(0, client("send id=%u:1 portid=4294967295", IDX));
	EXPECT_LT(0, cn_receive(fd, &got));
	close(fd);
}

/* "Both" is a multicast without the port, never a unicast. */
TEST_F(ports, port_and_group_is_a_multicast)
{
	EXPECT_EQ(0, client("send id=%u:1 portid=%u group=%u", IDX, cn_port(self->fd), IDX));
	EXPECT_TRUE(cn_is_silent(self->fd));
	EXPECT_LT(0, cn_receive(self->other, &got));
}

TEST_F(ports, unused_port_refuses)
{
	EXPECT_EQ(-ECONNREFUSED, client("send id=%u:1 portid=987654321", IDX));
}

TEST_F(ports, port_of_a_closed_socket_refuses)
{
	uint32_t port = cn_port(self->fd);

	close(self->fd);
	EXPECT_EQ(-ECONNREFUSED, client("send id=%u:1 portid=%u", IDX, port));
	self->fd = -1;
}

TEST_F(ports, socket_connected_to_another_port_refuses)
{
	struct sockaddr_nl peer = { .nl_family = AF_NETLINK, .nl_pid = cn_port(self->other) };

	ASSERT_EQ(0, connect(self->fd, (struct sockaddr *)&peer, sizeof(peer)));
	EXPECT_EQ(-ECONNREFUSED, client("send id=%u:1 portid=%u", IDX, cn_port(self->fd)));
}

TEST_F(ports, socket_connected_to_the_kernel_accepts)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	ASSERT_EQ(0, connect(self->fd, (struct sockaddr *)&kernel, sizeof(kernel)));
	EXPECT_EQ(0, client("send id=%u:1 portid=%u", IDX, cn_port(self->fd)));
}

/* The reply is sent to the port of the socket. The port in the header is ignored. */
TEST_F(ports, forged_port_in_the_header_is_not_believed)
{
	struct cn_packet p = { .id = { IDX, 1 }, .nl_pid = cn_port(self->other) };

	ASSERT_EQ(0, client("add %u:1 ports echo", IDX));
	ASSERT_LT(0, cn_send(self->fd, &p));
	EXPECT_EQ(cn_port(self->fd), callback_value(IDX, 1, "portid"));
	EXPECT_LT(0, cn_receive(self->fd, &got));
	EXPECT_TRUE(cn_is_silent(self->other));
}

/* Between two ports netlink delivers by itself; no callback may see it. */
TEST_F(ports, message_to_another_port_is_not_dispatched)
{
	struct cn_packet p = { .id = { IDX, 1 } };
	uint8_t buf[64];
	size_t len = cn_build(buf, &p);

	ASSERT_EQ(0, client("add %u:1 ports count", IDX));
	ASSERT_EQ((int)len, cn_send_raw_to(self->fd, buf, len, cn_port(self->other), 0));
	EXPECT_LT(0, cn_receive(self->other, &got));
	EXPECT_EQ(cn_port(self->fd), got.from.nl_pid);
	EXPECT_EQ(0, callback_value(IDX, 1, "calls"));
}
