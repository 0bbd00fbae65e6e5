// SPDX-License-Identifier: GPL-2.0
/*
 * Datagrams that are no message: accepted by sendmsg(2), dropped without an
 * answer, and without any effect on the next message.
 */
#include "kselftest_harness.h"
#include "cn_client.h"

#define IDX 25

static struct cn_received got;

FIXTURE(malformed)
{
	int fd;
};

FIXTURE_SETUP(malformed)
{
	CN_NEEDS_CLIENT();
	self->fd = cn_open_in_group(0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, client("add %u:1 malformed echo", IDX));
}

/* After each test the connector must still work. */
FIXTURE_TEARDOWN(malformed)
{
	struct cn_packet p = { .id = { IDX, 1 }, .seq = 4242 };

	EXPECT_TRUE(cn_is_silent(self->fd));
	EXPECT_LT(0, cn_send(self->fd, &p));
	EXPECT_LT(0, cn_receive(self->fd, &got));
	EXPECT_EQ(4242, cn_message(&got)->seq);
	close(self->fd);
	EXPECT_EQ(0, client("clear"));
}

TEST_F(malformed, empty_datagram_is_refused)
{
	EXPECT_EQ(-ENODATA, cn_send_raw(self->fd, "", 0));
}

TEST_F(malformed, every_length_below_a_message)
{
	struct cn_packet p = { .id = { IDX, 1 } };
	uint8_t buf[64];
	size_t len, full = cn_build(buf, &p);

	for (len = 1; len < full; len++)
		EXPECT_EQ((int)len, cn_send_raw(self->fd, buf, len));
	EXPECT_EQ(0, callback_value(IDX, 1, "calls"));
}

TEST_F(malformed, zeros)
{
	uint8_t zeros[4096] = {};
	size_t len;

	for (len = 1; len <= sizeof(zeros); len *= 2)
		EXPECT_EQ((int)len, cn_send_raw(self->fd, zeros, len));
	EXPECT_EQ(0, callback_value(IDX, 1, "calls"));
}

TEST_F(malformed, ones)
{
	uint8_t ones[4096];
	size_t len;

	memset(ones, 0xff, sizeof(ones));
	/* Answers are another test's subject. */
	((struct nlmsghdr *)ones)->nlmsg_flags &= ~NLM_F_ACK;
	for (len = 1; len <= sizeof(ones); len *= 2)
		EXPECT_EQ((int)len, cn_send_raw(self->fd, ones, len));
	EXPECT_EQ(0, callback_value(IDX, 1, "calls"));
}

FIXTURE(nlmsg_len)
{
	int fd;
};

FIXTURE_VARIANT(nlmsg_len)
{
	uint32_t value;
};

FIXTURE_VARIANT_ADD(nlmsg_len, one) { 1 };
FIXTURE_VARIANT_ADD(nlmsg_len, header_less_1) { 15 };
FIXTURE_VARIANT_ADD(nlmsg_len, header_alone) { 16 };
FIXTURE_VARIANT_ADD(nlmsg_len, message_less_1) { 35 };
FIXTURE_VARIANT_ADD(nlmsg_len, datagram_plus_1) { 69 };
FIXTURE_VARIANT_ADD(nlmsg_len, limit) { 16400 };
FIXTURE_VARIANT_ADD(nlmsg_len, above_the_limit) { 16401 };
FIXTURE_VARIANT_ADD(nlmsg_len, largest_int) { 0x7fffffff };
FIXTURE_VARIANT_ADD(nlmsg_len, smallest_int) { 0x80000000 };
FIXTURE_VARIANT_ADD(nlmsg_len, negative_plus_header) { 0x80000010 };
FIXTURE_VARIANT_ADD(nlmsg_len, wraps_when_aligned) { 0xfffffffd };
FIXTURE_VARIANT_ADD(nlmsg_len, largest) { 0xffffffff };

FIXTURE_SETUP(nlmsg_len)
{
	CN_NEEDS_CLIENT();
	self->fd = cn_open_in_group(0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, client("add %u:1 malformed count", IDX));
}

FIXTURE_TEARDOWN(nlmsg_len)
{
	close(self->fd);
	EXPECT_EQ(0, client("clear"));
}

TEST_F(nlmsg_len, is_dropped)
{
	struct cn_packet p = { .id = { IDX, 1 }, .data_len = 32, .nl_len = variant->value };

	EXPECT_EQ((int)(CN_HEADERS + 32), cn_send(self->fd, &p));
	EXPECT_EQ(0, callback_value(IDX, 1, "calls"));
	EXPECT_TRUE(cn_is_silent(self->fd));
}

/* Type, flags and port of the header are not checked. */
TEST_F(malformed, other_header_fields_do_not_matter)
{
	const uint16_t types[] = { NLMSG_NOOP, NLMSG_ERROR, NLMSG_OVERRUN, 0x10, 0xffff };
	const uint16_t flags[] = { NLM_F_REQUEST, NLM_F_DUMP, 0xffff & ~NLM_F_ACK };
	struct cn_packet p = { .id = { IDX, 1 }, .nl_pid = 0xdeadbeef };
	uint8_t buf[64];
	size_t i, j, len;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		for (j = 0; j < sizeof(flags) / sizeof(flags[0]); j++) {
			len = cn_build(buf, &p);
			((struct nlmsghdr *)buf)->nlmsg_type = types[i];
			((struct nlmsghdr *)buf)->nlmsg_flags = flags[j];
			ASSERT_EQ((int)len, cn_send_raw(self->fd, buf, len));
			ASSERT_LT(0, cn_receive(self->fd, &got));
			EXPECT_EQ(NLMSG_DONE, got.nlh.nlmsg_type);
		}
	}
	EXPECT_EQ(15, callback_value(IDX, 1, "calls"));
}

