// SPDX-License-Identifier: GPL-2.0
/*
 * Every limit on the length of a message, in both directions.
 */
#include "kselftest_harness.h"
#include "cn_client.h"

#define IDX 25
/* Most payload that fits a message from user space. */
#define MOST (CONNECTOR_MAX_MSG_SIZE - (int)sizeof(struct cn_msg))

static struct cn_received got;
static uint8_t out[CN_BUFFER];

/* -- From user space ----------------------------------------------------- */

FIXTURE(receive)
{
	int fd;
};

/* The values of the three lengths. The datagram holds `real` bytes of payload. */
FIXTURE_VARIANT(receive)
{
	int real;
	int msg_len;
	/* Length of the netlink payload minus (20 + real). */
	int nl_corruption;
	bool accepted;
};

/* The netlink payload is 20 + real. */
FIXTURE_VARIANT_ADD(receive, empty) { 0, 0, 0, true };
FIXTURE_VARIANT_ADD(receive, one_byte) { 1, 1, 0, true };
FIXTURE_VARIANT_ADD(receive, two_bytes) { 2, 2, 0, true };
FIXTURE_VARIANT_ADD(receive, three_bytes) { 3, 3, 0, true };
FIXTURE_VARIANT_ADD(receive, page) { 4096, 4096, 0, true };
FIXTURE_VARIANT_ADD(receive, largest_less_1) { MOST - 1, MOST - 1, 0, true };
FIXTURE_VARIANT_ADD(receive, largest) { MOST, MOST, 0, true };
FIXTURE_VARIANT_ADD(receive, largest_plus_1) { MOST + 1, MOST + 1, 0, false };
FIXTURE_VARIANT_ADD(receive, largest_plus_4) { MOST + 4, MOST + 4, 0, false };
FIXTURE_VARIANT_ADD(receive, largest_plus_20) { MOST + 20, MOST + 20, 0, false };
FIXTURE_VARIANT_ADD(receive, most_that_len_can_say) { 65535, 65535, 0, false };
/* A message that is too long although its data would fit. */
FIXTURE_VARIANT_ADD(receive, too_long_with_little_data) { MOST + 1, 4, 0, false };
FIXTURE_VARIANT_ADD(receive, largest_with_little_data) { MOST, 4, 0, true };

/* A corrupt cn_msg.len. */
FIXTURE_VARIANT_ADD(receive, len_says_1_more) { 32, 33, 0, false };
FIXTURE_VARIANT_ADD(receive, len_says_4_more) { 32, 36, 0, false };
FIXTURE_VARIANT_ADD(receive, len_says_24_more) { 32, 56, 0, false };
FIXTURE_VARIANT_ADD(receive, len_says_1_more_than_nothing) { 0, 1, 0, false };
FIXTURE_VARIANT_ADD(receive, len_says_65535) { 32, 65535, 0, false };
FIXTURE_VARIANT_ADD(receive, len_says_32768) { 32, 32768, 0, false };
FIXTURE_VARIANT_ADD(receive, len_says_1_less) { 32, 31, 0, true };
FIXTURE_VARIANT_ADD(receive, len_says_nothing) { 32, 0, 0, true };

/* A corrupt nlmsg_len. The length of the datagram is unchanged. */
FIXTURE_VARIANT_ADD(receive, nlmsg_len_says_1_more) { 32, 32, 1, false };
FIXTURE_VARIANT_ADD(receive, nlmsg_len_says_4_more) { 32, 32, 4, false };
FIXTURE_VARIANT_ADD(receive, nlmsg_len_says_16_more) { 32, 32, 16, false };
FIXTURE_VARIANT_ADD(receive, nlmsg_len_says_1_less) { 32, 32, -1, false };
FIXTURE_VARIANT_ADD(receive, nlmsg_len_says_4_less) { 32, 32, -4, false };
FIXTURE_VARIANT_ADD(receive, nlmsg_len_cuts_what_len_does_not_say) { 35, 32, -3, true };
FIXTURE_VARIANT_ADD(receive, nlmsg_len_is_19_of_payload) { 0, 0, -1, false };
FIXTURE_VARIANT_ADD(receive, nlmsg_len_is_a_bare_header) { 0, 0, -20, false };
FIXTURE_VARIANT_ADD(receive, nlmsg_len_is_15) { 0, 0, -21, false };
FIXTURE_VARIANT_ADD(receive, nlmsg_len_is_1) { 0, 0, -35, false };
FIXTURE_VARIANT_ADD(receive, both_say_1_more) { 32, 33, 1, false };

FIXTURE_SETUP(receive)
{
	CN_NEEDS_CLIENT();
	self->fd = cn_open_in_group(0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, client("add %u:1 sizes count", IDX));
}

FIXTURE_TEARDOWN(receive)
{
	close(self->fd);
	EXPECT_EQ(0, client("clear"));
}

