// SPDX-License-Identifier: GPL-2.0
/*
 * The ids that a notification request matches: some range of idx and some range of val contain the
 * id, each first <= x < first + range. A range that would pass 2^32 - 1 means "up to the end". Also
 * the malformed requests.
 */
#include "kselftest_harness.h"
#include "cn_client.h"
#include "cn_notify.h"

#define IDX 25
#define LAST 0xffffffff

FIXTURE(ranges)
{
	int owner;
	int listener;
};

/* Ids of a test. Those with a match are first. */
FIXTURE_VARIANT(ranges)
{
	struct cn_notify_req idx[4];
	struct cn_notify_req val[4];
	uint32_t n_idx, n_val;
	struct cb_id matching[8], others[8];
	uint32_t n_matching, n_others;
};

#define IDX_RANGES(...) \
	.idx = { __VA_ARGS__ }, .n_idx = N_RANGES(__VA_ARGS__)
#define VAL_RANGES(...) \
	.val = { __VA_ARGS__ }, .n_val = N_RANGES(__VA_ARGS__)
#define IDS(...) (sizeof((struct cb_id[]){ __VA_ARGS__ }) / sizeof(struct cb_id))
#define MATCHING(...) .matching = { __VA_ARGS__ }, .n_matching = IDS(__VA_ARGS__)
#define OTHERS(...) .others = { __VA_ARGS__ }, .n_others = IDS(__VA_ARGS__)

