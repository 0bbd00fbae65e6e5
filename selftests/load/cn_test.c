// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's own sample, unmodified: two callbacks, and a message each
 * second from a timer. (The runner has its user program do the same.)
 */
#include "kselftest_harness.h"
#include "cn_module.h"

#define SAMPLE_IDX (CN_NETLINK_USERS + 3)
#define SAMPLE_VAL 0x456

static struct cn_received got;

FIXTURE(sample)
{
	int fd;
};

FIXTURE_SETUP(sample)
{
	SKIP_ON_GUEST();
	CN_NEEDS_NO_CONNECTOR();
	ASSERT_EQ(0, module_load("cn", ""));
	self->fd = cn_open_in_group(SAMPLE_IDX);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, module_load("cn_test", ""));
}

FIXTURE_TEARDOWN(sample)
{
	close(self->fd);
	EXPECT_EQ(0, module_unload("cn_test"));
	EXPECT_EQ(0, module_unload_soon("cn"));
}

TEST_F(sample, is_listed_twice)
{
	const char *head = proc_file_without_clients();
	char *text = read_file("/proc/net/connector");

	ASSERT_NE(NULL, text);
	ASSERT_EQ(0, strncmp(head, text, strlen(head)));
	EXPECT_STREQ("cn_test         14:1110\n"
		     "cn_test         14:1111\n", text + strlen(head));
	free(text);
}

/* From softirq, to the group that belongs to the id. */
TEST_F(sample, counter_arrives_each_second)
{
	char expected[32];
	uint32_t i;

	for (i = 0; i < 2; i++) {
		snprintf(expected, sizeof(expected), "counter = %u", i);
		ASSERT_LT(0, cn_receive(self->fd, &got));
		EXPECT_TRUE(cn_is_message(&got, SAMPLE_IDX, SAMPLE_VAL + 1, i, 0,
					  expected, strlen(expected) + 1));
	}
}

TEST_F(sample, nobody_listening_does_not_stop_it)
{
	uint32_t first;

	ASSERT_LT(0, cn_receive(self->fd, &got));
	first = cn_message(&got)->seq;
	ASSERT_EQ(0, cn_leave(self->fd, SAMPLE_IDX));
	usleep(1500 * 1000);
	cn_drain(self->fd);
	ASSERT_EQ(0, cn_join(self->fd, SAMPLE_IDX));
	ASSERT_LT(0, cn_receive(self->fd, &got));
	EXPECT_LT(first + 1, cn_message(&got)->seq);
}

TEST_F(sample, prints_what_it_gets)
{
	int klog = klog_mark();
	struct cn_packet p = {
		.id = { SAMPLE_IDX, SAMPLE_VAL },
		.seq = 4711,
		.ack = 12,
		.data = "from a test",
		.data_len = sizeof("from a test"),
	};

	ASSERT_LT(0, cn_send(self->fd, &p));
	EXPECT_TRUE(KLOG_HAS(klog, "cn_test_callback", "idx=e, val=456",
			     "seq=4711, ack=12, len=12: from a test."));
	close(klog);
}

/* Both ids unregistered, the timer stopped, while messages are unread. */
TEST_F(sample, unloads_and_loads_again)
{
	char *text;

	ASSERT_EQ(0, module_unload("cn_test"));
	text = read_file("/proc/net/connector");
	ASSERT_NE(NULL, text);
	EXPECT_STREQ(proc_file_without_clients(), text);
	free(text);
	ASSERT_EQ(0, module_load("cn_test", ""));
}
