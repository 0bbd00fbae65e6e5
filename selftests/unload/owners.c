// SPDX-License-Identifier: GPL-2.0
/*
 * Handlers and watchers own registrations and watches: their own, each other's and long lists of
 * them. They drop them inside calls (modules/cn_rust_owners.rs). Unloading ends and leaves nothing.
 * Objects dropped inside a call are reclaimed when the call returns.
 */
#include "kselftest_harness.h"
#include "cn_client.h"
#include "cn_module.h"
#include "cn_watchdog.h"

#define OWNERS_IDX 41
#define NODE_COUNTER 9998
#define OWNERS_TRIGGER 9999

FIXTURE(owners)
{
	int klog;
};

/* The number is that in build(). */
FIXTURE_VARIANT(owners)
{
	int shape;
};

FIXTURE_VARIANT_ADD(owners, itself) { .shape = 0 };
FIXTURE_VARIANT_ADD(owners, each_other) { .shape = 1 };
FIXTURE_VARIANT_ADD(owners, chain) { .shape = 2 };
FIXTURE_VARIANT_ADD(owners, ring) { .shape = 3 };
FIXTURE_VARIANT_ADD(owners, watcher) { .shape = 4 };
FIXTURE_VARIANT_ADD(owners, watcher_itself) { .shape = 5 };
FIXTURE_VARIANT_ADD(owners, socket_watcher_and_handler) { .shape = 6 };
FIXTURE_VARIANT_ADD(owners, handler_and_two_watchers) { .shape = 7 };
FIXTURE_VARIANT_ADD(owners, socket_watcher) { .shape = 8 };

FIXTURE_SETUP(owners)
{
	CN_NEEDS_NO_CONNECTOR();
	ASSERT_EQ(0, module_load("cn", ""));
	self->klog = klog_mark();
	ASSERT_LE(0, self->klog);
}

FIXTURE_TEARDOWN(owners)
{
	close(self->klog);
	if (!module_is_loaded("cn_rust_owners"))
		EXPECT_EQ(0, unload_within("cn"));
}

static void load_shape(char *params, size_t size, int shape, int fail)
{
	snprintf(params, size, "shape=%d fail=%d", shape, fail);
}

TEST_F(owners, end_with_the_module)
{
	char params[64];

	load_shape(params, sizeof(params), variant->shape, 0);
	ASSERT_EQ(0, load_within("cn_rust_owners", params));
	ASSERT_EQ(0, unload_within("cn_rust_owners"));
	EXPECT_FALSE(is_shown(" 41:"));
	EXPECT_TRUE(KLOG_HAS(self->klog, "cn_rust_owners: ", "none is left"));
	EXPECT_EQ(0, run_within(SOON_MS, use_a_socket, NULL));
}

TEST_F(owners, end_with_a_failed_start)
{
	char params[64];

	load_shape(params, sizeof(params), variant->shape, 1);
	ASSERT_EQ(-EAGAIN, load_within("cn_rust_owners", params));
	EXPECT_FALSE(module_is_loaded("cn_rust_owners"));
	EXPECT_FALSE(is_shown(" 41:"));
	EXPECT_TRUE(KLOG_HAS(self->klog, "cn_rust_owners: ", "none is left"));
	EXPECT_EQ(0, run_within(SOON_MS, use_a_socket, NULL));
}

FIXTURE(within)
{
	int fd;
};

FIXTURE_SETUP(within)
{
	CN_NEEDS_NO_CONNECTOR();
	ASSERT_EQ(0, module_load_with_client(""));
	self->fd = cn_open_in_group(0);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(within)
{
	close(self->fd);
	EXPECT_EQ(0, unload_within("cn_rust_owners"));
	EXPECT_EQ(0, unload_client());
	if (!module_is_loaded("cn_rust_owners"))
		EXPECT_EQ(0, unload_within("cn"));
}

/* The number of nodes in memory. */
static int nodes(int fd)
{
	struct cn_packet p = { .id = { OWNERS_IDX, NODE_COUNTER }, .seq = 3 };
	static struct cn_received got;
	uint32_t number;
	int ret = cn_send(fd, &p);

	if (ret > 0)
		ret = cn_receive(fd, &got);
	if (ret < 0)
		return ret;
	if (ret < CN_HEADERS + sizeof(number) || cn_message(&got)->id.val != NODE_COUNTER)
		return -EIO;
	memcpy(&number, cn_message(&got)->data, sizeof(number));
	return number;
}

/* A handler drops the registration of another, whose handler owns a third and two watches. */
TEST_F(within, a_handler)
{
	struct cn_packet p = { .id = { OWNERS_IDX, 1 }, .data = "\1", .data_len = 1 };
	static struct cn_received got;

	ASSERT_EQ(0, load_within("cn_rust_owners", "shape=9"));
	ASSERT_EQ(4, nodes(self->fd));
	ASSERT_LT(0, cn_send(self->fd, &p));
	ASSERT_LT(0, cn_receive(self->fd, &got));
	EXPECT_FALSE(is_shown(" 41:2\n"));
	EXPECT_FALSE(is_shown(" 41:3\n"));
	EXPECT_EQ(2, nodes(self->fd));
}

/* Watchers are called a moment after the event. */
static int nodes_soon(int fd, int expected)
{
	long long end = watchdog_ms() + cn_timeout();
	int left;

	while ((left = nodes(fd)) != expected && watchdog_ms() < end)
		usleep(1000);
	return left;
}

/* A watcher does so, some time after a registration. */
TEST_F(within, a_watcher)
{
	ASSERT_EQ(0, load_within("cn_rust_owners", "shape=10"));
	ASSERT_EQ(4, nodes(self->fd));
	ASSERT_EQ(0, client("add %u:%u x count", OWNERS_IDX, OWNERS_TRIGGER));
	EXPECT_EQ(2, nodes_soon(self->fd, 2));
	EXPECT_FALSE(is_shown(" 41:2\n"));
	EXPECT_FALSE(is_shown(" 41:3\n"));
}

/* A watcher of sockets does so, some time after a socket is closed. */
TEST_F(within, a_socket_watcher)
{
	ASSERT_EQ(0, load_within("cn_rust_owners", "shape=11"));
	ASSERT_EQ(4, nodes(self->fd));
	ASSERT_EQ(0, run_within(SOON_MS, use_a_socket, NULL));
	EXPECT_EQ(2, nodes_soon(self->fd, 2));
	EXPECT_FALSE(is_shown(" 41:2\n"));
	EXPECT_FALSE(is_shown(" 41:3\n"));
}