FIXTURE_VARIANT_ADD(ranges, one_id) {
	IDX_RANGES({ IDX, 1 }), VAL_RANGES({ 7, 1 }),
	MATCHING({ IDX, 7 }),
	OTHERS({ IDX, 6 }, { IDX, 8 }, { IDX - 1, 7 }, { IDX + 1, 7 }, { 7, IDX }),
};
FIXTURE_VARIANT_ADD(ranges, edges_of_val) {
	IDX_RANGES({ IDX, 1 }), VAL_RANGES({ 100, 50 }),
	MATCHING({ IDX, 100 }, { IDX, 101 }, { IDX, 149 }),
	OTHERS({ IDX, 99 }, { IDX, 150 }, { IDX, 0 }, { IDX, LAST }),
};
FIXTURE_VARIANT_ADD(ranges, edges_of_idx) {
	IDX_RANGES({ 100, 50 }), VAL_RANGES({ 7, 1 }),
	MATCHING({ 100, 7 }, { 101, 7 }, { 149, 7 }),
	OTHERS({ 99, 7 }, { 150, 7 }, { 0, 7 }, { LAST, 7 }, { 100, 8 }),
};
FIXTURE_VARIANT_ADD(ranges, several_of_each_in_any_pair) {
	IDX_RANGES({ 20, 2 }, { 30, 1 }, { 40, 5 }), VAL_RANGES({ 1, 1 }, { 10, 10 }),
	MATCHING({ 20, 1 }, { 21, 10 }, { 30, 19 }, { 40, 1 }, { 44, 15 }),
	OTHERS({ 22, 1 }, { 30, 2 }, { 40, 20 }, { 45, 10 }, { 31, 15 }),
};
FIXTURE_VARIANT_ADD(ranges, numbers_of_idx_and_val_are_not_mixed_up) {
	IDX_RANGES({ 20, 1 }), VAL_RANGES({ 30, 1 }, { 40, 1 }, { 50, 1 }),
	MATCHING({ 20, 30 }, { 20, 40 }, { 20, 50 }),
	OTHERS({ 30, 40 }, { 40, 50 }, { 50, 30 }, { 20, 20 }),
};
FIXTURE_VARIANT_ADD(ranges, overlapping_ones_are_one_match) {
	IDX_RANGES({ 20, 10 }, { 25, 10 }), VAL_RANGES({ 0, 10 }, { 5, 10 }, { 5, 10 }),
	MATCHING({ 27, 7 }, { 20, 0 }, { 34, 14 }),
	OTHERS({ 35, 7 }, { 27, 15 }),
};
FIXTURE_VARIANT_ADD(ranges, range_0_is_empty) {
	IDX_RANGES({ IDX, 1 }), VAL_RANGES({ 7, 0 }, { 0, 0 }, { LAST, 0 }),
	OTHERS({ IDX, 7 }, { IDX, 6 }, { IDX, 0 }, { IDX, LAST }),
};
FIXTURE_VARIANT_ADD(ranges, empty_one_does_not_hide_the_next) {
	IDX_RANGES({ 3, 0 }, { IDX, 1 }), VAL_RANGES({ 7, 0 }, { 7, 1 }),
	MATCHING({ IDX, 7 }),
	OTHERS({ 3, 7 }),
};
FIXTURE_VARIANT_ADD(ranges, first_number) {
	IDX_RANGES({ IDX, 1 }), VAL_RANGES({ 0, 1 }),
	MATCHING({ IDX, 0 }),
	OTHERS({ IDX, 1 }, { IDX, LAST }),
};
FIXTURE_VARIANT_ADD(ranges, last_number) {
	IDX_RANGES({ IDX, 1 }), VAL_RANGES({ LAST, 1 }),
	MATCHING({ IDX, LAST }),
	OTHERS({ IDX, LAST - 1 }, { IDX, 0 }),
};
FIXTURE_VARIANT_ADD(ranges, all_but_the_last) {
	IDX_RANGES({ IDX, 1 }), VAL_RANGES({ 0, LAST }),
	MATCHING({ IDX, 0 }, { IDX, 0x80000000 }, { IDX, LAST - 1 }),
	OTHERS({ IDX, LAST }),
};
FIXTURE_VARIANT_ADD(ranges, all_but_the_first) {
	IDX_RANGES({ IDX, 1 }), VAL_RANGES({ 1, LAST }),
	MATCHING({ IDX, 1 }, { IDX, 0x80000000 }, { IDX, LAST }),
	OTHERS({ IDX, 0 }),
};
FIXTURE_VARIANT_ADD(ranges, up_to_the_end_exactly) {
	IDX_RANGES({ IDX, 1 }), VAL_RANGES({ 0xfffffff0, 16 }),
	MATCHING({ IDX, 0xfffffff0 }, { IDX, LAST }),
	OTHERS({ IDX, 0xffffffef }, { IDX, 0 }),
};
FIXTURE_VARIANT_ADD(ranges, beyond_the_end_by_one) {
	IDX_RANGES({ IDX, 1 }), VAL_RANGES({ 0xfffffff0, 17 }),
	MATCHING({ IDX, 0xfffffff0 }, { IDX, LAST }),
	OTHERS({ IDX, 0xffffffef }, { IDX, 0 }),
};
FIXTURE_VARIANT_ADD(ranges, beyond_the_end_by_far) {
	IDX_RANGES({ LAST, LAST }), VAL_RANGES({ 0xfffffff0, LAST }),
	MATCHING({ LAST, 0xfffffff0 }, { LAST, LAST - 1 }),
	OTHERS({ LAST, 0xffffffef }, { LAST, 0 }, { 0, LAST }, { LAST - 1, LAST }),
};
FIXTURE_VARIANT_ADD(ranges, half_and_half) {
	IDX_RANGES({ IDX, 1 }), VAL_RANGES({ 0x80000000, 0x80000000 }),
	MATCHING({ IDX, 0x80000000 }, { IDX, LAST }),
	OTHERS({ IDX, 0x7fffffff }, { IDX, 0 }),
};
FIXTURE_VARIANT_ADD(ranges, no_idx_matches_nothing) {
	.n_idx = 0, VAL_RANGES({ 7, 1 }),
	OTHERS({ IDX, 7 }, { 7, 7 }, { 0, 7 }),
};
FIXTURE_VARIANT_ADD(ranges, no_val_matches_nothing) {
	IDX_RANGES({ IDX, 1 }), .n_val = 0,
	OTHERS({ IDX, 7 }, { IDX, IDX }, { IDX, 0 }),
};
FIXTURE_VARIANT_ADD(ranges, none_matches_nothing) {
	.n_idx = 0, .n_val = 0,
	OTHERS({ IDX, 7 }, { 0, 0 }),
};

