// SPDX-License-Identifier: GPL-2.0
/*
 * The crate `connector` as a Rust module uses it: handlers, replies, errors as
 * answers, sending, and registrations that end while their handler runs. The
 * kernel side is modules/cn_rust_client.rs.
 */
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "cn_module.h"
#include "cn_privilege.h"

#define IDX 26

struct command {
	uint32_t idx, val, what, argument, second, atomic, access, access_argument;
};

#define COMMAND(n) _IOW('c', n, struct command)
#define ADD COMMAND(1)
#define DELETE COMMAND(2)
#define SEND COMMAND(3)
#define SEND_TO_GROUP COMMAND(4)
#define SEND_TO_PORT COMMAND(5)
#define ALIVE COMMAND(6)
#define CALLS COMMAND(7)
#define ADD_TWICE COMMAND(8)
#define SEND_EXCEPT COMMAND(9)
#define SEND_FILTERED COMMAND(10)
#define SEND_DRAFT COMMAND(11)
#define WRITTEN COMMAND(12)
#define SEND_BUNDLE COMMAND(13)
#define HAS_LISTENERS COMMAND(14)
#define WATCH COMMAND(15)
#define SEEN COMMAND(16)
#define SEND_WITHIN COMMAND(17)
#define WRITE_DRAFT COMMAND(18)
#define SEND_ON_CLOSE COMMAND(19)

enum behaviour { ECHO, FAIL, SLEEP, UNREGISTER, READ, DESCRIBE, REVERSE, RAW };
enum access { DEFAULT, PUBLIC, CAPABILITY, ONE_USER, OPEN_GROUP };

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

