// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's 1-wire bus, unmodified, over the connector: requests, errors and bundles. The guest
 * has no bus master, and the bus has an answer for that case, too.
 */
#include "kselftest_harness.h"
#include "cn_module.h"

#define W1_IDX 3
#define W1_VAL 1

/* The protocol's numbers; it has no header for user programs. */
enum { MASTER_ADD = 2, MASTER_COMMAND = 4, SLAVE_COMMAND = 5, LIST_MASTERS = 6 };
enum { COMMAND_SEARCH = 2 };
enum { ANSWER_IN_BUNDLES = 1 };

struct w1_request {
	uint8_t type;
	uint8_t status;
	uint16_t len;
	union {
		uint8_t slave[8];
		uint32_t master;
	};
};

struct w1_command {
	uint8_t cmd;
	uint8_t reserved;
	uint16_t len;
};

static struct cn_received got;

FIXTURE(wire)
{
	int fd;
	uint8_t data[512];
	size_t len;
};

FIXTURE_SETUP(wire)
{
	SKIP_ON_GUEST();
	CN_NEEDS_NO_CONNECTOR();
	ASSERT_EQ(0, module_load("cn", ""));
	ASSERT_EQ(0, module_load("wire", ""));
	self->fd = cn_open_in_group(0);
	ASSERT_LE(0, self->fd);
	self->len = 0;
}

FIXTURE_TEARDOWN(wire)
{
	EXPECT_TRUE(cn_is_silent(self->fd));
	close(self->fd);
	EXPECT_EQ(0, module_unload("wire"));
	EXPECT_EQ(0, module_unload_soon("cn"));
}

/* Appends a request to the connector message. */
static void request(FIXTURE_DATA(wire) *self, uint8_t type, const void *data, uint16_t len)
{
	struct w1_request r = { .type = type, .len = len, .master = 77 };

	memcpy(self->data + self->len, &r, sizeof(r));
	if (len)
		memcpy(self->data + self->len + sizeof(r), data, len);
	self->len += sizeof(r) + len;
}

static int send_requests(FIXTURE_DATA(wire) *self, uint32_t seq, uint16_t flags)
{
	struct cn_packet p = {
		.id = { W1_IDX, W1_VAL },
		.seq = seq,
		.ack = 9,
		.flags = flags,
		.data = self->data,
		.data_len = self->len,
	};

	return cn_send(self->fd, &p);
}

/* Receives one answer that holds one request's result. */
static bool receive_answer(int fd, uint8_t type, uint8_t status, uint32_t seq, uint32_t ack)
{
	struct cn_msg *msg = cn_message(&got);
	struct w1_request *r = (void *)msg->data;

	if (cn_receive(fd, &got) < 0)
		return false;
	return got.nlh.nlmsg_type == NLMSG_DONE && got.nlh.nlmsg_seq == seq &&
	       got.nlh.nlmsg_len == CN_HEADERS + sizeof(*r) && !got.from.nl_pid &&
	       msg->id.idx == W1_IDX && msg->id.val == W1_VAL && msg->seq == seq &&
	       msg->ack == ack && msg->len == sizeof(*r) && r->type == type &&
	       r->status == status && !r->len;
}

TEST_F(wire, is_listed)
{
	const char *head = proc_file_without_clients();
	char *text = read_file("/proc/net/connector");

	ASSERT_NE(NULL, text);
	ASSERT_EQ(0, strncmp(head, text, strlen(head)));
	EXPECT_STREQ("w1              3:1\n", text + strlen(head));
	free(text);
}

TEST_F(wire, lists_no_masters)
{
	request(self, LIST_MASTERS, NULL, 0);
	ASSERT_LT(0, send_requests(self, 100, 0));
	EXPECT_TRUE(receive_answer(self->fd, LIST_MASTERS, 0, 100, 101));
}

TEST_F(wire, unknown_master_is_ENODEV)
{
	const struct w1_command search = { .cmd = COMMAND_SEARCH };

	request(self, MASTER_COMMAND, &search, sizeof(search));
	ASSERT_LT(0, send_requests(self, 5, 0));
	EXPECT_TRUE(receive_answer(self->fd, MASTER_COMMAND, ENODEV, 5, 9));
}