FIXTURE_SETUP(ranges)
{
	CN_NEEDS_CLIENT();
	self->owner = cn_open_in_group(0);
	ASSERT_LE(0, self->owner);
	self->listener = cn_open_in_group(EVENTS);
	ASSERT_LE(0, self->listener);
	ASSERT_EQ(0, notify_ask(self->owner, EVENTS,
				(struct ranges){ variant->n_idx, variant->idx },
				(struct ranges){ variant->n_val, variant->val }));
}

FIXTURE_TEARDOWN(ranges)
{
	close(self->owner);
	close(self->listener);
	EXPECT_EQ(0, client("clear"));
}

TEST_F(ranges, decide_what_is_an_event)
{
	uint32_t i;

	for (i = 0; i < variant->n_others; i++) {
		const struct cb_id *id = &variant->others[i];

		ASSERT_EQ(0, client("add %u:%u name count", id->idx, id->val));
		ASSERT_EQ(0, client("del %u:%u", id->idx, id->val));
	}
	EXPECT_TRUE(cn_is_silent(self->listener));
	for (i = 0; i < variant->n_matching; i++) {
		const struct cb_id *id = &variant->matching[i];

		ASSERT_EQ(0, client("add %u:%u name count", id->idx, id->val));
		EXPECT_TRUE(event_arrives(self->listener, EVENTS, id->idx, id->val, REGISTERED))
			TH_LOG("id %u:%u", id->idx, id->val);
		ASSERT_EQ(0, client("del %u:%u", id->idx, id->val));
		EXPECT_TRUE(event_arrives(self->listener, EVENTS, id->idx, id->val, UNREGISTERED))
			TH_LOG("id %u:%u", id->idx, id->val);
	}
	EXPECT_TRUE(cn_is_silent(self->listener));
}

TEST_F(ranges, are_removed_by_the_same_ranges)
{
	EXPECT_EQ(0, notify_ask(self->owner, 0, (struct ranges){ variant->n_idx, variant->idx },
				(struct ranges){ variant->n_val, variant->val }));
}

/* -- As many as fit ------------------------------------------------------- */

FIXTURE(many)
{
	int owner;
	int listener;
	struct cn_notify_req list[MAX_RANGES];
};

FIXTURE_SETUP(many)
{
	int i;

	CN_NEEDS_CLIENT();
	self->owner = cn_open_in_group(0);
	ASSERT_LE(0, self->owner);
	self->listener = cn_open_in_group(EVENTS);
	ASSERT_LE(0, self->listener);
	for (i = 0; i < MAX_RANGES; i++)
		self->list[i] = (struct cn_notify_req) { 10 * i, 1 };
}

FIXTURE_TEARDOWN(many)
{
	close(self->owner);
	close(self->listener);
	EXPECT_EQ(0, client("clear"));
}

TEST_F(many, ranges_fill_the_largest_message)
{
	struct ranges val = { MAX_RANGES - 2, self->list };
	uint32_t last = 10 * (MAX_RANGES - 3);

	ASSERT_EQ(0, notify_ask(self->owner, EVENTS, RANGES({ IDX, 1 }), val));
	ASSERT_EQ(0, client("add %u:%u name count", IDX, last));
	EXPECT_TRUE(event_arrives(self->listener, EVENTS, IDX, last, REGISTERED));
	ASSERT_EQ(0, client("add %u:%u name count", IDX, last + 10));
	EXPECT_TRUE(cn_is_silent(self->listener));
	EXPECT_EQ(0, notify_ask(self->owner, 0, RANGES({ IDX, 1 }), val));
}

TEST_F(many, one_more_is_too_long)
{
	static uint8_t payload[CN_BUFFER], buf[CN_BUFFER];
	struct cn_packet p = {
		.id = { CN_IDX_NOTIFY, CN_VAL_NOTIFY },
		.nl_flags = NLM_F_ACK,
		.data = payload,
	};
	size_t len = cn_begin(buf, CN_IDX_NOTIFY, CN_VAL_NOTIFY);

	p.data_len = notify_build(payload, EVENTS, RANGES({ IDX, 1 }),
				  (struct ranges){ MAX_RANGES - 1, self->list });
	len += cn_build(buf + len, &p);
	ASSERT_EQ((int)len, cn_send_raw(self->owner, buf, len));
	EXPECT_EQ(-EMSGSIZE, notify_answer(self->owner));
}