static int add_for(int fd, uint32_t val, enum access access, uint32_t argument)
{
	return command(fd, ADD, (struct command){ .idx = IDX, .val = val, .access = access,
						  .access_argument = argument });
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

/* What the program is told of a message with this payload; what came before it is in `got`. */
static int answer_to(int fd, uint32_t val, const void *data, uint32_t len)
{
	struct cn_packet p = { .id = { IDX, val }, .seq = 7, .data = data, .data_len = len,
			       .nl_flags = NLM_F_ACK };
	static struct cn_received last;
	struct cn_ack ack;
	int ret = cn_send(fd, &p);

	memset(&got, 0, sizeof(got));
	if (ret < 0)
		return ret;
	while ((ret = cn_receive(fd, &last)) > 0) {
		if (last.nlh.nlmsg_type == NLMSG_ERROR)
			return cn_parse_ack(&last, &ack) ?: ack.error;
		got = last;
	}
	return ret;
}

TEST_F(rust, payload_as_a_type)
{
	uint32_t pair[3] = { 0x11111111, 0x22222222, 0x33333333 };
	uint32_t swapped[2] = { 0x22222222, 0x11111111 };

	ASSERT_EQ(0, add(self->client, 1, READ, 0, 0));
	EXPECT_EQ(0, answer_to(self->fd, 1, pair, 8));
	EXPECT_TRUE(cn_is_message(&got, IDX, 1, 7, 1, swapped, 8));
	EXPECT_EQ(-EINVAL, answer_to(self->fd, 1, pair, 7));
	EXPECT_EQ(-EINVAL, answer_to(self->fd, 1, pair, 9));
	EXPECT_EQ(-EINVAL, answer_to(self->fd, 1, pair, 0));
}

TEST_F(rust, start_of_payload_as_a_type)
{
	ASSERT_EQ(0, add(self->client, 1, READ, 1, 0));
	EXPECT_EQ(0, answer_to(self->fd, 1, "1234rest", 8));
	EXPECT_TRUE(cn_is_message(&got, IDX, 1, 7, 1, "rest", 4));
	EXPECT_EQ(0, answer_to(self->fd, 1, "1234", 4));
	EXPECT_TRUE(cn_is_message(&got, IDX, 1, 7, 1, "", 0));
	EXPECT_EQ(-EINVAL, answer_to(self->fd, 1, "123", 3));
}

TEST_F(rust, payload_of_larger_alignment_is_copied)
{
	uint64_t number = 0x1122334455667788, more = number + 1;

	ASSERT_EQ(0, add(self->client, 1, READ, 2, 0));
	EXPECT_EQ(0, answer_to(self->fd, 1, &number, 8));
	EXPECT_TRUE(cn_is_message(&got, IDX, 1, 7, 1, &more, 8));
	EXPECT_EQ(-EINVAL, answer_to(self->fd, 1, &number, 4));
}

struct description {
	uint32_t portid, uid, is_net_admin, is_sys_admin;
	uint64_t socket;
} __attribute__((packed));

static const struct description *description(void)
{
	return (void *)cn_message(&got)->data;
}

TEST_F(rust, sender_is_described)
{
	struct command describe = { .idx = IDX, .val = 1, .what = DESCRIBE, .access = PUBLIC };
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	ASSERT_EQ(0, command(self->client, ADD, describe));
	ASSERT_EQ(0, getsockopt(self->fd, SOL_SOCKET, SO_COOKIE, &cookie, &len));
	ASSERT_EQ(0, answer_to(self->fd, 1, "", 0));
	ASSERT_EQ(sizeof(struct description), cn_message(&got)->len);
	EXPECT_EQ(cn_port(self->fd), description()->portid);
	EXPECT_EQ(0, description()->uid);
	EXPECT_EQ(1, description()->is_net_admin);
	EXPECT_EQ(1, description()->is_sys_admin);
	EXPECT_EQ(cookie, description()->socket);
}

TEST_F(rust, sender_without_rights_is_described)
{
	struct command describe = { .idx = IDX, .val = 1, .what = DESCRIBE, .access = PUBLIC };

	ASSERT_EQ(0, command(self->client, ADD, describe));
	become_net_admin();
	/* The socket was opened by root, who had more; both count. */
	ASSERT_EQ(0, answer_to(self->fd, 1, "", 0));
	EXPECT_EQ(TEST_UID, description()->uid);
	EXPECT_EQ(1, description()->is_net_admin);
	EXPECT_EQ(0, description()->is_sys_admin);
}

TEST_F(rust, reply_is_written_in_place)
{
	ASSERT_EQ(0, add(self->client, 1, REVERSE, 0, 0));
	EXPECT_EQ(0, answer_to(self->fd, 1, "hello", 5));
	EXPECT_TRUE(cn_is_message(&got, IDX, 1, 7, 1, "olleh", 5));
	EXPECT_EQ(0, answer_to(self->fd, 1, "", 0));
	EXPECT_TRUE(cn_is_message(&got, IDX, 1, 7, 1, "", 0));
}

TEST_F(rust, raw_reply_keeps_no_rules)
{
	struct cn_packet p = { .id = { IDX, 1 }, .seq = 7, .ack = 5, .flags = 0x8001,
			       .data = "x", .data_len = 1 };

	ASSERT_EQ(0, add(self->client, 1, RAW, 0, 0));
	ASSERT_LT(0, cn_send(self->fd, &p));
	ASSERT_LT(0, cn_receive(self->fd, &got));
	EXPECT_TRUE(cn_is_message(&got, IDX, 1, 8, 5, "x", 1));
	EXPECT_EQ(0x8001, cn_message(&got)->flags);
}

TEST_F(rust, privileged_senders_only_unless_said_otherwise)
{
	int before = calls(self->client);

	ASSERT_EQ(0, add_for(self->client, 1, DEFAULT, 0));
	ASSERT_EQ(0, add_for(self->client, 2, PUBLIC, 0));
	EXPECT_EQ(0, answer_to(self->fd, 1, "", 0));
	EXPECT_EQ(before + 1, calls(self->client));
	become_user();
	EXPECT_EQ(-EPERM, answer_to(self->fd, 1, "", 0));
	EXPECT_EQ(before + 1, calls(self->client));
	EXPECT_EQ(0, answer_to(self->fd, 2, "", 0));
	EXPECT_EQ(before + 2, calls(self->client));
}

TEST_F(rust, capability_of_senders)
{
	ASSERT_EQ(0, add_for(self->client, 1, CAPABILITY, CAP_SYS_ADMIN));
	ASSERT_EQ(0, add_for(self->client, 2, CAPABILITY, CAP_NET_ADMIN));
	EXPECT_EQ(0, answer_to(self->fd, 1, "", 0));
	become_net_admin();
	EXPECT_EQ(-EPERM, answer_to(self->fd, 1, "", 0));
	EXPECT_EQ(0, answer_to(self->fd, 2, "", 0));
}

TEST_F(rust, capability_must_exist)
{
	ASSERT_EQ(0, add_for(self->client, 1, CAPABILITY, CAP_LAST_CAP));
	EXPECT_EQ(-EINVAL, add_for(self->client, 2, CAPABILITY, CAP_LAST_CAP + 1));
}

TEST_F(rust, own_judgement_of_senders)
{
	int before = calls(self->client);

	ASSERT_EQ(0, add_for(self->client, 1, ONE_USER, TEST_UID));
	EXPECT_EQ(-EPERM, answer_to(self->fd, 1, "", 0));
	EXPECT_EQ(before, calls(self->client));
	become_user();
	EXPECT_EQ(0, answer_to(self->fd, 1, "", 0));
	EXPECT_EQ(before + 1, calls(self->client));
}

TEST_F(rust, group_is_closed_unless_opened)
{
	ASSERT_EQ(0, add_for(self->client, 1, PUBLIC, 0));
	/* Not opened by this process, which could not get it back. */
	if (!fork()) {
		become_user();
		_exit(-cn_open_in_group(IDX) == EPERM ? 0 : 1);
	}
	int status = -1;

	wait(&status);
	EXPECT_EQ(0, status);
	ASSERT_EQ(0, add_for(self->client, 2, OPEN_GROUP, 0));
	if (!fork()) {
		become_user();
		_exit(cn_open_in_group(IDX) >= 0 ? 0 : 1);
	}
	wait(&status);
	EXPECT_EQ(0, status);
	ASSERT_EQ(0, del(self->client, 2));
	become_user();
	EXPECT_EQ(-EPERM, cn_open_in_group(IDX));
}

TEST_F(rust, one_handler_under_two_ids)
{
	struct command twice = { .idx = IDX, .val = 1 };

	ASSERT_EQ(0, command(self->client, ADD_TWICE, twice));
	EXPECT_EQ(1, alive(self->client));
	EXPECT_EQ(0, answer_to(self->fd, 1, "a", 1));
	EXPECT_TRUE(cn_is_message(&got, IDX, 1, 7, 1, "a", 1));
	EXPECT_EQ(0, answer_to(self->fd, 2, "b", 1));
	EXPECT_TRUE(cn_is_message(&got, IDX, 2, 7, 1, "b", 1));
	EXPECT_EQ(0, del(self->client, 1));
	EXPECT_EQ(1, alive(self->client));
	EXPECT_EQ(-ENODEV, answer_to(self->fd, 1, "a", 1));
	EXPECT_EQ(0, answer_to(self->fd, 2, "b", 1));
	EXPECT_EQ(0, del(self->client, 2));
	EXPECT_EQ(0, alive(self->client));
}

static int seen(int fd, uint32_t val)
{
	return command(fd, SEEN, (struct command){ IDX, val });
}

TEST_F(rust, watch_tells_what_comes_and_goes)
{
	struct command on = { .what = 1 }, off = { .what = 0 };

	ASSERT_EQ(0, add(self->client, 1, ECHO, 0, 0));
	ASSERT_EQ(0, command(self->client, WATCH, on));
	EXPECT_EQ(0, seen(self->client, 1));
	ASSERT_EQ(0, add(self->client, 2, ECHO, 0, 0));
	ASSERT_EQ(0, del(self->client, 1));
	ASSERT_EQ(0, del(self->client, 2));
	ASSERT_EQ(0, add(self->client, 2, ECHO, 0, 0));
	EXPECT_EQ(2, seen(self->client, 1));
	EXPECT_EQ(121, seen(self->client, 2));
	ASSERT_EQ(0, command(self->client, WATCH, off));
	ASSERT_EQ(0, del(self->client, 2));
	EXPECT_EQ(121, seen(self->client, 2));
}

TEST_F(rust, refused_registration_is_not_told)
{
	struct command on = { .what = 1 };

	ASSERT_EQ(0, add(self->client, 1, ECHO, 0, 0));
	ASSERT_EQ(0, command(self->client, WATCH, on));
	EXPECT_EQ(-EINVAL, add(self->client, 1, ECHO, 0, 0));
	EXPECT_EQ(0, seen(self->client, 1));
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

static uint64_t cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) ? 0 : cookie;
}

