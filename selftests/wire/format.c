// SPDX-License-Identifier: GPL-2.0
/*
 * Every field of a message from the kernel.
 */
#include <linux/filter.h>

#include "kselftest_harness.h"
#include "cn_client.h"

#define IDX 25

static struct cn_received got;

FIXTURE(wire)
{
	int fd;
};

/* The three ways a message is addressed. */
FIXTURE_VARIANT(wire)
{
	bool port;
	uint32_t group;
};

FIXTURE_VARIANT_ADD(wire, port) { .port = true };
FIXTURE_VARIANT_ADD(wire, group) { .group = IDX };
FIXTURE_VARIANT_ADD(wire, id) {};

FIXTURE_SETUP(wire)
{
	CN_NEEDS_CLIENT();
	ASSERT_EQ(0, client("add %u:7 wire count", IDX));
	self->fd = cn_open_in_group(IDX);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(wire)
{
	close(self->fd);
	EXPECT_EQ(0, client("clear"));
}

#define SEND(fields) do { \
	ASSERT_EQ(0, client("send id=%u:7 portid=%u group=%u " fields, IDX, \
			    variant->port ? cn_port(self->fd) : 0, variant->group)); \
	ASSERT_LT(0, cn_receive(self->fd, &got)); \
} while (0)

TEST_F(wire, netlink_header)
{
	SEND("seq=0x11223344 msg_len=13");
	EXPECT_EQ(CN_HEADERS + 13, got.nlh.nlmsg_len);
	EXPECT_EQ(NLMSG_DONE, got.nlh.nlmsg_type);
	EXPECT_EQ(0, got.nlh.nlmsg_flags);
	EXPECT_EQ(0x11223344, got.nlh.nlmsg_seq);
	EXPECT_EQ(0, got.nlh.nlmsg_pid);
}

TEST_F(wire, connector_header_is_as_given)
{
	SEND("seq=4294967295 ack=0xfedcba98 flags=0xa55a msg_len=3");
	EXPECT_EQ(IDX, cn_message(&got)->id.idx);
	EXPECT_EQ(7, cn_message(&got)->id.val);
	EXPECT_EQ(4294967295u, cn_message(&got)->seq);
	EXPECT_EQ(0xfedcba98, cn_message(&got)->ack);
	EXPECT_EQ(0xa55a, cn_message(&got)->flags);
	EXPECT_EQ(3, cn_message(&got)->len);
}

TEST_F(wire, sender_address)
{
	SEND("msg_len=1");
	EXPECT_EQ(AF_NETLINK, got.from.nl_family);
	EXPECT_EQ(0, got.from.nl_pid);
	EXPECT_EQ(variant->port ? 0 : 1u << (IDX - 1), got.from.nl_groups);
}

/* The memory of a message before it, whose payload was there, is used again. */
TEST_F(wire, padding_is_zero)
{
	int i, round;

	for (round = 0; round < 100; round++) {
		SEND("seq=0x5a5a5a5a msg_len=64");
		SEND("seq=0xff msg_len=1");
		ASSERT_EQ(NLMSG_ALIGN(CN_HEADERS + 1), got.len);
		for (i = CN_HEADERS + 1; i < got.len; i++)
			ASSERT_EQ(0, got.bytes[i]);
	}
}

/* Receives a message with control data of this type; or returns a negative errno. */
static int receive_control(int fd, int type, void *data, size_t len)
{
	uint8_t control[256];
	struct iovec iov = { got.bytes, sizeof(got.bytes) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header;

	if (recvmsg(fd, &msg, MSG_DONTWAIT) < 0)
		return -errno;
	header = CMSG_FIRSTHDR(&msg);
	if (!header || header->cmsg_type != type || header->cmsg_len != CMSG_LEN(len))
		return -ENOMSG;
	memcpy(data, CMSG_DATA(header), len);
	return 0;
}

TEST_F(wire, group_in_the_packet_info)
{
	struct nl_pktinfo info;

	ASSERT_EQ(0, cn_setopt(self->fd, NETLINK_PKTINFO, 1));
	ASSERT_EQ(0, client("send id=%u:7 portid=%u group=%u", IDX,
			    variant->port ? cn_port(self->fd) : 0, variant->group));
	ASSERT_EQ(0, receive_control(self->fd, NETLINK_PKTINFO, &info, sizeof(info)));
	EXPECT_EQ(variant->port ? 0 : IDX, info.group);
}

/* User programs recognize messages of the kernel by the credentials of process 0. */
TEST_F(wire, credentials_are_those_of_the_kernel)
{
	struct ucred cred;
	int on = 1;

	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
	ASSERT_EQ(0, client("send id=%u:7 portid=%u group=%u", IDX,
			    variant->port ? cn_port(self->fd) : 0, variant->group));
	ASSERT_EQ(0, receive_control(self->fd, SCM_CREDENTIALS, &cred, sizeof(cred)));
	EXPECT_EQ(0, cred.pid);
	EXPECT_EQ(0, cred.uid);
}

/* Programs install a filter on the message's fields, as forkstat does. */
TEST_F(wire, socket_filter_sees_the_message)
{
	struct sock_filter code[] = {
		/* The first byte of cn_msg.seq, in memory order. */
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, NLMSG_HDRLEN + 8),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x42, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	if (setsockopt(self->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)))
		ASSERT_EQ(0, errno);
	client("send id=%u:7 portid=%u group=%u seq=0x41", IDX,
	       variant->port ? cn_port(self->fd) : 0, variant->group);
	EXPECT_TRUE(cn_is_silent(self->fd));
	SEND("seq=0x42");
	EXPECT_EQ(0x42, cn_message(&got)->seq);
}

FIXTURE(groups_on_the_wire)
{
	int fd;
};

FIXTURE_SETUP(groups_on_the_wire)
{
	CN_NEEDS_CLIENT();
	self->fd = cn_open_in_group(0);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(groups_on_the_wire)
{
	close(self->fd);
}

TEST_F(groups_on_the_wire, each_group_has_its_bit)
{
	uint32_t group;

	for (group = 1; group <= 32; group++) {
		ASSERT_EQ(0, cn_join(self->fd, group));
		ASSERT_EQ(0, client("send id=%u:1 group=%u", IDX, group));
		ASSERT_LT(0, cn_receive(self->fd, &got));
		EXPECT_EQ(1u << (group - 1), got.from.nl_groups);
		ASSERT_EQ(0, cn_leave(self->fd, group));
	}
}
