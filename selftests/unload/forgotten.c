// SPDX-License-Identifier: GPL-2.0
/*
 * A client module that is unloaded without unregistering. Its callbacks are removed and reported by
 * id and name. (With the C connector the next message would call freed code, and the connector's
 * unload would never end.)
 */
#include <time.h>

#include "kselftest_harness.h"
#include "cn_client.h"
#include "cn_module.h"

#define FORGOTTEN_IDX 25
/* The limit of an unload. */
#define UNLOAD_MS 5000

FIXTURE(forgotten)
{
	int klog;
	int fd;
};

FIXTURE_SETUP(forgotten)
{
	CN_NEEDS_NO_CONNECTOR();
	ASSERT_EQ(0, module_load_with_client(""));
	self->klog = klog_mark();
	ASSERT_LE(0, self->klog);
	self->fd = cn_open_in_group(0);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(forgotten)
{
	close(self->fd);
	close(self->klog);
	if (module_is_loaded("cn_client"))
		EXPECT_EQ(0, module_unload("cn_client"));
	EXPECT_EQ(0, module_unload_soon("cn"));
}

static int unload_forgetting(void)
{
	int err = client("forget");

	client_close();
	return err ? err : module_unload("cn_client");
}

static long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

TEST_F(forgotten, unload_ends_soon)
{
	long long start;

	ASSERT_EQ(0, client("add_many %u:1 500", FORGOTTEN_IDX));
	start = now_ms();
	ASSERT_EQ(0, unload_forgetting());
	EXPECT_GT(cn_limit(UNLOAD_MS), now_ms() - start);
}

TEST_F(forgotten, callback_is_removed)
{
	struct cn_packet p = { .id = { FORGOTTEN_IDX, 1 } };
	char *text;

	ASSERT_EQ(0, client("add %u:1 mislaid count", FORGOTTEN_IDX));
	ASSERT_LT(0, cn_send(self->fd, &p));
	ASSERT_EQ(0, unload_forgetting());
	text = read_file("/proc/net/connector");
	ASSERT_NE(NULL, text);
	EXPECT_STREQ(proc_file_without_clients(), text);
	free(text);
	/* Would run freed code. */
	EXPECT_LT(0, cn_send(self->fd, &p));
}

TEST_F(forgotten, callback_is_reported_by_id_and_name)
{
	ASSERT_EQ(0, client("add %u:1 mislaid count", FORGOTTEN_IDX));
	ASSERT_EQ(0, unload_forgetting());
	EXPECT_TRUE(KLOG_HAS(self->klog, KLOG_OF_CN, "mislaid", "25:1"));
}

TEST_F(forgotten, hundreds_are_removed)
{
	ASSERT_EQ(0, client("add_many %u:1 500", FORGOTTEN_IDX));
	ASSERT_EQ(0, unload_forgetting());
	ASSERT_EQ(0, module_load("cn_client", ""));
	ASSERT_EQ(0, client("add_many %u:1 500", FORGOTTEN_IDX));
}

/* The registrations of another module stay. */
TEST_F(forgotten, other_modules_keep_theirs)
{
	char *text;

	ASSERT_EQ(0, module_load("cn_test", ""));
	ASSERT_EQ(0, client("add %u:1 mislaid count", FORGOTTEN_IDX));
	ASSERT_EQ(0, unload_forgetting());
	text = read_file("/proc/net/connector");
	ASSERT_NE(NULL, text);
	EXPECT_EQ(NULL, strstr(text, "mislaid"));
	EXPECT_NE(NULL, strstr(text, "cn_test"));
	free(text);
	EXPECT_EQ(0, module_unload("cn_test"));
}

TEST_F(forgotten, nothing_is_reported_of_a_tidy_module)
{
	ASSERT_EQ(0, client("add %u:1 tidy count", FORGOTTEN_IDX));
	client_close();
	ASSERT_EQ(0, module_unload("cn_client"));
	EXPECT_FALSE(KLOG_HAS(self->klog, KLOG_OF_CN, "tidy"));
}

TEST_F(forgotten, id_is_free_again)
{
	ASSERT_EQ(0, client("add %u:1 mislaid count", FORGOTTEN_IDX));
	ASSERT_EQ(0, unload_forgetting());
	ASSERT_EQ(0, module_load("cn_client", ""));
	EXPECT_EQ(0, client("add %u:1 found count", FORGOTTEN_IDX));
	client_close();
}
