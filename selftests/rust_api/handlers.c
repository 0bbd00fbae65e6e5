// SPDX-License-Identifier: GPL-2.0
/*
 * The crate `connector` as a Rust module uses it: handlers, replies, errors as
 * answers, and registrations that end while their handler runs.
 */
#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "cn_privilege.h"
#include "cn_rust_client.h"

#define IDX 26

static struct cn_received got;

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

FIXTURE(rust)
{
	int client;
	int fd;
};

FIXTURE_SETUP(rust)
{
	CN_NEEDS("cn_rust_client");
	self->client = open_rust_client();
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

/* Sends requests, and does not read the replies; returns how long the slowest one took. */
static long fill(int fd, int requests)
{
	static char data[8000];
	struct cn_packet p = { .id = { IDX, 1 }, .seq = 7, .data = data, .data_len = sizeof(data) };
	struct timespec before, after;
	long longest = 0, took;

	while (requests--) {
		clock_gettime(CLOCK_MONOTONIC, &before);
		if (cn_send(fd, &p) < 0)
			return -1;
		clock_gettime(CLOCK_MONOTONIC, &after);
		took = (after.tv_sec - before.tv_sec) * 1000 +
		       (after.tv_nsec - before.tv_nsec) / 1000000;
		if (took > longest)
			longest = took;
	}
	return longest;
}

static bool has_lost_messages(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) == -1 && errno == ENOBUFS;
}

/* A program inside of sendmsg() cannot read, and so must not be waited for. */
TEST_F(rust, replies_do_not_wait_for_a_program_that_does_not_read)
{
	static const enum behaviour kinds[] = { ECHO, REVERSE, RAW, BUNDLE };
	unsigned int kind;

	/* Without an end, if it did not end. */
	alarm(cn_timeout() / 1000);
	for (kind = 0; kind < sizeof(kinds) / sizeof(*kinds); kind++) {
		ASSERT_EQ(0, add(self->client, 1, kinds[kind], 0, 0));
		EXPECT_LE(0, fill(self->fd, 200));
		EXPECT_EQ(0, del(self->client, 1));
		EXPECT_TRUE(has_lost_messages(self->fd));
		EXPECT_LT(0, cn_receive(self->fd, &got));
		close(self->fd);
		self->fd = cn_open_in_group(0);
		ASSERT_LE(0, self->fd);
	}
}

TEST_F(rust, reply_waits_within_a_limit)
{
	long longest;

	alarm(cn_timeout() / 1000);
	ASSERT_EQ(0, add(self->client, 1, WITHIN, 300, 0));
	/* Fills the buffer, and meets the limit once. */
	while ((longest = fill(self->fd, 1)) >= 0 && longest < 250)
		;
	EXPECT_LE(300, longest);
	EXPECT_GT(cn_limit(3000), longest);
	EXPECT_FALSE(has_lost_messages(self->fd));
	EXPECT_LT(0, cn_receive(self->fd, &got));
	EXPECT_EQ(0, del(self->client, 1));
}

/* Others show names in lines of their own. */
TEST_F(rust, names_are_checked)
{
	struct command c = { IDX, 1 };

	for (c.what = 0; c.what < 6; c.what++)
		EXPECT_EQ(-EINVAL, command(self->client, ADD_NAMED, c));
	EXPECT_EQ(0, alive(self->client));
	for (; c.what < 8; c.what++, c.val++)
		EXPECT_EQ(0, command(self->client, ADD_NAMED, c));
	EXPECT_EQ(2, alive(self->client));
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
	ASSERT_EQ(0, add(self->client, 1, ECHO, 0, 0));
	ASSERT_EQ(0, del(self->client, 1));
	EXPECT_EQ(0, alive(self->client));
	EXPECT_TRUE(cn_id_is_unknown(self->fd, &got, IDX, 1));
	/* The id is free again. */
	EXPECT_EQ(0, add(self->client, 1, ECHO, 0, 0));
}

