// SPDX-License-Identifier: GPL-2.0
/*
 * Sending with the crate `connector`: to groups and ports, with a limit of time,
 * drafts and bundles; from where one may sleep, and from where not.
 */
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <pthread.h>

#include "kselftest_harness.h"
#include "cn_privilege.h"
#include "cn_rust_client.h"

#define IDX 26

static struct cn_received got;

/* The group exists as long as one of its ids is registered. */
static int add_echo(int fd, uint32_t val)
{
	return command(fd, ADD, (struct command){ IDX, val, ECHO });
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
FIXTURE_VARIANT_ADD(rust_send, nowait) { .atomic = 2 };

FIXTURE_SETUP(rust_send)
{
	CN_NEEDS("cn_rust_client");
	self->client = open_rust_client();
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
	ASSERT_EQ(0, add_echo(self->client, 1));
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
	ASSERT_EQ(0, add_echo(self->client, 1));
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
	ASSERT_EQ(0, add_echo(self->client, 1));
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
static int fill_receivers(int client, unsigned long number, struct command c)
{
	int ret = 0, i;

	for (i = 0; i < 1000 && ret >= 0; i++)
		ret = command(client, number, c);
	return ret;
}

TEST_F(rust_send, full_receivers_are_not_taken_for_absent_ones)
{
	struct command c = { IDX, 1, IDX, 8000, 9, variant->atomic };

	ASSERT_EQ(0, add_echo(self->client, 1));
	EXPECT_EQ(-EAGAIN, fill_receivers(self->client, SEND_TO_GROUP, c));
	EXPECT_EQ(-EAGAIN, command(self->client, SEND, c));
	EXPECT_EQ(-EAGAIN, command(self->client, SEND_EXCEPT, c));
	c.access = cookie_of(self->member);
	EXPECT_EQ(-EAGAIN, command(self->client, SEND_FILTERED, c));
	/* A receiver with NETLINK_BROADCAST_ERROR turns the sender's result into an error. */
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
	int number = 0, arrived = 0;
	long start;

	/* Without an end, if it did not end. */
	alarm(cn_timeout() / 1000);
	while (!command(self->client, SEND_WITHIN, c))
		number++;
	EXPECT_LT(0, number);
	/* On a busy machine an atomic send takes long, too, but not half as long as this limit. */
	c.access = variant->atomic ? cn_timeout() : 300;
	c.atomic = variant->atomic;
	start = milliseconds();
	EXPECT_EQ(-EAGAIN, command(self->client, SEND_WITHIN, c));
	if (variant->atomic) {
		EXPECT_GT(cn_timeout() / 2, milliseconds() - start);
		return;
	}
	EXPECT_LE(300, milliseconds() - start);
	/* The receiver was not notified of a loss, and got all other messages. */
	while (!cn_is_silent(self->member) && cn_receive(self->member, &got) > 0)
		arrived++;
	EXPECT_EQ(number, arrived);
	EXPECT_EQ(0, command(self->client, SEND_WITHIN, c));
	c.what = 0x7fffffff;
	EXPECT_EQ(-ECONNREFUSED, command(self->client, SEND_WITHIN, c));
	c.what = 0;
	EXPECT_EQ(-EINVAL, command(self->client, SEND_WITHIN, c));
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
	c.access = cn_timeout();
	ASSERT_EQ(0, pthread_create(&thread, NULL, read_later, (void *)(intptr_t)self->member));
	EXPECT_EQ(0, command(self->client, SEND_WITHIN, c));
	pthread_join(thread, NULL);
}

TEST_F(rust_send, draft_is_written_for_listeners_only)
{
	struct command c = { IDX, 1, 0, 8, 9, variant->atomic, .access = 3 };
	int before = command(self->client, WRITTEN, c);

	EXPECT_EQ(-ENODEV, command(self->client, SEND_DRAFT, c));
	ASSERT_EQ(0, add_echo(self->client, 1));
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

	ASSERT_EQ(0, add_echo(self->client, 1));
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

	ASSERT_EQ(0, add_echo(self->client, 1));
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

/* Group 0 has no members. In particular, an excluded port does not become the receiver. */
TEST_F(rust_send, index_of_0_is_no_group)
{
	struct command c = { 0, 7, 0, 3, 9, variant->atomic };

	ASSERT_EQ(0, command(self->client, ADD, (struct command){ 0, 7, ECHO }));
	c.access = cn_port(self->member);
	EXPECT_EQ(-EINVAL, command(self->client, SEND_EXCEPT, c));
	EXPECT_TRUE(cn_is_silent(self->member));
	EXPECT_EQ(-ESRCH, command(self->client, SEND, c));
	EXPECT_EQ(-ESRCH, command(self->client, SEND_FILTERED, c));
	c.access = 3;
	c.access_argument = 100;
	EXPECT_EQ(-ESRCH, command(self->client, SEND_DRAFT, c));
	EXPECT_EQ(-ESRCH, command(self->client, SEND_BUNDLE, c));
	EXPECT_EQ(0, command(self->client, HAS_LISTENERS, c));
	EXPECT_TRUE(cn_is_silent(self->member));
}

/* Also from another network namespace. */
static long long counter(const char *name)
{
	char *text = read_file("/proc/1/net/connector_stats"), line[64];
	const char *found;
	long long value = -1;

	snprintf(line, sizeof(line), "\n%s ", name);
	found = text ? strstr(text, line) : NULL;
	if (found)
		value = atoll(found + strlen(line));
	free(text);
	return value;
}

/* Lets sockets of the running namespace hear another one, which gets the number 1. */
static bool name_namespace(int namespace_fd)
{
	struct {
		struct nlmsghdr nlh;
		struct rtgenmsg gen;
		uint8_t padding[3];
		struct nlattr nsid;
		int32_t number;
		struct nlattr fd;
		uint32_t value;
	} request = {
		.nlh = { sizeof(request), RTM_NEWNSID, NLM_F_REQUEST | NLM_F_ACK },
		.nsid = { 8, NETNSA_NSID },
		.number = 1,
		.fd = { 8, NETNSA_FD },
		.value = namespace_fd,
	};
	struct {
		struct nlmsghdr nlh;
		struct nlmsgerr err;
	} answer = {};
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	bool done;

	done = send(fd, &request, sizeof(request), 0) == sizeof(request) &&
	       recv(fd, &answer, sizeof(answer), 0) > 0 && !answer.err.error;
	close(fd);
	return done;
}

/* A member of the group in another network namespace receives nothing, and does not count. */
TEST_F(rust_send, member_of_another_namespace_does_not_listen)
{
	struct command c = { IDX, 1, 0, 8, 9, variant->atomic, .access = 3 };
	int first = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), one = 1, outside, written;
	long long undelivered, missing;

	ASSERT_LE(0, first);
	ASSERT_EQ(0, add_echo(self->client, 1));
	must(!unshare(CLONE_NEWNET), "unshare");
	outside = cn_open_in_group(IDX);
	ASSERT_LE(0, outside);
	/* Others are not slowed down or left out. */
	EXPECT_EQ(1, command(self->client, HAS_LISTENERS, c));
	ASSERT_EQ(0, command(self->client, SEND, c));
	ASSERT_LT(0, cn_receive(self->member, &got));
	close(self->member);

	written = command(self->client, WRITTEN, c);
	undelivered = counter("send_undelivered");
	missing = counter("send_no_listener");
	EXPECT_LE(0, missing);
	EXPECT_EQ(0, command(self->client, HAS_LISTENERS, c));
	EXPECT_EQ(-ESRCH, command(self->client, SEND, c));
	EXPECT_EQ(-ESRCH, command(self->client, SEND_FILTERED, c));
	EXPECT_EQ(-ESRCH, command(self->client, SEND_EXCEPT, c));
	EXPECT_EQ(-ESRCH, command(self->client, SEND_DRAFT, c));
	EXPECT_EQ(-ESRCH, command(self->client, WRITE_DRAFT, c));
	EXPECT_EQ(written, command(self->client, WRITTEN, c));
	EXPECT_EQ(undelivered, counter("send_undelivered"));
	EXPECT_EQ(missing + 3, counter("send_no_listener"));
	EXPECT_TRUE(cn_is_silent(outside));

	/* Unless it has been granted the right. */
	ASSERT_TRUE(name_namespace(first));
	ASSERT_EQ(0, cn_setopt(outside, NETLINK_LISTEN_ALL_NSID, one));
	EXPECT_EQ(1, command(self->client, HAS_LISTENERS, c));
	EXPECT_EQ(0, command(self->client, SEND, c));
	EXPECT_LT(0, cn_receive(outside, &got));
	EXPECT_EQ(0, command(self->client, SEND_DRAFT, c));
	EXPECT_LT(0, cn_receive(outside, &got));
	close(outside);
	EXPECT_EQ(0, command(self->client, HAS_LISTENERS, c));
	must(!setns(first, CLONE_NEWNET), "setns");
	close(first);
	self->member = cn_open_in_group(IDX);
	EXPECT_EQ(1, command(self->client, HAS_LISTENERS, c));
	EXPECT_EQ(0, command(self->client, SEND, c));
	EXPECT_LT(0, cn_receive(self->member, &got));
}

TEST_F(rust_send, writer_knows_its_room)
{
	struct command c = { IDX, 1, .atomic = variant->atomic };

	/* The bundle, or the draft, is the limit. The header has 20 bytes. */
	c.argument = 60;
	c.access = 200;
	EXPECT_EQ(40, command(self->client, ROOM, c));
	c.argument = 200;
	c.access = 40;
	EXPECT_EQ(40, command(self->client, ROOM, c));
	c.argument = 20;
	EXPECT_EQ(0, command(self->client, ROOM, c));
	c.argument = 19;
	EXPECT_EQ(-EMSGSIZE, command(self->client, ROOM, c));
	c.argument = 65535;
	c.access = 65535;
	EXPECT_EQ(65515, command(self->client, ROOM, c));
}

TEST_F(rust_send, knows_whether_anybody_listens)
{
	struct command c = { IDX, 1, 0 };

	EXPECT_EQ(-ENODEV, command(self->client, HAS_LISTENERS, c));
	ASSERT_EQ(0, add_echo(self->client, 1));
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
