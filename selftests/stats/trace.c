// SPDX-License-Identifier: GPL-2.0
/*
 * The tracepoints connector:*, read as an administrator does.
 */
#include "kselftest_harness.h"
#include "cn_client.h"

#define IDX 25
#define TRACING "/sys/kernel/tracing/"
#define EVENTS TRACING "events/connector/"

static struct cn_received got;

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	int ret;

	if (fd < 0)
		return -errno;
	ret = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

FIXTURE(trace)
{
	int fd;
};

FIXTURE_SETUP(trace)
{
	SKIP_ON_C();
	CN_NEEDS_CLIENT();
	self->fd = cn_open_in_group(0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, write_file(TRACING "trace", ""));
	ASSERT_EQ(0, write_file(EVENTS "enable", "1"));
}

FIXTURE_TEARDOWN(trace)
{
	EXPECT_EQ(0, write_file(EVENTS "enable", "0"));
	close(self->fd);
	EXPECT_EQ(0, client("clear"));
}

static bool trace_has(const char *words)
{
	char *text = read_file(TRACING "trace");
	bool found = text && strstr(text, words);

	if (!found)
		printf("# missing: %s\n%s", words, text ? text : "");
	free(text);
	return found;
}

TEST_F(trace, callback_is_registered_and_unregistered)
{
	ASSERT_EQ(0, client("add %u:1 traced count", IDX));
	ASSERT_EQ(0, client("del %u:1", IDX));
	EXPECT_TRUE(trace_has("cn_register: id=25:1 name=traced"));
	EXPECT_TRUE(trace_has("cn_unregister: id=25:1 name=traced"));
}

TEST_F(trace, refused_registration_is_none)
{
	char *text;

	ASSERT_EQ(0, client("add %u:1 first count", IDX));
	ASSERT_EQ(-EINVAL, client("add %u:1 second count", IDX));
	text = read_file(TRACING "trace");
	ASSERT_NE(NULL, text);
	EXPECT_EQ(NULL, strstr(text, "name=second"));
	free(text);
}

TEST_F(trace, message_that_arrives)
{
	struct cn_packet p = { .id = { IDX, 1 }, .data = "12345", .data_len = 5 };
	char words[128];

	ASSERT_EQ(0, client("add %u:1 traced count", IDX));
	ASSERT_LT(0, cn_send(self->fd, &p));
	snprintf(words, sizeof(words), "cn_receive: id=25:1 portid=%u len=5 error=0",
		 cn_port(self->fd));
	EXPECT_TRUE(trace_has(words));
}

TEST_F(trace, messages_that_do_not_arrive)
{
	struct cn_packet p = { .id = { IDX, 2 }, .data = "12345", .data_len = 5 };
	uint8_t buf[128];
	size_t begin, len;
	char words[128];

	ASSERT_EQ(0, client("add %u:1 traced count", IDX));
	begin = cn_begin(buf, IDX, 1);
	len = begin + cn_build(buf + begin, &p);
	ASSERT_EQ((int)len, cn_send_raw(self->fd, buf, len));
	snprintf(words, sizeof(words),
		 "cn_receive: id=25:2 portid=%u len=5 error=-%d no callback is registered",
		 cn_port(self->fd), ENODEV);
	EXPECT_TRUE(trace_has(words));
	p.use_msg_len = true;
	p.msg_len = 6;
	cn_build(buf + begin, &p);
	ASSERT_EQ((int)len, cn_send_raw(self->fd, buf, len));
	snprintf(words, sizeof(words),
		 "cn_receive: id=0:0 portid=%u len=0 error=-%d cn_msg.len does not fit",
		 cn_port(self->fd), EINVAL);
	EXPECT_TRUE(trace_has(words));
}

TEST_F(trace, sending)
{
	char words[128];

	ASSERT_EQ(0, client("add %u:1 traced count", IDX));
	EXPECT_EQ(-ESRCH, client("send id=%u:1 gfp=kernel", IDX));
	snprintf(words, sizeof(words), "cn_send: id=25:1 portid=0 group=0 len=20 error=-%d", ESRCH);
	EXPECT_TRUE(trace_has(words));
	EXPECT_EQ(0, client("send id=%u:1 portid=%u gfp=kernel", IDX, cn_port(self->fd)) < 0);
	ASSERT_LT(0, cn_receive(self->fd, &got));
	snprintf(words, sizeof(words), "cn_send: id=25:1 portid=%u group=0 len=20 error=0",
		 cn_port(self->fd));
	EXPECT_TRUE(trace_has(words));
}
