// SPDX-License-Identifier: GPL-2.0
/*
 * cn_add_callback() and cn_del_callback() while nothing is running.
 */
#include <time.h>

#include "kselftest_harness.h"
#include "cn_client.h"

#define IDX 25

static struct cn_received got;

FIXTURE(registration)
{
	int fd;
};

FIXTURE_SETUP(registration)
{
	CN_NEEDS_CLIENT();
	self->fd = cn_open_in_group(0);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(registration)
{
	close(self->fd);
	EXPECT_EQ(0, client("clear"));
}

static int send_to(int fd, uint32_t idx, uint32_t val)
{
	struct cn_packet p = { .id = { idx, val } };

	return cn_send(fd, &p);
}

TEST_F(registration, returns_0)
{
	EXPECT_EQ(0, client("add %u:1 name count", IDX));
	EXPECT_EQ(0, client_value("result") < 0);
}

TEST_F(registration, taken_id_is_EINVAL)
{
	ASSERT_EQ(0, client("add %u:1 name count", IDX));
	EXPECT_EQ(-EINVAL, client("add %u:1 name count", IDX));
	EXPECT_EQ(-EINVAL, client("add %u:1 other-name count", IDX));
}

TEST_F(registration, null_callback_is_refused)
{
	EXPECT_EQ(-EINVAL, client("add_null %u:1", IDX));
}

TEST_F(registration, first_one_stays_after_a_duplicate)
{
	char *text;

	ASSERT_EQ(0, client("add %u:1 first count", IDX));
	ASSERT_EQ(-EINVAL, client("add %u:1 second count", IDX));
	ASSERT_LT(0, send_to(self->fd, IDX, 1));
	EXPECT_EQ(1, callback_value(IDX, 1, "calls"));
	text = read_file("/proc/net/connector");
	ASSERT_NE(NULL, text);
	EXPECT_NE(NULL, strstr(text, "first           25:1\n"));
	EXPECT_EQ(NULL, strstr(text, "second"));
	free(text);
	/* One del is enough: the duplicate left nothing. */
	ASSERT_EQ(0, client("del %u:1", IDX));
	EXPECT_EQ(-ENODEV, client("send id=%u:1", IDX));
}

TEST_F(registration, names_need_not_differ)
{
	EXPECT_EQ(0, client("add %u:1 name count", IDX));
	EXPECT_EQ(0, client("add %u:2 name count", IDX));
}

TEST_F(registration, half_an_id_may_be_shared)
{
	EXPECT_EQ(0, client("add %u:1 name count", IDX));
	EXPECT_EQ(0, client("add %u:2 name count", IDX));
	EXPECT_EQ(0, client("add %u:1 name count", IDX + 1));
	EXPECT_EQ(0, client("add 1:%u name count", IDX));
}

TEST_F(registration, unknown_id_may_be_unregistered)
{
	ASSERT_EQ(0, client("add %u:1 name count", IDX));
	EXPECT_EQ(0, client("del %u:2", IDX));
	EXPECT_EQ(0, client("del %u:1", IDX + 1));
	EXPECT_EQ(0, client("del 0:0"));
	EXPECT_EQ(0, client("del 4294967295:4294967294"));
	ASSERT_LT(0, send_to(self->fd, IDX, 1));
	EXPECT_EQ(1, callback_value(IDX, 1, "calls"));
}

TEST_F(registration, unregistering_twice_is_harmless)
{
	ASSERT_EQ(0, client("add %u:1 name count", IDX));
	EXPECT_EQ(0, client("del %u:1", IDX));
	EXPECT_EQ(0, client("del %u:1", IDX));
}

TEST_F(registration, id_can_be_taken_again)
{
	int i;

	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0, client("add %u:1 name count", IDX));
		ASSERT_LT(0, send_to(self->fd, IDX, 1));
		ASSERT_EQ(0, client("del %u:1", IDX));
		ASSERT_LT(0, send_to(self->fd, IDX, 1));
	}
	EXPECT_EQ(100, callback_value(IDX, 1, "calls"));
	EXPECT_EQ(0, callback_value(IDX, 1, "late"));
}

