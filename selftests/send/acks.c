// SPDX-License-Identifier: GPL-2.0
/*
 * Acknowledgements of messages that request one with NLM_F_ACK. (The C connector has none. The
 * tests of absent acknowledgements run there too.)
 */
#include "kselftest_harness.h"
#include "cn_client.h"
#include "cn_privilege.h"

#define IDX 25
#define LIMIT_DATA (CONNECTOR_MAX_MSG_SIZE - (int)sizeof(struct cn_msg))

static struct cn_received got;
static uint8_t out[CN_BUFFER];

FIXTURE(acks)
{
	int fd;
};

FIXTURE_SETUP(acks)
{
	int size = 1 << 20;

	CN_NEEDS_CLIENT();
	self->fd = cn_open_in_group(0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)));
	ASSERT_EQ(0, cn_setopt(self->fd, NETLINK_EXT_ACK, 1));
	ASSERT_EQ(0, client("add %u:1 acks count", IDX));
}

FIXTURE_TEARDOWN(acks)
{
	EXPECT_TRUE(cn_is_silent(self->fd));
	close(self->fd);
	EXPECT_EQ(0, client("clear"));
}

TEST_F(acks, success_without_an_ack_is_silent)
{
	struct cn_packet p = { .id = { IDX, 1 }, .nl_flags = 0xffff & ~NLM_F_ACK };

	EXPECT_LT(0, cn_send(self->fd, &p));
	EXPECT_EQ(1, callback_value(IDX, 1, "calls"));
}

TEST_F(acks, error_without_an_ack_is_silent)
{
	struct cn_packet p = { .id = { IDX, 2 }, .nl_flags = NLM_F_REQUEST };

	EXPECT_LT(0, cn_send(self->fd, &p));
}

TEST_F(acks, success)
{
	struct cn_packet p = {
		.id = { IDX, 1 },
		.data_len = 10,
		.nl_flags = NLM_F_ACK,
		.nl_seq = 0xabcdef01,
		.nl_pid = 99,
	};
	struct cn_ack ack;

	SKIP_ON_C();
	ASSERT_LT(0, cn_send(self->fd, &p));
	ASSERT_EQ(0, cn_receive_ack(self->fd, &got, &ack));
	EXPECT_EQ(0, ack.error);
	EXPECT_EQ(0xabcdef01, ack.seq);
	EXPECT_EQ(NLM_F_CAPPED, ack.flags);
	EXPECT_EQ(NULL, ack.text);
	/* The header of the request unchanged, that of the answer for our port. */
	EXPECT_EQ(CN_HEADERS + 10, ack.quoted.nlmsg_len);
	EXPECT_EQ(NLMSG_DONE, ack.quoted.nlmsg_type);
	EXPECT_EQ(NLM_F_ACK, ack.quoted.nlmsg_flags);
	EXPECT_EQ(99, ack.quoted.nlmsg_pid);
	EXPECT_EQ(cn_port(self->fd), got.nlh.nlmsg_pid);
	EXPECT_EQ(0, got.from.nl_pid);
	EXPECT_EQ(0, got.from.nl_groups);
	EXPECT_EQ(1, callback_value(IDX, 1, "calls"));
}

TEST_F(acks, comes_after_the_reply)
{
	struct cn_packet p = { .id = { IDX, 3 }, .nl_flags = NLM_F_ACK, .seq = 8 };
	struct cn_ack ack;

	SKIP_ON_C();
	ASSERT_EQ(0, client("add %u:3 acks echo", IDX));
	ASSERT_LT(0, cn_send(self->fd, &p));
	ASSERT_LT(0, cn_receive(self->fd, &got));
	EXPECT_TRUE(cn_is_message(&got, IDX, 3, 8, 1, "", 0));
	ASSERT_EQ(0, cn_receive_ack(self->fd, &got, &ack));
	EXPECT_EQ(0, ack.error);
}

TEST_F(acks, is_there_for_an_unprivileged_sender)
{
	struct cn_packet p = { .id = { IDX, 2 }, .nl_flags = NLM_F_ACK };
	struct cn_ack ack;
	size_t len;
	int fd;

	SKIP_ON_C();
	become_user();
	fd = cn_open_in_group(0);
	len = cn_begin(out, IDX, 1);
	len += cn_build(out + len, &p);
	ASSERT_EQ((int)len, cn_send_raw(fd, out, len));
	ASSERT_EQ(0, cn_receive_ack(fd, &got, &ack));
	EXPECT_EQ(-ENODEV, ack.error);
	close(fd);
}

TEST_F(acks, goes_to_the_sender_whatever_the_header_says)
{
	int other = cn_open_in_group(0);
	struct cn_packet p = {
		.id = { IDX, 1 },
		.nl_flags = NLM_F_ACK,
		.nl_pid = cn_port(other),
	};
	struct cn_ack ack;

	SKIP_ON_C();
	ASSERT_LT(0, cn_send(self->fd, &p));
	EXPECT_EQ(0, cn_receive_ack(self->fd, &got, &ack));
	EXPECT_TRUE(cn_is_silent(other));
	close(other);
}

