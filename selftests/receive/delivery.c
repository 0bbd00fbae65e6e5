// SPDX-License-Identifier: GPL-2.0
/*
 * Messages from user space to a callback, and the callback's reply.
 */
#include <pthread.h>

#include "kselftest_harness.h"
#include "cn_client.h"
#include "cn_privilege.h"

#define IDX 25

static struct cn_received got;

FIXTURE(delivery)
{
	int fd;
};

FIXTURE_SETUP(delivery)
{
	CN_NEEDS_CLIENT();
	self->fd = cn_open_in_group(0);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(delivery)
{
	close(self->fd);
	EXPECT_EQ(0, client("clear"));
}

TEST_F(delivery, callback_sees_the_message)
{
	const char text[] = "to the kernel";
	struct cn_packet p = {
		.id = { IDX, 1 },
		.seq = 0x01020304,
		.ack = 0xfffffffe,
		.flags = 0x8001,
		.data = text,
		.data_len = sizeof(text),
	};

	ASSERT_EQ(0, client("add %u:1 delivery count", IDX));
	EXPECT_EQ((int)(CN_HEADERS + sizeof(text)), cn_send(self->fd, &p));
	EXPECT_EQ(1, callback_value(IDX, 1, "calls"));
	EXPECT_EQ(p.seq, callback_value(IDX, 1, "seq"));
	EXPECT_EQ(p.ack, callback_value(IDX, 1, "ack"));
	EXPECT_EQ(p.flags, callback_value(IDX, 1, "flags"));
	EXPECT_EQ(sizeof(text), callback_value(IDX, 1, "len"));
	EXPECT_EQ(cn_hash(text, sizeof(text)), callback_value(IDX, 1, "hash"));
	EXPECT_TRUE(cn_is_silent(self->fd));
}

TEST_F(delivery, callback_sees_the_sender)
{
	struct cn_packet p = { .id = { IDX, 1 } };

	ASSERT_EQ(0, client("add %u:1 delivery count", IDX));
	ASSERT_LT(0, cn_send(self->fd, &p));
	EXPECT_EQ(cn_port(self->fd), callback_value(IDX, 1, "portid"));
	EXPECT_EQ(0, callback_value(IDX, 1, "uid"));
	EXPECT_EQ(getpid(), callback_value(IDX, 1, "tgid"));
	EXPECT_EQ(1, callback_value(IDX, 1, "sk"));
	EXPECT_EQ(1, callback_value(IDX, 1, "capable"));
	EXPECT_EQ(0, callback_value(IDX, 1, "group"));
}

TEST_F(delivery, unprivileged_sender_is_delivered_and_known)
{
	struct cn_packet p = { .id = { IDX, 1 } };
	int fd;

	ASSERT_EQ(0, client("add %u:1 delivery count", IDX));
	become_user();
	fd = cn_open_in_group(0);
	ASSERT_LE(0, fd);
	ASSERT_LT(0, cn_send(fd, &p));
	EXPECT_EQ(1, callback_value(IDX, 1, "calls"));
	EXPECT_EQ(TEST_UID, callback_value(IDX, 1, "uid"));
	EXPECT_EQ(0, callback_value(IDX, 1, "capable"));
	close(fd);
}

/* The opener counts as well: a descriptor does not lend its rights. */
TEST_F(delivery, privileged_user_of_an_unprivileged_socket_is_not_capable)
{
	struct cn_packet p = { .id = { IDX, 1 } };
	uint8_t buf[64];
	size_t len = cn_build(buf, &p);
	int fd;

	ASSERT_EQ(0, client("add %u:1 delivery count", IDX));
	ASSERT_EQ(0, seteuid(TEST_UID));
	fd = cn_open_in_group(0);
	ASSERT_EQ(0, seteuid(0));
	ASSERT_LE(0, fd);
	/* With an address in the call, netlink checks the rights of the sender alone. */
	ASSERT_EQ((ssize_t)len, send(fd, buf, len, 0));
	EXPECT_EQ(0, callback_value(IDX, 1, "uid"));
	EXPECT_EQ(0, callback_value(IDX, 1, "capable"));
	close(fd);
}

TEST_F(delivery, reply_is_there_when_send_returns)
{
	const char text[] = "echo";
	struct cn_packet p = {
		.id = { IDX, 1 },
		.seq = 77,
		.ack = 500,
		.data = text,
		.data_len = sizeof(text),
	};

	ASSERT_EQ(0, client("add %u:1 delivery echo", IDX));
	ASSERT_LT(0, cn_send(self->fd, &p));
	ASSERT_LT(0, cn_receive_within(self->fd, &got, 0));
	EXPECT_TRUE(cn_is_message(&got, IDX, 1, 77, 501, text, sizeof(text)));
	EXPECT_TRUE(cn_is_silent(self->fd));
}

TEST_F(delivery, replies_stay_in_order)
{
	struct cn_packet p = { .id = { IDX, 1 }, .data = &p.seq, .data_len = 4 };

	ASSERT_EQ(0, client("add %u:1 delivery echo", IDX));
	for (p.seq = 0; p.seq < 100; p.seq++)
		ASSERT_LT(0, cn_send(self->fd, &p));
	for (p.seq = 0; p.seq < 100; p.seq++) {
		ASSERT_LT(0, cn_receive(self->fd, &got));
		ASSERT_TRUE(cn_is_message(&got, IDX, 1, p.seq, 1, &p.seq, 4));
	}
}

TEST_F(delivery, reply_goes_to_the_sender_alone)
{
	struct cn_packet p = { .id = { IDX, 1 } };
	int other = cn_open_in_group(IDX);

	ASSERT_LE(0, other);
	ASSERT_EQ(0, client("add %u:1 delivery echo", IDX));
	ASSERT_LT(0, cn_send(self->fd, &p));
	EXPECT_LT(0, cn_receive(self->fd, &got));
	EXPECT_TRUE(cn_is_silent(other));
	close(other);
}

/* Both halves of the id count. */
TEST_F(delivery, each_id_has_its_own_callback)
{
	struct cn_packet p = {};
	int i;

	ASSERT_EQ(0, client("add %u:1 first count", IDX));
	ASSERT_EQ(0, client("add %u:2 second count", IDX));
	ASSERT_EQ(0, client("add %u:1 third count", IDX + 1));
	for (i = 1; i <= 3; i++) {
		p.id.idx = i == 3 ? IDX + 1 : IDX;
		p.id.val = i == 2 ? 2 : 1;
		for (p.seq = 0; p.seq < (uint32_t)i; p.seq++)
			ASSERT_LT(0, cn_send(self->fd, &p));
	}
	EXPECT_EQ(1, callback_value(IDX, 1, "calls"));
	EXPECT_EQ(2, callback_value(IDX, 2, "calls"));
	EXPECT_EQ(3, callback_value(IDX + 1, 1, "calls"));
}

FIXTURE(id_limits)
{
	int fd;
};

FIXTURE_VARIANT(id_limits)
{
	struct cb_id id;
};

FIXTURE_VARIANT_ADD(id_limits, zero) { .id = { 0, 0 } };
FIXTURE_VARIANT_ADD(id_limits, zero_idx) { .id = { 0, 0xffffffff } };
FIXTURE_VARIANT_ADD(id_limits, zero_val) { .id = { 0xffffffff, 0 } };
FIXTURE_VARIANT_ADD(id_limits, sign_bit) { .id = { 0x80000000, 0x7fffffff } };
FIXTURE_VARIANT_ADD(id_limits, nearly_all_ones) { .id = { 0xffffffff, 0xfffffffe } };

FIXTURE_SETUP(id_limits)
{
	CN_NEEDS_CLIENT();
	self->fd = cn_open_in_group(0);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(id_limits)
{
	close(self->fd);
	EXPECT_EQ(0, client("clear"));
}

TEST_F(id_limits, is_delivered_and_answered)
{
	struct cn_packet p = { .id = variant->id, .seq = 9 };

	ASSERT_EQ(0, client("add %u:%u limit echo", p.id.idx, p.id.val));
	ASSERT_LT(0, cn_send(self->fd, &p));
	ASSERT_LT(0, cn_receive(self->fd, &got));
	EXPECT_TRUE(cn_is_message(&got, p.id.idx, p.id.val, 9, 1, "", 0));
}

TEST_F(delivery, connected_socket_may_use_plain_send)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct cn_packet p = { .id = { IDX, 1 }, .seq = 5 };
	uint8_t buf[64];
	size_t len = cn_build(buf, &p);

	ASSERT_EQ(0, client("add %u:1 delivery echo", IDX));
	ASSERT_EQ(0, connect(self->fd, (struct sockaddr *)&kernel, sizeof(kernel)));
	ASSERT_EQ((ssize_t)len, send(self->fd, buf, len, 0));
	ASSERT_LT(0, cn_receive(self->fd, &got));
	EXPECT_EQ(5, cn_message(&got)->seq);
}

/* ucon and others never bind to a port themselves. */
TEST_F(delivery, socket_without_bind_gets_a_reply)
{
	struct cn_packet p = { .id = { IDX, 1 }, .seq = 6 };
	uint8_t buf[64];
	size_t len = cn_build(buf, &p);
	int fd = cn_open();

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, client("add %u:1 delivery echo", IDX));
	ASSERT_EQ((ssize_t)len, send(fd, buf, len, 0));
	ASSERT_LT(0, cn_receive(fd, &got));
	EXPECT_EQ(6, cn_message(&got)->seq);
	EXPECT_EQ(cn_port(fd), callback_value(IDX, 1, "portid"));
	close(fd);
}