TEST_F(rust_send, reaches_all_but_a_port)
{
	struct command c = { IDX, 1, IDX, 3, 9, variant->atomic, .access = cn_port(self->member) };
	int other = cn_open_in_group(IDX);

	ASSERT_LE(0, other);
	ASSERT_EQ(0, command(self->client, SEND_EXCEPT, c));
	ASSERT_LT(0, cn_receive(other, &got));
	EXPECT_TRUE(cn_is_message(&got, IDX, 1, 9, 0, "ZZZ", 3));
	EXPECT_TRUE(cn_is_silent(self->member));
	/* The group of the id. */
	c.what = 0;
	EXPECT_EQ(-ENODEV, command(self->client, SEND_EXCEPT, c));
	ASSERT_EQ(0, add(self->client, 1, ECHO, 0, 0));
	ASSERT_EQ(0, command(self->client, SEND_EXCEPT, c));
	ASSERT_LT(0, cn_receive(other, &got));
	EXPECT_TRUE(cn_is_silent(self->member));
	close(other);
	EXPECT_EQ(-ESRCH, command(self->client, SEND_EXCEPT, c));
}

TEST_F(rust_send, filter_chooses_by_socket)
{
	struct command c = { IDX, 1, 0, 3, 9, variant->atomic };
	int other = cn_open_in_group(IDX);

	ASSERT_LE(0, other);
	ASSERT_EQ(0, add(self->client, 1, ECHO, 0, 0));
	c.access = cookie_of(other);
	EXPECT_EQ(2, command(self->client, SEND_FILTERED, c));
	ASSERT_LT(0, cn_receive(other, &got));
	EXPECT_TRUE(cn_is_message(&got, IDX, 1, 9, 0, "ZZZ", 3));
	EXPECT_TRUE(cn_is_silent(self->member));
	c.access = 0;
	EXPECT_EQ(-ESRCH, command(self->client, SEND_FILTERED, c));
	EXPECT_TRUE(cn_is_silent(other));
	close(other);
}