TEST_F(rust, closing_the_owner_unregisters)
{
	int other = open_rust_client();

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
	/* The reply precedes the acknowledgement. */
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

	for (tries = 0; tries < cn_timeout(); tries++) {
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
	/* The handler is freed, so it has returned. */
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

/*
 * The error in the acknowledgement of a message with this payload. The message before the
 * acknowledgement is in `got`.
 */
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
	/* Root, with more rights, has opened the socket. Both rights count. */
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

	ASSERT_EQ(0, add_for(self->client, 1, PRIVILEGED, 0));
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
	EXPECT_TRUE(cn_id_is_unknown(self->fd, &got, IDX, 1));
	EXPECT_EQ(0, answer_to(self->fd, 2, "b", 1));
	EXPECT_EQ(0, del(self->client, 2));
	EXPECT_EQ(0, alive(self->client));
}

static int seen(int fd, uint32_t val)
{
	return command(fd, SEEN, (struct command){ IDX, val });
}

/* The watcher is called a moment after the event. */
static int seen_soon(int fd, uint32_t val, int expected)
{
	int tries, got = 0;

	for (tries = 0; tries < cn_timeout() && (got = seen(fd, val)) != expected; tries++)
		usleep(1000);
	return got;
}

TEST_F(rust, watch_reports_registrations)
{
	struct command on = { .what = 1 }, off = { .what = 0 };

	ASSERT_EQ(0, add(self->client, 1, ECHO, 0, 0));
	ASSERT_EQ(0, command(self->client, WATCH, on));
	EXPECT_EQ(0, seen(self->client, 1));
	ASSERT_EQ(0, add(self->client, 2, ECHO, 0, 0));
	ASSERT_EQ(0, del(self->client, 1));
	ASSERT_EQ(0, del(self->client, 2));
	ASSERT_EQ(0, add(self->client, 2, ECHO, 0, 0));
	EXPECT_EQ(121, seen_soon(self->client, 2, 121));
	EXPECT_EQ(2, seen(self->client, 1));
	ASSERT_EQ(0, command(self->client, WATCH, off));
	ASSERT_EQ(0, del(self->client, 2));
	EXPECT_EQ(121, seen(self->client, 2));
}

/*
 * A send with a limit opens a socket for a moment, of which watchers hear nothing. A guest knows
 * only sockets that have sent something to it.
 */
TEST_F(rust, watcher_of_sockets_sends_with_a_limit)
{
	struct command c = { IDX, 1, cn_port(self->fd) };
	struct cn_packet p = { .id = { IDX, 2 } };
	int other = cn_open_in_group(0);

	ASSERT_LE(0, other);
	ASSERT_EQ(0, add(self->client, 2, ECHO, 0, 0));
	ASSERT_LT(0, cn_send(other, &p));
	alarm(cn_timeout() / 1000);
	ASSERT_EQ(0, command(self->client, SEND_ON_CLOSE, c));
	close(other);
	ASSERT_LT(0, cn_receive(self->fd, &got));
	EXPECT_TRUE(cn_is_message(&got, IDX, 1, 0, 0, "closed", 6));
	EXPECT_TRUE(cn_is_silent(self->fd));
}

TEST_F(rust, refused_registration_is_not_reported)
{
	struct command on = { .what = 1 };

	ASSERT_EQ(0, add(self->client, 1, ECHO, 0, 0));
	ASSERT_EQ(0, command(self->client, WATCH, on));
	EXPECT_EQ(-EINVAL, add(self->client, 1, ECHO, 0, 0));
	EXPECT_EQ(0, seen(self->client, 1));
}

TEST_F(rust, capabilities_are_those_of_the_connector)
{
	/* Native, all ids, all groups, changes of groups. */
	int can = provider_is_guest() ? 0 : 15;

	EXPECT_EQ(32 << 8 | can, command(self->client, CAPABILITIES, (struct command){}));
}

TEST_F(rust, many_handlers_run_at_once)
{
	/* More than there are slots in a bucket of the table of running calls. */
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
