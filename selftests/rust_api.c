// SPDX-License-Identifier: GPL-2.0
/*
 * The crate `connector` as a Rust module uses it: handlers, replies, errors as
 * answers, sending, and registrations that end while their handler runs. The
 * kernel side is modules/cn_rust_client.rs.
 */
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "kselftest_harness.h"
#include "cn_module.h"

#define IDX 26

struct command {
	uint32_t idx, val, what, argument, second, atomic;
};

#define COMMAND(n) _IOW('c', n, struct command)
#define ADD COMMAND(1)
#define DELETE COMMAND(2)
#define SEND COMMAND(3)
#define SEND_TO_GROUP COMMAND(4)
#define SEND_TO_PORT COMMAND(5)
#define ALIVE COMMAND(6)
#define CALLS COMMAND(7)

enum behaviour { ECHO, FAIL, SLEEP, UNREGISTER };

static struct cn_received got;

static int command(int fd, unsigned long number, struct command c)
{
	int ret = ioctl(fd, number, &c);

	return ret < 0 ? -errno : ret;
}

static int add(int fd, uint32_t val, enum behaviour what, uint32_t argument, uint32_t second)
{
	return command(fd, ADD, (struct command){ IDX, val, what, argument, second });
}

static int del(int fd, uint32_t val)
{
	return command(fd, DELETE, (struct command){ IDX, val });
}

static int alive(int fd)
{
	return command(fd, ALIVE, (struct command){});
}

static int calls(int fd)
{
	return command(fd, CALLS, (struct command){});
}

