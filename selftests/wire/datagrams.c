// SPDX-License-Identifier: GPL-2.0
/*
 * Several netlink messages in one datagram: all are processed, in order. (The C connector handles
 * only the first one.)
 */
#include "kselftest_harness.h"
#include "cn_client.h"

#define IDX 25

static struct cn_received got;

FIXTURE(datagram)
{
	int fd;
	size_t len;
	uint8_t bytes[65536];
};

FIXTURE_SETUP(datagram)
{
	CN_NEEDS_CLIENT();
	self->fd = cn_open_in_group(0);
	ASSERT_LE(0, self->fd);
	self->len = 0;
	memset(self->bytes, 0, sizeof(self->bytes));
	ASSERT_EQ(0, client("add %u:1 datagram echo", IDX));
	ASSERT_EQ(0, client("add %u:2 datagram echo", IDX));
}

FIXTURE_TEARDOWN(datagram)
{
	EXPECT_TRUE(cn_is_silent(self->fd));
	close(self->fd);
	EXPECT_EQ(0, client("clear"));
}

/* Appends a message with its padding. */
static void append(FIXTURE_DATA(datagram) *self, struct cn_packet p)
{
	self->len += NLMSG_ALIGN(cn_build(self->bytes + self->len, &p));
}

#define MESSAGE(v, s, n, ...) \
	append(self, (struct cn_packet){ .id = { IDX, v }, .seq = s, .data_len = n, __VA_ARGS__ })

#define SEND_IT() \
	ASSERT_EQ((int)self->len, cn_send_raw(self->fd, self->bytes, self->len))

#define EXPECT_ECHO(v, s) do { \
	ASSERT_LT(0, cn_receive_within(self->fd, &got, 0)); \
	EXPECT_EQ(v, cn_message(&got)->id.val); \
	EXPECT_EQ(s, cn_message(&got)->seq); \
} while (0)

/* Before a message that is an error: see cn_begin(). */
#define BEGIN() (self->len = cn_begin(self->bytes, IDX, 2))
#define EXPECT_BEGIN() do { \
	if (provider_is_guest()) \
		EXPECT_ECHO(2, 0); \
} while (0)

TEST_F(datagram, two_messages)
{
	MESSAGE(1, 1, 4);
	MESSAGE(1, 2, 4);
	SEND_IT();
	EXPECT_ECHO(1, 1);
	EXPECT_ECHO(1, 2);
}

TEST_F(datagram, messages_of_different_callbacks_keep_their_order)
{
	int seq;

	for (seq = 0; seq < 10; seq++)
		MESSAGE(1 + seq % 2, seq, seq);
	SEND_IT();
	for (seq = 0; seq < 10; seq++)
		EXPECT_ECHO(1 + seq % 2, seq);
}

TEST_F(datagram, odd_lengths_are_padded)
{
	MESSAGE(1, 1, 1);
	MESSAGE(1, 2, 2);
	MESSAGE(1, 3, 3);
	MESSAGE(1, 4, 0);
	SEND_IT();
	EXPECT_ECHO(1, 1);
	EXPECT_ECHO(1, 2);
	EXPECT_ECHO(1, 3);
	EXPECT_ECHO(1, 4);
}

TEST_F(datagram, last_message_needs_no_padding)
{
	MESSAGE(1, 1, 1);
	MESSAGE(1, 2, 1);
	self->len -= 3;
	SEND_IT();
	EXPECT_ECHO(1, 1);
	EXPECT_ECHO(1, 2);
}

TEST_F(datagram, many_messages)
{
	int seq;

	for (seq = 0; seq < 100; seq++)
		MESSAGE(1, seq, 8);
	SEND_IT();
	for (seq = 0; seq < 100; seq++)
		EXPECT_ECHO(1, seq);
}

/* One at the limit does not use up the room of the next. */
TEST_F(datagram, large_messages)
{
	int size = 1 << 20;

	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)));
	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)));
	MESSAGE(1, 1, 16364);
	MESSAGE(1, 2, 16364);
	MESSAGE(2, 3, 16364);
	SEND_IT();
	EXPECT_ECHO(1, 1);
	EXPECT_ECHO(1, 2);
	EXPECT_ECHO(2, 3);
}