TEST_F(wire, unknown_slave_is_ENODEV)
{
	const struct w1_command search = { .cmd = COMMAND_SEARCH };

	request(self, SLAVE_COMMAND, &search, sizeof(search));
	ASSERT_LT(0, send_requests(self, 6, 0));
	EXPECT_TRUE(receive_answer(self->fd, SLAVE_COMMAND, ENODEV, 6, 9));
}

TEST_F(wire, unknown_type_is_EPROTO)
{
	request(self, 200, "abcd", 4);
	ASSERT_LT(0, send_requests(self, 7, 0));
	EXPECT_TRUE(receive_answer(self->fd, 200, EPROTO, 7, 9));
}

TEST_F(wire, command_without_data_is_EPROTO)
{
	request(self, MASTER_COMMAND, NULL, 0);
	ASSERT_LT(0, send_requests(self, 8, 0));
	EXPECT_TRUE(receive_answer(self->fd, MASTER_COMMAND, EPROTO, 8, 9));
}

TEST_F(wire, unknown_flag_is_EINVAL)
{
	request(self, LIST_MASTERS, NULL, 0);
	ASSERT_LT(0, send_requests(self, 9, 2));
	EXPECT_TRUE(receive_answer(self->fd, LIST_MASTERS, EINVAL, 9, 9));
}

/* The request claims more data than the connector message has. */
TEST_F(wire, lying_request_makes_no_answer)
{
	struct cn_packet p = { .id = { W1_IDX, W1_VAL }, .use_msg_len = true, .msg_len = 12 };

	ASSERT_LT(0, cn_send(self->fd, &p));
}

TEST_F(wire, several_requests_in_one_message)
{
	const struct w1_command search = { .cmd = COMMAND_SEARCH };

	request(self, LIST_MASTERS, NULL, 0);
	request(self, MASTER_COMMAND, &search, sizeof(search));
	request(self, LIST_MASTERS, NULL, 0);
	ASSERT_LT(0, send_requests(self, 50, 0));
	EXPECT_TRUE(receive_answer(self->fd, LIST_MASTERS, 0, 50, 51));
	EXPECT_TRUE(receive_answer(self->fd, MASTER_COMMAND, ENODEV, 50, 9));
	EXPECT_TRUE(receive_answer(self->fd, LIST_MASTERS, 0, 50, 51));
}

TEST_F(wire, several_requests_answered_in_bundles)
{
	const struct w1_command search = { .cmd = COMMAND_SEARCH };

	request(self, MASTER_COMMAND, &search, sizeof(search));
	request(self, LIST_MASTERS, NULL, 0);
	ASSERT_LT(0, send_requests(self, 60, ANSWER_IN_BUNDLES));
	EXPECT_TRUE(receive_answer(self->fd, MASTER_COMMAND, ENODEV, 60, 9));
	EXPECT_TRUE(receive_answer(self->fd, LIST_MASTERS, 0, 60, 61));
}

/* owserver requests an acknowledgement, and must still find its answer first. */
TEST_F(wire, request_that_asks_for_an_ack)
{
	struct cn_packet p;
	struct cn_ack ack;

	request(self, LIST_MASTERS, NULL, 0);
	p = (struct cn_packet){
		.id = { W1_IDX, W1_VAL },
		.seq = 70,
		.data = self->data,
		.data_len = self->len,
		.nl_flags = NLM_F_REQUEST | NLM_F_ACK,
	};
	ASSERT_LT(0, cn_send(self->fd, &p));
	EXPECT_TRUE(receive_answer(self->fd, LIST_MASTERS, 0, 70, 71));
	if (!provider_is_c()) {
		EXPECT_EQ(0, cn_receive_ack(self->fd, &got, &ack));
		EXPECT_EQ(0, ack.error);
	}
}

TEST_F(wire, is_held_by_nothing)
{
	EXPECT_EQ(0, module_unload("wire"));
	EXPECT_EQ(0, module_load("wire", ""));
}
