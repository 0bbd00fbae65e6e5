// SPDX-License-Identifier: GPL-2.0
/*
 * Several connector messages under one netlink header, as 1-wire uses them.
 */
#include "kselftest_harness.h"
#include "cn_client.h"

#define IDX 25

static struct cn_received got;

FIXTURE(bundles)
{
	int fd;
	int member;
};

FIXTURE_SETUP(bundles)
{
	CN_NEEDS_CLIENT();
	self->fd = cn_open_in_group(0);
	ASSERT_LE(0, self->fd);
	self->member = cn_open_in_group(IDX);
	ASSERT_LE(0, self->member);
}

FIXTURE_TEARDOWN(bundles)
{
	close(self->fd);
	close(self->member);
	EXPECT_EQ(0, client("clear"));
}

/* True if the netlink message is exactly `count` messages of `len` bytes. */
static bool is_bundle(struct cn_received *r, uint32_t seq, int count, size_t len)
{
	struct cn_msg *msg = cn_message(r);
	int i;

	if (r->len < 0 || r->nlh.nlmsg_len != NLMSG_HDRLEN + count * (sizeof(*msg) + len))
		return false;
	for (i = 0; i < count; i++) {
		if (msg->seq != seq + i || msg->len != len ||
		    !cn_is_pattern(msg->data, seq + i, len))
			return false;
		msg = (void *)msg + sizeof(*msg) + len;
	}
	return true;
}

TEST_F(bundles, to_a_port)
{
	ASSERT_EQ(0, client("send_mult id=%u:1 seq=10 msg_len=12 bundle=3 portid=%u",
			    IDX, cn_port(self->fd)));
	ASSERT_LT(0, cn_receive(self->fd, &got));
	EXPECT_TRUE(is_bundle(&got, 10, 3, 12));
	EXPECT_EQ(10, got.nlh.nlmsg_seq);
}

TEST_F(bundles, to_a_group)
{
	ASSERT_EQ(0, client("send_mult id=%u:1 seq=20 msg_len=4 bundle=5 group=%u", IDX, IDX));
	ASSERT_LT(0, cn_receive(self->member, &got));
	EXPECT_TRUE(is_bundle(&got, 20, 5, 4));
}

TEST_F(bundles, by_id)
{
	ASSERT_EQ(0, client("add %u:1 bundles count", IDX));
	ASSERT_EQ(0, client("send_mult id=%u:1 seq=30 msg_len=0 bundle=2", IDX));
	ASSERT_LT(0, cn_receive(self->member, &got));
	EXPECT_TRUE(is_bundle(&got, 30, 2, 0));
}

/* Messages in a bundle are not aligned: the next follows the last byte. */
TEST_F(bundles, of_odd_lengths)
{
	ASSERT_EQ(0, client("send_mult id=%u:1 seq=40 msg_len=3 bundle=4 portid=%u",
			    IDX, cn_port(self->fd)));
	ASSERT_LT(0, cn_receive(self->fd, &got));
	EXPECT_TRUE(is_bundle(&got, 40, 4, 3));
}

TEST_F(bundles, of_the_largest_size)
{
	int size = 4 << 20;

	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)));
	/* 5 * (20 + 13087) - 20 = 65515; another 20 bytes are 65535. */
	ASSERT_EQ(0, client("send_mult id=%u:1 seq=50 msg_len=13087 bundle=5 portid=%u",
			    IDX, cn_port(self->fd)));
	ASSERT_LT(0, cn_receive(self->fd, &got));
	EXPECT_TRUE(is_bundle(&got, 50, 5, 13087));
	ASSERT_EQ(0, client("send_mult id=%u:1 msg_len=0 len=65535 portid=%u",
			    IDX, cn_port(self->fd)));
	ASSERT_LT(0, cn_receive(self->fd, &got));
	EXPECT_EQ(CN_HEADERS + 65535, got.nlh.nlmsg_len);
}

/* len alone determines the sent size; msg->len is sent unchanged. */
TEST_F(bundles, len_below_msg_len_cuts)
{
	ASSERT_EQ(0, client("send_mult id=%u:1 seq=60 msg_len=16 len=5 portid=%u",
			    IDX, cn_port(self->fd)));
	ASSERT_LT(0, cn_receive(self->fd, &got));
	EXPECT_EQ(CN_HEADERS + 5, got.nlh.nlmsg_len);
	EXPECT_EQ(16, cn_message(&got)->len);
	EXPECT_TRUE(cn_is_pattern(cn_message(&got)->data, 60, 5));
}

TEST_F(bundles, with_a_filter)
{
	ASSERT_EQ(0, client("send_mult id=%u:1 seq=70 msg_len=8 bundle=2 group=%u filter=accept",
			    IDX, IDX));
	ASSERT_LT(0, cn_receive(self->member, &got));
	EXPECT_TRUE(is_bundle(&got, 70, 2, 8));
}

/* The other way round the callback gets the first message and finds the rest. */
TEST_F(bundles, from_user_space_is_one_call)
{
	uint8_t out[256], more[sizeof(struct cn_msg) + 6] = {};
	struct cn_msg second = { .id = { IDX, 1 }, .seq = 2, .len = 6 };
	struct cn_packet p = {
		.id = { IDX, 1 },
		.seq = 1,
		.data = more,
		.data_len = sizeof(more),
		.use_msg_len = true,
		.msg_len = 0,
	};
	size_t len;

	memcpy(more, &second, sizeof(second));
	len = cn_build(out, &p);
	ASSERT_EQ(0, client("add %u:1 bundles count", IDX));
	ASSERT_EQ((int)len, cn_send_raw(self->fd, out, len));
	EXPECT_EQ(1, callback_value(IDX, 1, "calls"));
	EXPECT_EQ(1, callback_value(IDX, 1, "seq"));
	EXPECT_EQ(0, callback_value(IDX, 1, "len"));
}