/* A callback that unregisters itself has processed its message all the same. */
TEST_F(acks, of_a_callback_that_unregisters_itself)
{
	struct cn_packet p = { .id = { IDX, 3 }, .nl_flags = NLM_F_ACK };
	struct cn_ack ack;

	SKIP_ON_C();
	ASSERT_EQ(0, client("add %u:3 acks del-self", IDX));
	ASSERT_LT(0, cn_send(self->fd, &p));
	ASSERT_EQ(0, cn_receive_ack(self->fd, &got, &ack));
	EXPECT_EQ(0, ack.error);
	EXPECT_TRUE(cn_id_is_unknown(self->fd, &got, IDX, 3));
}

TEST_F(acks, each_message_of_a_datagram_has_its_own)
{
	const int expected[] = { 0, -ENODEV, -EINVAL, 0 };
	const struct cn_packet packets[] = {
		{ .id = { IDX, 1 }, .seq = 1, .nl_flags = NLM_F_ACK },
		{ .id = { IDX, 2 }, .seq = 2, .nl_flags = NLM_F_ACK },
		/* Asks for nothing. */
		{ .id = { IDX, 2 }, .seq = 3 },
		{ .id = { IDX, 1 }, .seq = 4, .nl_flags = NLM_F_ACK, .use_msg_len = true,
		  .msg_len = 7 },
		{ .id = { IDX, 1 }, .seq = 5, .nl_flags = NLM_F_ACK, .data_len = 3 },
	};
	const uint32_t seqs[] = { 1, 2, 4, 5 };
	struct cn_ack ack;
	size_t i, len = 0;

	SKIP_ON_C();
	for (i = 0; i < sizeof(packets) / sizeof(packets[0]); i++)
		len += NLMSG_ALIGN(cn_build(out + len, &packets[i]));
	/* Padding is no message and is not answered. */
	memset(out + len, 0, 64);
	len += 64;
	ASSERT_EQ((int)len, cn_send_raw(self->fd, out, len));
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, cn_receive_ack(self->fd, &got, &ack));
		EXPECT_EQ(seqs[i], ack.seq);
		EXPECT_EQ(expected[i], ack.error);
	}
}

/* A sender that requests acknowledgements and does not read them harms only itself. */
TEST_F(acks, sender_that_never_reads_is_not_blocked)
{
	struct cn_packet p = { .id = { IDX, 1 }, .nl_flags = NLM_F_ACK };
	int small = 1, i, ret;
	int fd = cn_open_in_group(0);

	SKIP_ON_C();
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)));
	for (i = 0; i < 1000; i++) {
		ret = cn_send(fd, &p);
		/* An overrun is reported by the next call on the socket. */
		ASSERT_TRUE(ret > 0 || ret == -ENOBUFS);
	}
	EXPECT_LT(0, cn_drops(cn_port(fd)));
	cn_drain(fd);
	ASSERT_LT(0, cn_send(fd, &p));
	EXPECT_LT(0, cn_receive(fd, &got));
	close(fd);
}

/* -- Errors, each in the four combinations of the socket's options -------- */

FIXTURE(error)
{
	int fd;
	/* The datagram, and where the error is in it. */
	size_t len;
	uint8_t *at;
	int expected;
	/* Bytes of payload that the answer quotes. */
	uint32_t quoted;
};

FIXTURE_VARIANT(error)
{
	int expected;
	struct cn_packet packet;
	/* Bytes cut from the end of the datagram. */
	size_t cut;
	bool quoted;
};

FIXTURE_VARIANT_ADD(error, unknown_id) {
	.expected = -ENODEV,
	.packet = { .id = { IDX, 2 }, .data_len = 5 },
	.quoted = true,
};
FIXTURE_VARIANT_ADD(error, corrupt_message_length) {
	.expected = -EINVAL,
	.packet = { .id = { IDX, 1 }, .data_len = 8, .use_msg_len = true, .msg_len = 9 },
	.quoted = true,
};
FIXTURE_VARIANT_ADD(error, payload_too_short) {
	.expected = -EINVAL,
	.packet = { .id = { IDX, 1 }, .nl_len = CN_HEADERS - 1 },
	.quoted = true,
};
FIXTURE_VARIANT_ADD(error, no_payload) {
	.expected = -EINVAL,
	.packet = { .id = { IDX, 1 }, .nl_len = NLMSG_HDRLEN },
	.cut = sizeof(struct cn_msg),
	.quoted = true,
};
FIXTURE_VARIANT_ADD(error, header_below_16) {
	.expected = -EINVAL,
	.packet = { .id = { IDX, 1 }, .nl_len = 15 },
};
FIXTURE_VARIANT_ADD(error, header_beyond_the_datagram) {
	.expected = -EINVAL,
	.packet = { .id = { IDX, 1 }, .data_len = 8, .nl_len = CN_HEADERS + 9 },
};
FIXTURE_VARIANT_ADD(error, header_of_2_to_the_32) {
	.expected = -EINVAL,
	.packet = { .id = { IDX, 1 }, .data_len = 8, .nl_len = 0xffffffff },
};
FIXTURE_VARIANT_ADD(error, too_long) {
	.expected = -EMSGSIZE,
	.packet = { .id = { IDX, 1 }, .data_len = LIMIT_DATA + 1 },
};
FIXTURE_VARIANT_ADD(error, far_too_long) {
	.expected = -EMSGSIZE,
	.packet = { .id = { IDX, 1 }, .data_len = 60000 },
};
FIXTURE_VARIANT_ADD(error, unknown_id_of_the_largest_size) {
	.expected = -ENODEV,
	.packet = { .id = { IDX, 2 }, .data_len = LIMIT_DATA },
	.quoted = true,
};