/* -- Unknown ids --------------------------------------------------------- */

FIXTURE(unknown)
{
	int fd;
};

FIXTURE_VARIANT(unknown)
{
	struct cb_id id;
};

FIXTURE_VARIANT_ADD(unknown, other_val) { .id = { IDX, 2 } };
FIXTURE_VARIANT_ADD(unknown, other_idx) { .id = { IDX + 1, 1 } };
FIXTURE_VARIANT_ADD(unknown, swapped) { .id = { 1, IDX } };
FIXTURE_VARIANT_ADD(unknown, zero) { .id = { 0, 0 } };
FIXTURE_VARIANT_ADD(unknown, high_bits) { .id = { IDX | 0x80000000, 1 } };
FIXTURE_VARIANT_ADD(unknown, nearly_all_ones) { .id = { 0xffffffff, 0xfffffffe } };

FIXTURE_SETUP(unknown)
{
	CN_NEEDS_CLIENT();
	self->fd = cn_open_in_group(0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, client("add %u:1 known count", IDX));
}

FIXTURE_TEARDOWN(unknown)
{
	close(self->fd);
	EXPECT_EQ(0, client("clear"));
}

TEST_F(unknown, is_dropped_in_silence)
{
	struct cn_packet p = { .id = variant->id, .data_len = 8 };

	EXPECT_EQ((int)(CN_HEADERS + 8), cn_send(self->fd, &p));
	EXPECT_EQ(0, callback_value(IDX, 1, "calls"));
	EXPECT_TRUE(cn_is_silent(self->fd));
}

TEST_F(unknown, was_known_once)
{
	struct cn_packet p = { .id = variant->id };

	ASSERT_EQ(0, client("add %u:%u once count", p.id.idx, p.id.val));
	EXPECT_LT(0, cn_send(self->fd, &p));
	ASSERT_EQ(0, client("del %u:%u", p.id.idx, p.id.val));
	EXPECT_LT(0, cn_send(self->fd, &p));
	EXPECT_EQ(1, callback_value(p.id.idx, p.id.val, "calls"));
}

/* -- Anything at all ----------------------------------------------------- */

/* xorshift32: the same datagrams in every run. */
static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/*
 * The rules once more, in the plainest words: calls that a datagram must make. A guest gets none
 * that does not begin with such a call.
 */
static int expected_calls(const uint8_t *buf, size_t len, bool first_only)
{
	int calls = 0;

	while (len >= NLMSG_HDRLEN) {
		const struct nlmsghdr *nlh = (const void *)buf;
		const struct cn_msg *msg = NLMSG_DATA(nlh);
		size_t payload;

		if (nlh->nlmsg_len < NLMSG_HDRLEN || nlh->nlmsg_len > len)
			break;
		payload = nlh->nlmsg_len - NLMSG_HDRLEN;
		if (payload >= sizeof(*msg) && payload <= CONNECTOR_MAX_MSG_SIZE &&
		    sizeof(*msg) + msg->len <= payload &&
		    msg->id.idx == IDX && msg->id.val == 1)
			calls++;
		if (first_only || (provider_is_guest() && !calls) || NLMSG_ALIGN(nlh->nlmsg_len) > len)
			break;
		buf += NLMSG_ALIGN(nlh->nlmsg_len);
		len -= NLMSG_ALIGN(nlh->nlmsg_len);
	}
	return calls;
}

/*
 * Datagrams of up to four messages whose lengths are wrong by a few bytes, some cut
 * or with single bytes overwritten. A thousand are enough to meet each rule.
 */
TEST_F(unknown, random_datagrams_make_exactly_the_calls_they_should)
{
	uint32_t state = variant->id.val * 77 + variant->id.idx + 1;
	long long calls = 0;
	uint8_t buf[1024];
	int round;

	for (round = 0; round < cn_repeat(1000); round++) {
		int messages = 1 + next_random(&state) % 4;
		size_t len = 0;

		while (messages--) {
			struct cn_packet p = {
				.id = { IDX, 1 + !(next_random(&state) % 8) },
				.seq = round,
				.data_len = next_random(&state) % 40,
				.use_msg_len = true,
			};

			p.msg_len = p.data_len;
			if (!(next_random(&state) % 4))
				p.msg_len += next_random(&state) % 49 - 24;
			if (!(next_random(&state) % 4))
				p.nl_len = CN_HEADERS + p.data_len +
					   next_random(&state) % 81 - 40;
			len += NLMSG_ALIGN(cn_build(buf + len, &p));
		}
		if (!(next_random(&state) % 4))
			buf[next_random(&state) % len] = next_random(&state);
		if (!(next_random(&state) % 4))
			len -= next_random(&state) % len;
		calls += expected_calls(buf, len, provider_is_c());
		ASSERT_EQ((int)len, cn_send_raw(self->fd, buf, len));
		ASSERT_EQ(calls, callback_value(IDX, 1, "calls")) {
			TH_LOG("datagram %d of %zu bytes", round, len);
		}
		/* The overwritten flags may have included a request for an acknowledgement. */
		cn_drain(self->fd);
	}
	ASSERT_LT(0, calls);
}