/* A message may be longer than the connector message in it, as everywhere. */
TEST_F(many, bytes_after_the_connector_message)
{
	uint8_t payload[128] = {};
	struct cn_packet p = {
		.id = { CN_IDX_NOTIFY, CN_VAL_NOTIFY },
		.nl_flags = NLM_F_ACK,
		.data = payload,
		.use_msg_len = true,
		.data_len = sizeof(payload),
	};

	p.msg_len = notify_build(payload, EVENTS, RANGES({ IDX, 1 }), RANGES({ 1, 1 }));
	ASSERT_LT(0, cn_send(self->owner, &p));
	EXPECT_EQ(0, notify_answer(self->owner));
	ASSERT_EQ(0, client("add %u:1 name count", IDX));
	EXPECT_TRUE(event_arrives(self->listener, EVENTS, IDX, 1, REGISTERED));
}

/* -- Groups --------------------------------------------------------------- */

TEST_F(many, groups_that_exist)
{
	uint32_t group;

	for (group = 1; group <= 32; group++)
		EXPECT_EQ(0, notify_one(self->owner, group, IDX, group));
}

TEST_F(many, groups_that_do_not_exist)
{
	EXPECT_EQ(-EINVAL, notify_one(self->owner, 33, IDX, 1));
	EXPECT_EQ(-EINVAL, notify_one(self->owner, 64, IDX, 1));
	EXPECT_EQ(-EINVAL, notify_one(self->owner, 65536, IDX, 1));
	EXPECT_EQ(-EINVAL, notify_one(self->owner, 0x80000000, IDX, 1));
	EXPECT_EQ(-EINVAL, notify_one(self->owner, 0xffffffff, IDX, 1));
	/* No request is stored. */
	EXPECT_EQ(-ENOENT, notify_one(self->owner, 0, IDX, 1));
}

/* -- Malformed ------------------------------------------------------------ */

FIXTURE(malformed)
{
	int owner;
	int listener;
};

/* The ranges in the message are n good ones for the id IDX:IDX. */
FIXTURE_VARIANT(malformed)
{
	uint32_t idx_num, val_num, len;
	uint32_t n;
	/* Bytes more or less than that in cn_msg.len and in the message. */
	int extra;
};