/* Sends until it fails, and returns how. */
static int fill(int client, unsigned long number, struct command c)
{
	int ret = 0, i;

	for (i = 0; i < 1000 && ret >= 0; i++)
		ret = command(client, number, c);
	return ret;
}

TEST_F(rust_send, full_receivers_are_not_taken_for_absent_ones)
{
	struct command c = { IDX, 1, IDX, 8000, 9, variant->atomic };

	ASSERT_EQ(0, add(self->client, 1, ECHO, 0, 0));
	EXPECT_EQ(-EAGAIN, fill(self->client, SEND_TO_GROUP, c));
	EXPECT_EQ(-EAGAIN, command(self->client, SEND, c));
	EXPECT_EQ(-EAGAIN, command(self->client, SEND_EXCEPT, c));
	c.access = cookie_of(self->member);
	EXPECT_EQ(-EAGAIN, command(self->client, SEND_FILTERED, c));
	/* Who asked for the error has others informed that all went well otherwise. */
	ASSERT_EQ(0, cn_setopt(self->member, NETLINK_BROADCAST_ERROR, 1));
	EXPECT_EQ(-ENOBUFS, command(self->client, SEND, c));
	/* Unlike those, it does not wait. */
	c.atomic = 1;
	c.what = cn_port(self->member);
	EXPECT_EQ(-EAGAIN, command(self->client, SEND_TO_PORT, c));
}

static long milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

TEST_F(rust_send, wait_for_a_port_is_limited)
{
	struct command c = { IDX, 1, cn_port(self->member), 8000, 9, 0, .access = 1 };
	int number = 0, came = 0;
	long start;

	/* Without an end, if it did not end. */
	alarm(CN_TIMEOUT_MS / 1000);
	while (!command(self->client, SEND_WITHIN, c))
		number++;
	EXPECT_LT(0, number);
	c.access = 300;
	c.atomic = variant->atomic;
	start = milliseconds();
	EXPECT_EQ(-EAGAIN, command(self->client, SEND_WITHIN, c));
	if (variant->atomic) {
		EXPECT_GT(300 * CN_SLOWNESS, milliseconds() - start);
		return;
	}
	EXPECT_LE(300, milliseconds() - start);
	/* The receiver was not told of a loss, and got all the rest. */
	while (!cn_is_silent(self->member) && cn_receive(self->member, &got) > 0)
		came++;
	EXPECT_EQ(number, came);
	EXPECT_EQ(0, command(self->client, SEND_WITHIN, c));
	c.what = 0x7fffffff;
	EXPECT_EQ(-ECONNREFUSED, command(self->client, SEND_WITHIN, c));
	c.what = 0;
	EXPECT_EQ(-EINVAL, command(self->client, SEND_WITHIN, c));
}