TEST_F(delivery, scattered_message_is_put_together)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct cn_packet p = { .id = { IDX, 1 }, .data = "abcdefg", .data_len = 7 };
	struct iovec iov[CN_HEADERS + 7];
	struct msghdr msg = {
		.msg_name = &kernel,
		.msg_namelen = sizeof(kernel),
		.msg_iov = iov,
	};
	uint8_t buf[64];
	size_t i, len = cn_build(buf, &p);

	for (i = 0; i < len; i++)
		iov[i] = (struct iovec){ &buf[i], 1 };
	msg.msg_iovlen = len;
	ASSERT_EQ(0, client("add %u:1 delivery count", IDX));
	ASSERT_EQ((ssize_t)len, sendmsg(self->fd, &msg, 0));
	EXPECT_EQ(cn_hash("abcdefg", 7), callback_value(IDX, 1, "hash"));
}

#define SENDERS 4
#define MESSAGES 200

static void *send_many(void *failed)
{
	struct cn_packet p = { .id = { IDX, 1 } };
	int fd = cn_open_in_group(0);

	for (p.seq = 0; p.seq < MESSAGES; p.seq++)
		if (cn_send(fd, &p) < 0)
			*(bool *)failed = true;
	close(fd);
	return NULL;
}

TEST_F(delivery, every_message_of_parallel_senders_arrives)
{
	bool failed[SENDERS] = {};
	pthread_t threads[SENDERS];
	int i;

	ASSERT_EQ(0, client("add %u:1 delivery count", IDX));
	for (i = 0; i < SENDERS; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, send_many, &failed[i]));
	for (i = 0; i < SENDERS; i++) {
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
		EXPECT_FALSE(failed[i]);
	}
	EXPECT_EQ(SENDERS * MESSAGES, callback_value(IDX, 1, "calls"));
	EXPECT_EQ(0, callback_value(IDX, 1, "running"));
}