TEST_F(receive, has_this_verdict)
{
	struct cn_packet p = {
		.id = { IDX, 1 },
		.data_len = variant->real,
		.use_msg_len = true,
		.msg_len = variant->msg_len,
		.nl_len = CN_HEADERS + variant->real + variant->nl_corruption,
	};
	size_t i, len;

	len = cn_build(out, &p);
	for (i = CN_HEADERS; i < len; i++)
		out[i] = i * 7;
	ASSERT_EQ((int)len, cn_send_raw(self->fd, out, len));
	EXPECT_EQ(variant->accepted, callback_value(IDX, 1, "calls"));
	if (variant->accepted) {
		EXPECT_EQ(variant->msg_len, callback_value(IDX, 1, "len"));
		EXPECT_EQ(cn_hash(out + CN_HEADERS, variant->msg_len),
			  callback_value(IDX, 1, "hash"));
	}
	EXPECT_TRUE(cn_is_silent(self->fd));
}

TEST_F(receive, works_for_the_next_message)
{
	struct cn_packet corrupt = {
		.id = { IDX, 1 },
		.data_len = variant->real,
		.use_msg_len = true,
		.msg_len = variant->msg_len,
		.nl_len = CN_HEADERS + variant->real + variant->nl_corruption,
	};
	struct cn_packet good = { .id = { IDX, 1 }, .seq = 99 };

	ASSERT_LT(0, cn_send(self->fd, &corrupt));
	ASSERT_LT(0, cn_send(self->fd, &good));
	EXPECT_EQ(1 + variant->accepted, callback_value(IDX, 1, "calls"));
	EXPECT_EQ(99, callback_value(IDX, 1, "seq"));
}

/* -- From the kernel ----------------------------------------------------- */

FIXTURE(send)
{
	int fd;
	int member;
};

FIXTURE_VARIANT(send)
{
	int first, last;
};

FIXTURE_VARIANT_ADD(send, from_0_to_64) { 0, 64 };
FIXTURE_VARIANT_ADD(send, around_a_page) { 4050, 4064 };
FIXTURE_VARIANT_ADD(send, around_the_receive_limit) { MOST - 1, MOST + 1 };
FIXTURE_VARIANT_ADD(send, at_the_limit_of_cn_msg_len) { 65533, 65535 };

FIXTURE_SETUP(send)
{
	int size = 4 << 20;

	CN_NEEDS_CLIENT();
	self->fd = cn_open_in_group(0);
	ASSERT_LE(0, self->fd);
	self->member = cn_open_in_group(IDX);
	ASSERT_LE(0, self->member);
	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)));
	ASSERT_EQ(0, setsockopt(self->member, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)));
}

FIXTURE_TEARDOWN(send)
{
	close(self->fd);
	close(self->member);
	EXPECT_EQ(0, client("clear"));
}

/* The datagram is the message and zeros up to a multiple of four bytes. */
static bool is_exact(struct cn_received *r, uint32_t seq, size_t len)
{
	struct cn_msg *msg = cn_message(r);
	size_t i;

	if (r->len != (int)NLMSG_ALIGN(CN_HEADERS + len) ||
	    r->nlh.nlmsg_len != CN_HEADERS + len || msg->len != len ||
	    !cn_is_pattern(msg->data, seq, len))
		return false;
	for (i = CN_HEADERS + len; i < NLMSG_ALIGN(CN_HEADERS + len); i++)
		if (r->bytes[i])
			return false;
	return true;
}

TEST_F(send, unicast_is_exact)
{
	int len;

	for (len = variant->first; len <= variant->last; len++) {
		ASSERT_EQ(0, client("send id=%u:1 seq=%u msg_len=%u portid=%u",
				    IDX, len + 1, len, cn_port(self->fd)));
		ASSERT_LT(0, cn_receive(self->fd, &got));
		EXPECT_TRUE(is_exact(&got, len + 1, len)) TH_LOG("length %d", len);
	}
}

TEST_F(send, multicast_is_exact)
{
	int len;

	for (len = variant->first; len <= variant->last; len++) {
		ASSERT_EQ(0, client("send id=%u:1 seq=%u msg_len=%u group=%u",
				    IDX, len + 1, len, IDX));
		ASSERT_LT(0, cn_receive(self->member, &got));
		EXPECT_TRUE(is_exact(&got, len + 1, len)) TH_LOG("length %d", len);
	}
}

/* netlink_unicast() returns the number of queued bytes, which C clients see. */
TEST_F(send, unicast_returns_the_bytes_queued)
{
	int len;

	for (len = variant->first; len <= variant->last; len++) {
		ASSERT_EQ(0, client("send id=%u:1 msg_len=%u portid=%u",
				    IDX, len, cn_port(self->fd)));
		EXPECT_EQ(NLMSG_ALIGN(CN_HEADERS + len), client_value("result"));
		ASSERT_LT(0, cn_receive(self->fd, &got));
	}
}