FIXTURE_VARIANT_ADD(malformed, control_length_0) { 1, 1, 0, 2 };
FIXTURE_VARIANT_ADD(malformed, control_length_short_by_one_range) { 1, 1, 8, 2 };
FIXTURE_VARIANT_ADD(malformed, control_length_long_by_one_range) { 1, 1, 24, 2 };
FIXTURE_VARIANT_ADD(malformed, control_length_15) { 1, 1, 15, 2 };
FIXTURE_VARIANT_ADD(malformed, control_length_17) { 1, 1, 17, 2 };
FIXTURE_VARIANT_ADD(malformed, control_length_includes_its_header) { 1, 1, 32, 2 };
FIXTURE_VARIANT_ADD(malformed, control_length_largest) { 1, 1, 0xffffffff, 2 };
FIXTURE_VARIANT_ADD(malformed, control_length_negative) { 1, 1, 0xfffffff0, 2 };
FIXTURE_VARIANT_ADD(malformed, counts_less_than_there_are) { 1, 0, 16, 2 };
FIXTURE_VARIANT_ADD(malformed, counts_less_than_the_message_has) { 1, 0, 8, 2 };
FIXTURE_VARIANT_ADD(malformed, counts_more_than_there_are) { 1, 2, 24, 2 };
FIXTURE_VARIANT_ADD(malformed, counts_0_with_ranges) { 0, 0, 0, 2 };
FIXTURE_VARIANT_ADD(malformed, message_one_byte_longer) { 1, 1, 16, 2, 1 };
FIXTURE_VARIANT_ADD(malformed, message_four_bytes_longer) { 1, 1, 16, 2, 4 };
FIXTURE_VARIANT_ADD(malformed, message_one_range_longer) { 1, 1, 16, 2, 8 };
FIXTURE_VARIANT_ADD(malformed, message_one_byte_shorter) { 1, 1, 16, 2, -1 };
FIXTURE_VARIANT_ADD(malformed, message_one_range_shorter) { 1, 1, 16, 2, -8 };
FIXTURE_VARIANT_ADD(malformed, message_without_ranges) { 1, 1, 16, 2, -16 };
FIXTURE_VARIANT_ADD(malformed, message_ends_in_control_header) { 1, 1, 16, 2, -17 };
FIXTURE_VARIANT_ADD(malformed, message_of_4_bytes) { 1, 1, 16, 2, -28 };
FIXTURE_VARIANT_ADD(malformed, message_of_1_byte) { 1, 1, 16, 2, -31 };
FIXTURE_VARIANT_ADD(malformed, message_empty) { 1, 1, 16, 2, -32 };
/* Sums and products that are right modulo 2^32. */
FIXTURE_VARIANT_ADD(malformed, counts_sum_wraps_to_1) { 0xffffffff, 2, 8, 1 };
FIXTURE_VARIANT_ADD(malformed, counts_sum_wraps_to_2) { 3, 0xffffffff, 16, 2 };
FIXTURE_VARIANT_ADD(malformed, counts_sum_wraps_to_0) { 0x80000000, 0x80000000, 0, 0 };
FIXTURE_VARIANT_ADD(malformed, counts_largest) { 0xffffffff, 0xffffffff, 0xfffffff0, 0 };
FIXTURE_VARIANT_ADD(malformed, product_wraps_to_0) { 0x20000000, 0, 0, 0 };
FIXTURE_VARIANT_ADD(malformed, product_wraps_to_8) { 0x20000000, 1, 8, 1 };
FIXTURE_VARIANT_ADD(malformed, product_wraps_to_16) { 0x20000001, 1, 16, 2 };
FIXTURE_VARIANT_ADD(malformed, product_and_sum_wrap) { 0x10000001, 0x10000001, 16, 2 };
FIXTURE_VARIANT_ADD(malformed, product_wraps_in_val) { 1, 0x20000001, 16, 2 };
FIXTURE_VARIANT_ADD(malformed, length_and_header_wrap) { 0x1ffffffe, 0, 0xfffffff0, 0 };
/* Sums that are right modulo 2^16, as cn_msg.len has 16 bits. */
FIXTURE_VARIANT_ADD(malformed, counts_wrap_16_bits) { 0x2001, 1, 0x10010, 2 };

FIXTURE_SETUP(malformed)
{
	CN_NEEDS_CLIENT();
	self->owner = cn_open_in_group(0);
	ASSERT_LE(0, self->owner);
	self->listener = cn_open_in_group(EVENTS);
	ASSERT_LE(0, self->listener);
}

FIXTURE_TEARDOWN(malformed)
{
	close(self->owner);
	close(self->listener);
	EXPECT_EQ(0, client("clear"));
}

static int send_malformed(int fd, const FIXTURE_VARIANT(malformed) *v, uint32_t group,
			  uint16_t nl_flags)
{
	struct {
		struct cn_notify_req words[16];
	} buf;
	struct cn_ctl_msg *ctl = (void *)&buf;
	uint32_t i;

	for (i = 0; i < 16; i++)
		buf.words[i] = (struct cn_notify_req) { IDX, 1 };
	ctl->idx_notify_num = v->idx_num;
	ctl->val_notify_num = v->val_num;
	ctl->group = group;
	ctl->len = v->len;
	return notify_send_payload(fd, ctl, sizeof(*ctl) + 8 * v->n + v->extra, nl_flags, 0);
}

TEST_F(malformed, request_is_EINVAL_and_stores_nothing)
{
	ASSERT_LT(0, send_malformed(self->owner, variant, EVENTS, NLM_F_ACK));
	EXPECT_EQ(-EINVAL, notify_answer(self->owner));
	ASSERT_EQ(0, client("add %u:%u name count", IDX, IDX));
	EXPECT_TRUE(cn_is_silent(self->listener));
}