/* A send with a limit opens a socket for a moment, of which watchers hear nothing. */
TEST_F(rust, watcher_of_sockets_sends_with_a_limit)
{
	struct command c = { IDX, 1, cn_port(self->fd) };
	int other = cn_open_in_group(0);

	ASSERT_LE(0, other);
	alarm(CN_TIMEOUT_MS / 1000);
	ASSERT_EQ(0, command(self->client, SEND_ON_CLOSE, c));
	close(other);
	ASSERT_LT(0, cn_receive(self->fd, &got));
	EXPECT_TRUE(cn_is_message(&got, IDX, 1, 0, 0, "closed", 6));
	EXPECT_TRUE(cn_is_silent(self->fd));
}

static void *read_later(void *arg)
{
	static struct cn_received read;

	usleep(200 * 1000);
	cn_receive((intptr_t)arg, &read);
	return NULL;
}

TEST_F(rust_send, wait_for_a_port_ends_when_it_is_read)
{
	struct command c = { IDX, 1, cn_port(self->member), 8000, 9, 0, .access = 1 };
	pthread_t thread;

	if (variant->atomic)
		return;
	while (!command(self->client, SEND_WITHIN, c))
		;
	c.access = CN_TIMEOUT_MS;
	ASSERT_EQ(0, pthread_create(&thread, NULL, read_later, (void *)(intptr_t)self->member));
	EXPECT_EQ(0, command(self->client, SEND_WITHIN, c));
	pthread_join(thread, NULL);
}

TEST_F(rust_send, draft_is_written_for_listeners_only)
{
	struct command c = { IDX, 1, 0, 8, 9, variant->atomic, .access = 3 };
	int before = command(self->client, WRITTEN, c);

	EXPECT_EQ(-ENODEV, command(self->client, SEND_DRAFT, c));
	ASSERT_EQ(0, add(self->client, 1, ECHO, 0, 0));
	EXPECT_EQ(before, command(self->client, WRITTEN, c));
	ASSERT_EQ(0, command(self->client, SEND_DRAFT, c));
	EXPECT_EQ(before + 1, command(self->client, WRITTEN, c));
	ASSERT_LT(0, cn_receive(self->member, &got));
	EXPECT_TRUE(cn_is_message(&got, IDX, 1, 9, 0, "ZZZ", 3));
	EXPECT_EQ(9, got.nlh.nlmsg_seq);
	EXPECT_EQ(IDX, ffs(got.from.nl_groups));
	close(self->member);
	EXPECT_EQ(-ESRCH, command(self->client, SEND_DRAFT, c));
	EXPECT_EQ(before + 1, command(self->client, WRITTEN, c));
	self->member = cn_open_in_group(0);
}

TEST_F(rust_send, draft_goes_to_a_port)
{
	struct command c = { IDX, 1, cn_port(self->member), 65535, 9, variant->atomic,
			     .access = 65535 };

	ASSERT_EQ(0, command(self->client, SEND_DRAFT, c));
	ASSERT_LT(0, cn_receive(self->member, &got));
	EXPECT_EQ(CN_HEADERS + 65535, got.nlh.nlmsg_len);
	EXPECT_EQ(65535, cn_message(&got)->len);
	EXPECT_EQ('Z', cn_message(&got)->data[65534]);
	c.argument = c.access = 0;
	ASSERT_EQ(0, command(self->client, SEND_DRAFT, c));
	ASSERT_LT(0, cn_receive(self->member, &got));
	EXPECT_TRUE(cn_is_message(&got, IDX, 1, 9, 0, "", 0));
}

TEST_F(rust_send, draft_cannot_grow)
{
	struct command c = { IDX, 1, cn_port(self->member), 8, 9, variant->atomic, .access = 9 };

	EXPECT_EQ(-EMSGSIZE, command(self->client, SEND_DRAFT, c));
	EXPECT_TRUE(cn_is_silent(self->member));
	c.what = 0x7fffffff;
	c.access = 8;
	EXPECT_EQ(-ECONNREFUSED, command(self->client, SEND_DRAFT, c));
}