TEST_F(datagram, unknown_id_does_not_stop_it)
{
	BEGIN();
	MESSAGE(99, 1, 4);
	MESSAGE(1, 2, 4);
	SEND_IT();
	EXPECT_BEGIN();
	EXPECT_ECHO(1, 2);
}

TEST_F(datagram, wrong_message_length_does_not_stop_it)
{
	BEGIN();
	MESSAGE(1, 1, 4, .use_msg_len = true, .msg_len = 5);
	MESSAGE(1, 2, 4);
	SEND_IT();
	EXPECT_BEGIN();
	EXPECT_ECHO(1, 2);
}

TEST_F(datagram, short_payload_does_not_stop_it)
{
	struct nlmsghdr *nlh = (void *)(self->bytes + BEGIN());

	/* A netlink message of 19 bytes of payload and one of padding. */
	nlh->nlmsg_len = NLMSG_HDRLEN + 19;
	nlh->nlmsg_type = NLMSG_DONE;
	self->len += NLMSG_ALIGN(nlh->nlmsg_len);
	MESSAGE(1, 2, 4);
	SEND_IT();
	EXPECT_BEGIN();
	EXPECT_ECHO(1, 2);
}

TEST_F(datagram, too_long_message_does_not_stop_it)
{
	BEGIN();
	MESSAGE(1, 1, 16365);
	MESSAGE(1, 2, 4);
	SEND_IT();
	EXPECT_BEGIN();
	EXPECT_ECHO(1, 2);
}

TEST_F(datagram, header_below_16_ends_it)
{
	MESSAGE(1, 1, 4);
	MESSAGE(1, 2, 4, .nl_len = 15);
	MESSAGE(1, 3, 4);
	SEND_IT();
	EXPECT_ECHO(1, 1);
}

TEST_F(datagram, header_beyond_the_end_ends_it)
{
	MESSAGE(1, 1, 4);
	MESSAGE(1, 2, 4, .nl_len = 10000);
	MESSAGE(1, 3, 4);
	SEND_IT();
	EXPECT_ECHO(1, 1);
}

/* 2^32 - 3 aligned is zero: a loop that adds it would never end. */
TEST_F(datagram, header_that_wraps_ends_it)
{
	MESSAGE(1, 1, 4);
	MESSAGE(1, 2, 4, .nl_len = 0xfffffffd);
	SEND_IT();
	EXPECT_ECHO(1, 1);
}

TEST_F(datagram, part_of_a_header_ends_it)
{
	MESSAGE(1, 1, 4);
	self->len += 15;
	memset(self->bytes + self->len - 15, 0xff, 15);
	SEND_IT();
	EXPECT_ECHO(1, 1);
}

/* Old programs send NLMSG_SPACE bytes twice over; the rest is zeros. */
TEST_F(datagram, zeros_behind_a_message_are_padding)
{
	MESSAGE(1, 1, 4);
	self->len += 64;
	SEND_IT();
	EXPECT_ECHO(1, 1);
}

/* ucon puts the aligned length into the header. */
TEST_F(datagram, padding_may_be_part_of_the_message)
{
	MESSAGE(1, 1, 5, .nl_len = CN_HEADERS + 8);
	SEND_IT();
	EXPECT_LT(0, cn_receive_within(self->fd, &got, 0));
	EXPECT_EQ(5, cn_message(&got)->len);
	EXPECT_EQ(CN_HEADERS + 5, got.nlh.nlmsg_len);
}

/* A callback that takes itself away must not lose the messages behind it. */
TEST_F(datagram, callback_unregistered_in_the_middle)
{
	ASSERT_EQ(0, client("add %u:3 datagram del-self", IDX));
	MESSAGE(3, 1, 0);
	MESSAGE(3, 2, 0);
	MESSAGE(1, 3, 0);
	SEND_IT();
	EXPECT_EQ(1, callback_value(IDX, 3, "calls"));
	EXPECT_ECHO(1, 3);
}