TEST_F(registration, from_inside_a_callback)
{
	ASSERT_EQ(0, client("add %u:1 outer add:%u:2", IDX, IDX));
	ASSERT_LT(0, send_to(self->fd, IDX, 2));
	EXPECT_EQ(0, callback_value(IDX, 2, "calls"));
	ASSERT_LT(0, send_to(self->fd, IDX, 1));
	EXPECT_EQ(0, callback_value(IDX, 1, "inner"));
	ASSERT_LT(0, send_to(self->fd, IDX, 2));
	EXPECT_EQ(1, callback_value(IDX, 2, "calls"));
	/* The second time the id is taken. */
	ASSERT_LT(0, send_to(self->fd, IDX, 1));
	EXPECT_EQ(-EINVAL, callback_value(IDX, 1, "inner"));
}

#define MANY 5000

TEST_F(registration, thousands_of_callbacks_are_all_found)
{
	const uint32_t many = cn_repeat(MANY);
	uint32_t val;

	ASSERT_EQ(0, client("add_many %u:1 %u", IDX, many));
	EXPECT_EQ(many, client_value("many_registered"));
	for (val = 1; val <= many; val++)
		ASSERT_LT(0, send_to(self->fd, IDX, val));
	EXPECT_EQ(many, client_value("many_calls"));
	EXPECT_EQ(1, callback_value(IDX, 1, "calls"));
	EXPECT_EQ(1, callback_value(IDX, many, "calls"));
	ASSERT_LT(0, send_to(self->fd, IDX, many + 1));
	ASSERT_LT(0, send_to(self->fd, IDX, 0));
	EXPECT_EQ(many, client_value("many_calls"));
}

TEST_F(registration, half_of_thousands_unregistered)
{
	const uint32_t many = cn_repeat(MANY);
	uint32_t val;

	ASSERT_EQ(0, client("add_many %u:1 %u", IDX, many));
	for (val = 1; val <= many; val += 2)
		ASSERT_EQ(0, client("del %u:%u", IDX, val));
	for (val = 1; val <= many; val++)
		ASSERT_LT(0, send_to(self->fd, IDX, val));
	EXPECT_EQ(many / 2, client_value("many_calls"));
	EXPECT_EQ(0, client_value("many_late"));
	EXPECT_EQ(-EINVAL, client("add %u:2 name count", IDX));
	EXPECT_EQ(0, client("add %u:%u name count", IDX, many + 1));
}

/* Ids that differ in the bits a poor hash would ignore. */
TEST_F(registration, ids_that_look_alike)
{
	uint32_t bit, other;

	for (bit = 0; bit < 32; bit++) {
		ASSERT_EQ(0, client("add %u:7 idx echo", 1u << bit));
		if (bit)
			ASSERT_EQ(0, client("add 1:%u val echo", 7 + (1u << bit)));
	}
	for (bit = 0; bit < 32; bit++) {
		ASSERT_LT(0, send_to(self->fd, 1u << bit, 7));
		ASSERT_LT(0, cn_receive(self->fd, &got));
		for (other = 0; other < 32; other++)
			ASSERT_EQ(other <= bit, callback_value(1u << other, 7, "calls"));
	}
}

/* An idle unregistration does not wait for readers: no grace period each. */
TEST_F(registration, unregistering_thousands_of_idle_callbacks_is_quick)
{
	const uint32_t many = cn_repeat(MANY);
	struct timespec start, end;

	ASSERT_EQ(0, client("add_many %u:1 %u", IDX, many));
	clock_gettime(CLOCK_MONOTONIC, &start);
	ASSERT_EQ(0, client("del_many %u:1 %u", IDX, many));
	clock_gettime(CLOCK_MONOTONIC, &end);
	/* With a grace period of a few milliseconds each it takes 20 s or more. */
	EXPECT_GT(cn_limit(5), end.tv_sec - start.tv_sec);
	EXPECT_EQ(0, client_value("many_registered"));
}