TEST_F(rust_send, draft_is_written_part_by_part)
{
	struct command c = { IDX, 1, 0, 100, 9, variant->atomic, .access = 3 };
	int before = command(self->client, WRITTEN, c);

	ASSERT_EQ(0, add(self->client, 1, ECHO, 0, 0));
	ASSERT_EQ(0, command(self->client, WRITE_DRAFT, c));
	ASSERT_EQ(CN_HEADERS + 8, cn_receive(self->member, &got));
	EXPECT_TRUE(cn_is_message(&got, IDX, 1, 9, 0, "3\3\0\0\0AZZ", 8));
	/* Lengths around the next multiple of four bytes, up to all the room there is. */
	c.what = cn_port(self->member);
	for (c.argument = 100, c.access = 10; c.access <= 94; c.access++) {
		ASSERT_EQ(0, command(self->client, WRITE_DRAFT, c));
		ASSERT_LT(0, cn_receive(self->member, &got));
		EXPECT_EQ(CN_HEADERS + 6 + c.access, got.nlh.nlmsg_len);
		EXPECT_EQ(6 + c.access, cn_message(&got)->len);
		EXPECT_EQ('Z', cn_message(&got)->data[5 + c.access]);
	}
	EXPECT_EQ(-EMSGSIZE, command(self->client, WRITE_DRAFT, c));
	EXPECT_TRUE(cn_is_silent(self->member));
	EXPECT_EQ(before + 1 + 85 + 1, command(self->client, WRITTEN, c));
	close(self->member);
	c.what = 0;
	EXPECT_EQ(-ESRCH, command(self->client, WRITE_DRAFT, c));
	EXPECT_EQ(before + 1 + 85 + 1, command(self->client, WRITTEN, c));
	self->member = cn_open_in_group(0);
}

TEST_F(rust_send, bundle_is_one_datagram)
{
	struct command c = { IDX, 1, 0, 3, 9, variant->atomic, .access = 5,
			     .access_argument = 3 * (sizeof(struct cn_msg) + 5) };
	struct cn_msg *msg;
	uint32_t seq;

	ASSERT_EQ(0, add(self->client, 1, ECHO, 0, 0));
	ASSERT_EQ(0, command(self->client, SEND_BUNDLE, c));
	ASSERT_EQ(NLMSG_ALIGN(NLMSG_HDRLEN + c.access_argument), cn_receive(self->member, &got));
	EXPECT_EQ(NLMSG_HDRLEN + c.access_argument, got.nlh.nlmsg_len);
	EXPECT_EQ(9, got.nlh.nlmsg_seq);
	msg = cn_message(&got);
	for (seq = 1; seq <= 3; seq++) {
		EXPECT_EQ(IDX, msg->id.idx);
		EXPECT_EQ(seq, msg->seq);
		EXPECT_EQ(5, msg->len);
		EXPECT_EQ(0, memcmp(msg->data, "ZZZZZ", 5));
		msg = (struct cn_msg *)(msg->data + 5);
	}
	EXPECT_TRUE(cn_is_silent(self->member));
	c.what = cn_port(self->member);
	c.access_argument += 100;
	ASSERT_EQ(0, command(self->client, SEND_BUNDLE, c));
	ASSERT_LT(0, cn_receive(self->member, &got));
	EXPECT_EQ(NLMSG_HDRLEN + 3 * (sizeof(struct cn_msg) + 5), got.nlh.nlmsg_len);
}

TEST_F(rust_send, bundle_has_its_limits)
{
	struct command c = { IDX, 1, cn_port(self->member), 3, 9, variant->atomic, .access = 5,
			     .access_argument = 3 * (sizeof(struct cn_msg) + 5) - 1 };

	EXPECT_EQ(-EMSGSIZE, command(self->client, SEND_BUNDLE, c));
	/* An empty one. */
	c.argument = 0;
	EXPECT_EQ(-EINVAL, command(self->client, SEND_BUNDLE, c));
	EXPECT_TRUE(cn_is_silent(self->member));
}

TEST_F(rust_send, knows_whether_anybody_listens)
{
	struct command c = { IDX, 1, 0 };

	EXPECT_EQ(-ENODEV, command(self->client, HAS_LISTENERS, c));
	ASSERT_EQ(0, add(self->client, 1, ECHO, 0, 0));
	EXPECT_EQ(1, command(self->client, HAS_LISTENERS, c));
	c.what = IDX;
	EXPECT_EQ(1, command(self->client, HAS_LISTENERS, c));
	c.what = IDX - 1;
	EXPECT_EQ(0, command(self->client, HAS_LISTENERS, c));
	c.what = 0xffffffff;
	EXPECT_EQ(0, command(self->client, HAS_LISTENERS, c));
	c.what = 0;
	close(self->member);
	EXPECT_EQ(0, command(self->client, HAS_LISTENERS, c));
	self->member = cn_open_in_group(0);
}

TEST_HARNESS_MAIN
