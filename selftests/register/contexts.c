// SPDX-License-Identifier: GPL-2.0
/*
 * Sending from where kernel clients send: timers, work, RCU read sections,
 * with preemption or bottom halves off, under a spin lock.
 */
#include "kselftest_harness.h"
#include "cn_client.h"

#define IDX 25

static struct cn_received got;

FIXTURE(context)
{
	int member;
};

FIXTURE_VARIANT(context)
{
	const char *name;
	const char *gfp;
};

FIXTURE_VARIANT_ADD(context, process) { "process", "kernel" };
FIXTURE_VARIANT_ADD(context, process_atomic) { "process", "atomic" };
FIXTURE_VARIANT_ADD(context, timer) { "timer", "atomic" };
FIXTURE_VARIANT_ADD(context, timer_nowait) { "timer", "nowait" };
FIXTURE_VARIANT_ADD(context, work) { "work", "kernel" };
FIXTURE_VARIANT_ADD(context, rcu) { "rcu", "atomic" };
FIXTURE_VARIANT_ADD(context, bottom_half) { "bh", "atomic" };
FIXTURE_VARIANT_ADD(context, no_preemption) { "preempt", "nowait" };
FIXTURE_VARIANT_ADD(context, spin_lock) { "spinlock", "atomic" };

#define SEND(format, ...) \
	client("send_mult id=%u:1 context=%s gfp=%s msg_len=20 " format, IDX, \
	       variant->name, variant->gfp, ##__VA_ARGS__)

FIXTURE_SETUP(context)
{
	CN_NEEDS_CLIENT();
	if (SEND("group=%u", IDX) == -EOPNOTSUPP)
		SKIP(return, "PREEMPT_RT has no memory allocation there");
	ASSERT_EQ(0, client("add %u:1 context count", IDX));
	self->member = cn_open_in_group(IDX);
	ASSERT_LE(0, self->member);
}

FIXTURE_TEARDOWN(context)
{
	close(self->member);
	EXPECT_EQ(0, client("clear"));
}

TEST_F(context, multicast)
{
	ASSERT_EQ(0, SEND("group=%u seq=1", IDX));
	ASSERT_LT(0, cn_receive(self->member, &got));
	EXPECT_TRUE(cn_is_pattern(cn_message(&got)->data, 1, 20));
}

TEST_F(context, filtered_multicast)
{
	ASSERT_EQ(0, SEND("group=%u filter=accept", IDX));
	EXPECT_EQ(1, client_value("filter_calls"));
	EXPECT_LT(0, cn_receive(self->member, &got));
}

TEST_F(context, by_id)
{
	ASSERT_EQ(0, SEND("seq=2"));
	ASSERT_LT(0, cn_receive(self->member, &got));
	EXPECT_TRUE(cn_is_pattern(cn_message(&got)->data, 2, 20));
}

TEST_F(context, unicast)
{
	ASSERT_EQ(0, SEND("portid=%u", cn_port(self->member)));
	EXPECT_EQ(NLMSG_ALIGN(CN_HEADERS + 20), client_value("result"));
	EXPECT_LT(0, cn_receive(self->member, &got));
}

TEST_F(context, many_at_once)
{
	int i;

	ASSERT_EQ(0, SEND("repeat=50"));
	EXPECT_EQ(50, client_value("sent"));
	for (i = 0; i < 50; i++)
		ASSERT_LT(0, cn_receive(self->member, &got));
}

TEST_F(context, errors_are_the_same)
{
	EXPECT_EQ(-ESRCH, SEND("group=%u", IDX + 1));
	EXPECT_EQ(-ECONNREFUSED, SEND("portid=987654321"));
	ASSERT_EQ(0, client("del %u:1", IDX));
	EXPECT_EQ(-ENODEV, SEND("seq=1"));
}