TEST_F(malformed, request_without_ack_gets_no_answer)
{
	ASSERT_LT(0, send_malformed(self->owner, variant, EVENTS, 0));
	ASSERT_EQ(0, client("add %u:%u name count", IDX, IDX));
	EXPECT_TRUE(cn_is_silent(self->listener));
	EXPECT_TRUE(cn_is_silent(self->owner));
}

TEST_F(malformed, removal_is_EINVAL_and_removes_nothing)
{
	ASSERT_EQ(0, notify_one(self->owner, EVENTS, IDX, IDX));
	ASSERT_LT(0, send_malformed(self->owner, variant, 0, NLM_F_ACK));
	EXPECT_EQ(-EINVAL, notify_answer(self->owner));
	ASSERT_EQ(0, client("add %u:%u name count", IDX, IDX));
	EXPECT_TRUE(event_arrives(self->listener, EVENTS, IDX, IDX, REGISTERED));
}

TEST_F(malformed, requests_take_no_place)
{
	int i;

	for (i = 0; i < 2 * MAX_PER_SOCKET; i++) {
		ASSERT_LT(0, send_malformed(self->owner, variant, EVENTS, NLM_F_ACK));
		ASSERT_EQ(-EINVAL, notify_answer(self->owner));
	}
	for (i = 0; i < MAX_PER_SOCKET; i++)
		ASSERT_EQ(0, notify_one(self->owner, EVENTS, IDX, i));
}

/* -- Any header ------------------------------------------------------------ */

static uint32_t random_below(uint32_t n)
{
	static uint64_t state = 1;

	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return (state >> 33) % n;
}

static const uint32_t numbers[] = {
	0, 1, 2, 3, 8, 16, 24, 32, 0x1fffffff, 0x20000000, 0x20000001, 0x3fffffff, 0x40000000,
	0x7fffffff, 0x80000000, 0x80000001, 0xfffffff0, 0xfffffff8, 0xfffffffe, 0xffffffff,
};

/* Small ones more often, so that some headers are right. */
static uint32_t random_number(void)
{
	return numbers[random_below(random_below(2) ? 4 : sizeof(numbers) / sizeof(numbers[0]))];
}

/* Here the value of a request is computed again, in numbers that do not wrap. */
TEST_F(many, random_headers)
{
	static const uint32_t groups[] = { 1, EVENTS, 32, 33, 0xffffffff };
	int i, good = 0;

	for (i = 0; i < 20000; i++) {
		uint8_t payload[64] = {};
		struct cn_ctl_msg *ctl = (void *)payload;
		uint64_t ranges;
		uint32_t len;
		int expected;

		ctl->idx_notify_num = random_number();
		ctl->val_notify_num = random_number();
		ranges = (uint64_t)ctl->idx_notify_num + ctl->val_notify_num;
		ctl->len = random_below(4) ? 8 * ranges : random_number();
		ctl->group = groups[random_below(5)];
		len = ranges <= 6 && random_below(4) ? 16 + 8 * ranges : random_below(65);

		expected = len >= 16 && len == 16 + 8 * ranges && ctl->len == 8 * ranges &&
			   ctl->group <= 32 ? 0 : -EINVAL;
		ASSERT_LT(0, notify_send_payload(self->owner, payload, len, NLM_F_ACK, 0));
		ASSERT_EQ(expected, notify_answer(self->owner)) {
			TH_LOG("%u + %u ranges, len %u, group %u, cn_msg.len %u",
			       ctl->idx_notify_num, ctl->val_notify_num, ctl->len, ctl->group, len);
		}
		if (expected)
			continue;
		good++;
		ctl->group = 0;
		ASSERT_LT(0, notify_send_payload(self->owner, payload, len, NLM_F_ACK, 0));
		ASSERT_EQ(0, notify_answer(self->owner));
	}
	EXPECT_LT(1000, good);
	EXPECT_GT(15000, good);
}