FIXTURE_SETUP(error)
{
	struct cn_packet p = variant->packet;
	int size = 1 << 20;

	SKIP_ON_C();
	CN_NEEDS_CLIENT();
	ASSERT_EQ(0, client("add %u:1 acks count", IDX));
	ASSERT_EQ(0, client("add %u:9 acks count", IDX));
	self->fd = cn_open_in_group(0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)));
	p.seq = 31;
	p.nl_flags = NLM_F_ACK;
	self->at = out + cn_begin(out, IDX, 9);
	self->len = self->at - out + cn_build(self->at, &p) - variant->cut;
	if (variant->quoted)
		self->quoted = ((struct nlmsghdr *)self->at)->nlmsg_len - NLMSG_HDRLEN;
}

FIXTURE_TEARDOWN(error)
{
	/* One answer, no call, and the connector continues. */
	EXPECT_TRUE(cn_is_silent(self->fd));
	EXPECT_EQ(0, callback_value(IDX, 1, "calls"));
	close(self->fd);
	EXPECT_EQ(0, client("clear"));
}

#define GET_ACK(ack) do { \
	ASSERT_EQ((int)self->len, cn_send_raw(self->fd, out, self->len)); \
	ASSERT_EQ(0, cn_receive_ack(self->fd, &got, ack)); \
	EXPECT_EQ(variant->expected, (ack)->error); \
	EXPECT_EQ(31, (ack)->seq); \
	EXPECT_EQ(variant->quoted ? NLMSG_HDRLEN + self->quoted : NLMSG_HDRLEN, \
		  (ack)->quoted.nlmsg_len); \
} while (0)

TEST_F(error, is_silent_where_nobody_asks)
{
	struct nlmsghdr *nlh = (void *)self->at;

	nlh->nlmsg_flags = 0;
	ASSERT_EQ((int)self->len, cn_send_raw(self->fd, out, self->len));
}

TEST_F(error, quotes_the_message)
{
	struct cn_ack ack;

	GET_ACK(&ack);
	EXPECT_EQ(0, ack.flags);
	EXPECT_EQ(NULL, ack.text);
	ASSERT_EQ(self->quoted, ack.payload_len);
	EXPECT_EQ(0, memcmp(self->at + NLMSG_HDRLEN, ack.payload, ack.payload_len));
}

TEST_F(error, has_a_text_with_extended_acks)
{
	struct cn_ack ack;

	ASSERT_EQ(0, cn_setopt(self->fd, NETLINK_EXT_ACK, 1));
	GET_ACK(&ack);
	EXPECT_EQ(NLM_F_ACK_TLVS, ack.flags);
	ASSERT_NE(NULL, ack.text);
	EXPECT_LT(10, strlen(ack.text));
	EXPECT_EQ(0, ack.unknown_attributes);
	ASSERT_EQ(self->quoted, ack.payload_len);
	EXPECT_EQ(0, memcmp(self->at + NLMSG_HDRLEN, ack.payload, ack.payload_len));
}

TEST_F(error, quotes_the_header_alone_when_capped)
{
	struct cn_ack ack;

	ASSERT_EQ(0, cn_setopt(self->fd, NETLINK_CAP_ACK, 1));
	GET_ACK(&ack);
	EXPECT_EQ(NLM_F_CAPPED, ack.flags);
	EXPECT_EQ(0, ack.payload_len);
	EXPECT_EQ(NLMSG_LENGTH(sizeof(struct nlmsgerr)), got.nlh.nlmsg_len);
}

TEST_F(error, has_a_text_when_capped)
{
	struct cn_ack ack;

	ASSERT_EQ(0, cn_setopt(self->fd, NETLINK_CAP_ACK, 1));
	ASSERT_EQ(0, cn_setopt(self->fd, NETLINK_EXT_ACK, 1));
	GET_ACK(&ack);
	EXPECT_EQ(NLM_F_CAPPED | NLM_F_ACK_TLVS, ack.flags);
	EXPECT_NE(NULL, ack.text);
}