static int open_client(void)
{
	int fd, ret = test_module_load("cn_rust_client");

	if (ret && ret != -EEXIST)
		return ret;
	fd = open("/dev/cn-rust-client", O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

FIXTURE(rust)
{
	int client;
	int fd;
};

FIXTURE_SETUP(rust)
{
	SKIP_ON_C();
	self->client = open_client();
	ASSERT_LE(0, self->client);
	ASSERT_EQ(0, alive(self->client));
	self->fd = cn_open_in_group(0);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(rust)
{
	close(self->fd);
	close(self->client);
}

TEST_F(rust, replies_with_same_seq_and_ack_plus_one)
{
	struct cn_packet p = { .id = { IDX, 1 }, .seq = 7, .ack = 0xffffffff,
			       .data = "hello", .data_len = 5 };

	ASSERT_EQ(0, add(self->client, 1, ECHO, 0, 0));
	ASSERT_EQ(CN_HEADERS + 5, cn_send(self->fd, &p));
	ASSERT_LT(0, cn_receive(self->fd, &got));
	EXPECT_TRUE(cn_is_message(&got, IDX, 1, 7, 0, "hello", 5));
	EXPECT_EQ(0, got.from.nl_pid);
}

TEST_F(rust, replies_with_empty_and_largest_payload)
{
	static char data[16384 - sizeof(struct cn_msg)];
	struct cn_packet p = { .id = { IDX, 1 }, .seq = 7, .data = data };

	memset(data, 'x', sizeof(data));
	ASSERT_EQ(0, add(self->client, 1, ECHO, 0, 0));
	ASSERT_EQ(CN_HEADERS, cn_send(self->fd, &p));
	ASSERT_LT(0, cn_receive(self->fd, &got));
	EXPECT_TRUE(cn_is_message(&got, IDX, 1, 7, 1, data, 0));
	p.data_len = sizeof(data);
	ASSERT_EQ(CN_HEADERS + sizeof(data), cn_send(self->fd, &p));
	ASSERT_LT(0, cn_receive(self->fd, &got));
	EXPECT_TRUE(cn_is_message(&got, IDX, 1, 7, 1, data, sizeof(data)));
}

TEST_F(rust, error_of_handler_is_the_answer)
{
	struct cn_packet p = { .id = { IDX, 1 }, .seq = 7, .nl_flags = NLM_F_ACK };
	struct cn_ack ack;

	ASSERT_EQ(0, add(self->client, 1, FAIL, EXDEV, 0));
	ASSERT_LT(0, cn_send(self->fd, &p));
	ASSERT_EQ(0, cn_receive_ack(self->fd, &got, &ack));
	EXPECT_EQ(-EXDEV, ack.error);
	EXPECT_EQ(7, ack.seq);
	p.nl_flags = 0;
	ASSERT_LT(0, cn_send(self->fd, &p));
	EXPECT_TRUE(cn_is_silent(self->fd));
	EXPECT_EQ(0, del(self->client, 1));
}

TEST_F(rust, taken_id_is_refused_and_handler_freed)
{
	ASSERT_EQ(0, add(self->client, 1, ECHO, 0, 0));
	ASSERT_EQ(1, alive(self->client));
	EXPECT_EQ(-EINVAL, add(self->client, 1, ECHO, 0, 0));
	EXPECT_EQ(1, alive(self->client));
}

TEST_F(rust, drop_frees_the_handler)
{
	struct cn_packet p = { .id = { IDX, 1 }, .nl_flags = NLM_F_ACK };
	struct cn_ack ack;

	ASSERT_EQ(0, add(self->client, 1, ECHO, 0, 0));
	ASSERT_EQ(0, del(self->client, 1));
	EXPECT_EQ(0, alive(self->client));
	ASSERT_LT(0, cn_send(self->fd, &p));
	ASSERT_EQ(0, cn_receive_ack(self->fd, &got, &ack));
	EXPECT_EQ(-ENODEV, ack.error);
	/* The id is free again. */
	EXPECT_EQ(0, add(self->client, 1, ECHO, 0, 0));
}

TEST_F(rust, closing_the_owner_unregisters)
{
	int other = open_client();

	ASSERT_LE(0, other);
	ASSERT_EQ(0, add(other, 2, ECHO, 0, 0));
	close(other);
	EXPECT_EQ(0, alive(self->client));
	EXPECT_EQ(0, add(self->client, 2, ECHO, 0, 0));
}

static void *send_one(void *arg)
{
	struct cn_packet p = { .id = { IDX, (uintptr_t)arg }, .nl_flags = NLM_F_ACK };
	static __thread struct cn_received mine;
	struct cn_ack ack;
	int fd = cn_open_in_group(0);
	long ret;

	ret = cn_send(fd, &p);
	/* The reply comes first, then the acknowledgement. */
	if (ret > 0)
		ret = cn_receive(fd, &mine);
	if (ret > 0)
		ret = cn_receive_ack(fd, &mine, &ack);
	close(fd);
	return (void *)(ret ? ret : ack.error);
}

static bool wait_for_calls(int client, int number)
{
	int tries;

	for (tries = 0; tries < CN_TIMEOUT_MS; tries++) {
		if (calls(client) == number)
			return true;
		usleep(1000);
	}
	return false;
}

TEST_F(rust, drop_waits_for_a_running_handler)
{
	int before = calls(self->client);
	pthread_t thread;
	void *result;

	ASSERT_EQ(0, add(self->client, 1, SLEEP, 300, 0));
	ASSERT_EQ(0, pthread_create(&thread, NULL, send_one, (void *)1));
	ASSERT_TRUE(wait_for_calls(self->client, before + 1));
	ASSERT_EQ(0, del(self->client, 1));
	/* The handler was freed, so it had returned. */
	EXPECT_EQ(0, alive(self->client));
	pthread_join(thread, &result);
	EXPECT_EQ(0, (long)result);
}

TEST_F(rust, handler_may_drop_its_own_registration)
{
	ASSERT_EQ(0, add(self->client, 1, UNREGISTER, IDX, 1));
	EXPECT_EQ(0, (long)send_one((void *)1));
	EXPECT_EQ(0, alive(self->client));
	EXPECT_EQ(-ENOENT, del(self->client, 1));
}

TEST_F(rust, handlers_may_drop_each_other)
{
	int before = calls(self->client);
	pthread_t thread;
	void *result;

	ASSERT_EQ(0, add(self->client, 1, SLEEP, 300, 0));
	ASSERT_EQ(0, add(self->client, 2, UNREGISTER, IDX, 1));
	ASSERT_EQ(0, pthread_create(&thread, NULL, send_one, (void *)1));
	ASSERT_TRUE(wait_for_calls(self->client, before + 1));
	/* Returns while the other one still sleeps, whose handler lives on. */
	EXPECT_EQ(0, (long)send_one((void *)2));
	EXPECT_EQ(2, alive(self->client));
	pthread_join(thread, &result);
	EXPECT_EQ(0, (long)result);
	EXPECT_EQ(1, alive(self->client));
}

TEST_F(rust, many_handlers_run_at_once)
{
	/* More than have a place to sit in a row of the table of running calls. */
	pthread_t threads[64];
	void *result;
	size_t i;

	ASSERT_EQ(0, add(self->client, 1, SLEEP, 500, 0));
	for (i = 0; i < 64; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, send_one, (void *)1));
	for (i = 0; i < 64; i++) {
		pthread_join(threads[i], &result);
		EXPECT_EQ(0, (long)result);
	}
	ASSERT_EQ(0, del(self->client, 1));
	EXPECT_EQ(0, alive(self->client));
}

FIXTURE(rust_send)
{
	int client;
	int member;
};

FIXTURE_VARIANT(rust_send)
{
	uint32_t atomic;
};

FIXTURE_VARIANT_ADD(rust_send, may_sleep) { .atomic = 0 };
FIXTURE_VARIANT_ADD(rust_send, atomic) { .atomic = 1 };

FIXTURE_SETUP(rust_send)
{
	SKIP_ON_C();
	self->client = open_client();
	ASSERT_LE(0, self->client);
	self->member = cn_open_in_group(IDX);
	ASSERT_LE(0, self->member);
}

FIXTURE_TEARDOWN(rust_send)
{
	close(self->member);
	close(self->client);
}

TEST_F(rust_send, reaches_group_of_id)
{
	struct command c = { IDX, 1, 0, 3, 9, variant->atomic };

	EXPECT_EQ(-ENODEV, command(self->client, SEND, c));
	ASSERT_EQ(0, add(self->client, 1, ECHO, 0, 0));
	ASSERT_EQ(0, command(self->client, SEND, c));
	ASSERT_LT(0, cn_receive(self->member, &got));
	EXPECT_TRUE(cn_is_message(&got, IDX, 1, 9, 0, "ZZZ", 3));
	EXPECT_EQ(9, got.nlh.nlmsg_seq);
	close(self->member);
	EXPECT_EQ(-ESRCH, command(self->client, SEND, c));
	self->member = cn_open_in_group(0);
}

TEST_F(rust_send, reaches_group_by_number)
{
	struct command c = { 99, 1, IDX, 3, 9, variant->atomic };

	ASSERT_EQ(0, command(self->client, SEND_TO_GROUP, c));
	ASSERT_LT(0, cn_receive(self->member, &got));
	EXPECT_TRUE(cn_is_message(&got, 99, 1, 9, 0, "ZZZ", 3));
	c.what = 0;
	EXPECT_EQ(-EINVAL, command(self->client, SEND_TO_GROUP, c));
	c.what = 32;
	EXPECT_EQ(-ESRCH, command(self->client, SEND_TO_GROUP, c));
}

TEST_F(rust_send, reaches_port)
{
	struct command c = { 99, 1, cn_port(self->member), 0, 9, variant->atomic };

	ASSERT_LE(0, command(self->client, SEND_TO_PORT, c));
	ASSERT_LT(0, cn_receive(self->member, &got));
	EXPECT_TRUE(cn_is_message(&got, 99, 1, 9, 0, "", 0));
	c.what = 0;
	EXPECT_EQ(-EINVAL, command(self->client, SEND_TO_PORT, c));
	c.what = 0x7fffffff;
	EXPECT_EQ(-ECONNREFUSED, command(self->client, SEND_TO_PORT, c));
}

TEST_F(rust_send, payload_has_a_limit)
{
	struct command c = { 99, 1, IDX, 65535, 9, variant->atomic };

	ASSERT_EQ(0, command(self->client, SEND_TO_GROUP, c));
	ASSERT_LT(0, cn_receive(self->member, &got));
	EXPECT_EQ(CN_HEADERS + 65535, got.nlh.nlmsg_len);
	EXPECT_EQ(65535, cn_message(&got)->len);
	c.argument = 65536;
	EXPECT_EQ(-EMSGSIZE, command(self->client, SEND_TO_GROUP, c));
}

TEST_HARNESS_MAIN
