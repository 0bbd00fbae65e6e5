// SPDX-License-Identifier: GPL-2.0
/*
 * The rights to send to a callback and to join its group, for each process that opens a socket and
 * each process that sends on it. Rust registrations declare them (modules/cn_rust_client.rs has
 * such registrations) and the core enforces them. A callback behind a C registration checks for
 * itself.
 */
#include "kselftest_harness.h"
#include "cn_client.h"
#include "cn_privilege.h"
#include "cn_rust_client.h"

#define POLICY_IDX 27
#define C_IDX 28
#define STATS "/proc/net/connector_stats"

static struct cn_received got;

/* Registers POLICY_IDX:val with an access of that kind; handlers reply. */
static int add(int fd, uint32_t val, enum access access)
{
	uint32_t argument = access == CAPABILITY ? CAP_SYS_ADMIN :
			    access == ONE_USER ? TEST_UID : 0;

	return command(fd, ADD, (struct command){ .idx = POLICY_IDX, .val = val, .access = access,
						  .access_argument = argument });
}

static int del(int fd, uint32_t val)
{
	return command(fd, DELETE, (struct command){ .idx = POLICY_IDX, .val = val });
}

static int send_to_group(int fd)
{
	return command(fd, SEND_TO_GROUP,
		       (struct command){ .idx = POLICY_IDX, .val = 1, .what = POLICY_IDX });
}

/* -- Rights to send ------------------------------------------------------- */

FIXTURE(policy)
{
	int rust;
	int fd;
};

FIXTURE_VARIANT(policy)
{
	enum who opener, sender;
	bool address;
};

EACH_OPENER_AND_SENDER(policy)

FIXTURE_SETUP(policy)
{
	enum access access;

	SKIP_ON_C();
	CN_NEEDS("cn_client", "cn_rust_client");
	ASSERT_EQ(0, client("clear"));
	self->rust = open_rust_client();
	ASSERT_LE(0, self->rust);
	for (access = PRIVILEGED; access < ACCESSES; access++)
		ASSERT_EQ(0, add(self->rust, access, access));
	self->fd = open_as(variant->opener);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(policy)
{
	close(self->fd);
	close(self->rust);
	EXPECT_EQ(0, client("clear"));
}

static bool may_send(const FIXTURE_VARIANT(policy) *v, enum access access)
{
	switch (access) {
	case PUBLIC:
		return true;
	case CAPABILITY:
		return v->opener == ROOT && v->sender == ROOT;
	case ONE_USER:
		/* The sender's user. The opener of the socket does not matter to it. */
		return v->sender != ROOT;
	default:
		return is_net_admin(v->opener) && is_net_admin(v->sender);
	}
}

static int send_message(int fd, bool address, uint32_t idx, uint32_t val, uint16_t nl_flags)
{
	struct cn_packet p = {
		.id = { idx, val },
		.nl_flags = nl_flags,
		.seq = 5,
		.data = "hello",
		.data_len = 5,
	};
	uint8_t buf[64];

	return send_either_way(fd, address, buf, cn_build(buf, &p));
}

/* The number after "refused" in the statistics of a callback. */
static long long refused_by(uint32_t val)
{
	char start[64], *text = read_file(STATS);
	const char *line;
	long long refused = -1;

	snprintf(start, sizeof(start), "id %u:%u ", POLICY_IDX, val);
	line = find_line(text, start);
	if (line)
		sscanf(line, "%*s %*s delivered %*u failed %*u refused %lld", &refused);
	free(text);
	return refused;
}

TEST_F(policy, with_ack)
{
	enum access access;
	struct cn_ack ack;

	ASSERT_EQ(0, cn_setopt(self->fd, NETLINK_EXT_ACK, 1));
	become(variant->sender);
	for (access = PRIVILEGED; access < ACCESSES; access++) {
		long long dropped = read_counter(STATS, "drop_refused");
		bool may = may_send(variant, access);
		int before = calls(self->rust);

		ASSERT_LT(0,
			  send_message(self->fd, variant->address, POLICY_IDX, access, NLM_F_ACK));
		if (may) {
			ASSERT_LT(0, cn_receive(self->fd, &got));
			EXPECT_TRUE(cn_is_message(&got, POLICY_IDX, access, 5, 1, "hello", 5));
		}
		ASSERT_EQ(0, cn_receive_ack(self->fd, &got, &ack));
		EXPECT_EQ(may ? 0 : -EPERM, ack.error) TH_LOG("access %d", access);
		EXPECT_EQ(!may, ack.text != NULL);
		EXPECT_EQ(before + may, calls(self->rust));
		EXPECT_EQ(dropped + !may, read_counter(STATS, "drop_refused"));
		EXPECT_EQ(!may, refused_by(access));
		EXPECT_TRUE(cn_is_silent(self->fd));
	}
}

TEST_F(policy, without_ack)
{
	enum access access;

	become(variant->sender);
	for (access = PRIVILEGED; access < ACCESSES; access++) {
		long long dropped = read_counter(STATS, "drop_refused");
		bool may = may_send(variant, access);
		int before = calls(self->rust);

		ASSERT_LT(0, send_message(self->fd, variant->address, POLICY_IDX, access, 0));
		if (may)
			ASSERT_LT(0, cn_receive(self->fd, &got));
		EXPECT_TRUE(cn_is_silent(self->fd));
		EXPECT_EQ(before + may, calls(self->rust));
		EXPECT_EQ(dropped + !may, read_counter(STATS, "drop_refused"));
	}
}

/* The callback is called for every sender, and sees the sender's rights. */
TEST_F(policy, of_a_c_registration_is_its_own)
{
	long long dropped = read_counter(STATS, "drop_refused");
	struct cn_ack ack;

	ASSERT_EQ(0, client("add %u:1 name count", C_IDX));
	become(variant->sender);
	ASSERT_LT(0, send_message(self->fd, variant->address, C_IDX, 1, NLM_F_ACK));
	ASSERT_EQ(0, cn_receive_ack(self->fd, &got, &ack));
	EXPECT_EQ(0, ack.error);
	EXPECT_EQ(1, callback_value(C_IDX, 1, "calls"));
	EXPECT_EQ(variant->sender == ROOT ? 0 : TEST_UID, callback_value(C_IDX, 1, "uid"));
	EXPECT_EQ(is_net_admin(variant->sender) &&
		  (variant->address || is_net_admin(variant->opener)),
		  callback_value(C_IDX, 1, "capable"));
	EXPECT_EQ(dropped, read_counter(STATS, "drop_refused"));
}

/* A refused message is nothing to those behind it in the datagram. */
TEST_F(policy, in_the_middle_of_a_datagram)
{
	bool may = may_send(variant, PRIVILEGED);
	int before = calls(self->rust);
	uint8_t buf[256];
	size_t len = 0;
	int i;

	for (i = 0; i < 3; i++) {
		struct cn_packet p = { .id = { POLICY_IDX, i == 1 ? PRIVILEGED : PUBLIC },
				       .seq = i };

		len += NLMSG_ALIGN(cn_build(buf + len, &p));
	}
	become(variant->sender);
	ASSERT_EQ((int)len, send_either_way(self->fd, variant->address, buf, len));
	EXPECT_EQ(before + 2 + may, calls(self->rust));
	for (i = 0; i < 3; i++) {
		if (i == 1 && !may)
			continue;
		ASSERT_LT(0, cn_receive(self->fd, &got));
		EXPECT_EQ(i, cn_message(&got)->seq);
	}
	EXPECT_TRUE(cn_is_silent(self->fd));
}

/* -- Rights to join the group --------------------------------------------- */

FIXTURE(group)
{
	int rust;
	int fd;
	int closed;
};

FIXTURE_VARIANT(group)
{
	enum who who;
	bool by_mask;
};

EACH_WAY_TO_JOIN(group)

FIXTURE_SETUP(group)
{
	SKIP_ON_C();
	CN_NEEDS("cn_rust_client");
	self->rust = open_rust_client();
	ASSERT_LE(0, self->rust);
	self->fd = -1;
	self->closed = is_net_admin(variant->who) ? 0 : -EPERM;
}

FIXTURE_TEARDOWN(group)
{
	close(self->fd);
	close(self->rust);
}

static bool hears(FIXTURE_DATA(group) *self, uint32_t group)
{
	struct command c = { .idx = POLICY_IDX, .val = 1, .what = group };

	command(self->rust, SEND_TO_GROUP, c);
	return cn_receive_within(self->fd, &got, CN_SILENCE_MS) > 0;
}

static int try_to_join(FIXTURE_DATA(group) *self, bool by_mask, uint32_t group)
{
	close(self->fd);
	self->fd = cn_open();
	if (self->fd < 0)
		return self->fd;
	if (by_mask)
		return cn_bind(self->fd, 0, 1u << (group - 1));
	/* A socket without a port hears no group. */
	return cn_bind(self->fd, 0, 0) ?: cn_join(self->fd, group);
}

/*
 * On a fresh socket, which is kept. A guest cannot keep programs out of an odd group. There, one
 * that hears nothing has not joined.
 */
static int join(FIXTURE_DATA(group) *self, bool by_mask, uint32_t group)
{
	int err = try_to_join(self, by_mask, group);

	return !err && provider_is_guest() && !hears(self, group) ? -EPERM : err;
}

TEST_F(group, is_open_as_long_as_the_registration)
{
	ASSERT_EQ(0, add(self->rust, 1, OPEN_GROUP));
	become(variant->who);
	EXPECT_EQ(0, join(self, variant->by_mask, POLICY_IDX));
	EXPECT_EQ(self->closed, join(self, variant->by_mask, POLICY_IDX + 1));
	EXPECT_EQ(self->closed, join(self, variant->by_mask, POLICY_IDX - 1));
	ASSERT_EQ(0, del(self->rust, 1));
	EXPECT_EQ(self->closed, join(self, variant->by_mask, POLICY_IDX));
}

TEST_F(group, is_closed_by_default)
{
	ASSERT_EQ(0, add(self->rust, 1, PUBLIC));
	become(variant->who);
	EXPECT_EQ(self->closed, join(self, variant->by_mask, POLICY_IDX));
}

/* Several ids share a group. It is open until the last id that opened it is unregistered. */
TEST_F(group, is_open_as_long_as_one_of_two_registrations)
{
	ASSERT_EQ(0, add(self->rust, 1, OPEN_GROUP));
	ASSERT_EQ(0, add(self->rust, 2, OPEN_GROUP));
	ASSERT_EQ(0, add(self->rust, 3, PRIVILEGED));
	become(variant->who);
	ASSERT_EQ(0, del(self->rust, 1));
	EXPECT_EQ(0, join(self, variant->by_mask, POLICY_IDX));
	ASSERT_EQ(0, del(self->rust, 2));
	EXPECT_EQ(self->closed, join(self, variant->by_mask, POLICY_IDX));
}

TEST_F(group, is_not_opened_by_a_registration_that_fails)
{
	ASSERT_EQ(0, add(self->rust, 1, PRIVILEGED));
	ASSERT_EQ(-EINVAL, add(self->rust, 1, OPEN_GROUP));
	become(variant->who);
	EXPECT_EQ(self->closed, join(self, variant->by_mask, POLICY_IDX));
}

TEST_F(group, is_not_closed_by_a_registration_that_fails)
{
	ASSERT_EQ(0, add(self->rust, 1, OPEN_GROUP));
	ASSERT_EQ(-EINVAL, add(self->rust, 1, OPEN_GROUP));
	become(variant->who);
	EXPECT_EQ(0, join(self, variant->by_mask, POLICY_IDX));
}

TEST_F(group, that_was_joined_is_heard_after_it_closed)
{
	ASSERT_EQ(0, add(self->rust, 1, OPEN_GROUP));
	become(variant->who);
	ASSERT_EQ(0, join(self, variant->by_mask, POLICY_IDX));
	ASSERT_EQ(0, send_to_group(self->rust));
	ASSERT_LT(0, cn_receive(self->fd, &got));
	EXPECT_EQ(1u << (POLICY_IDX - 1), got.from.nl_groups);
	ASSERT_EQ(0, del(self->rust, 1));
	ASSERT_EQ(0, send_to_group(self->rust));
	EXPECT_LT(0, cn_receive(self->fd, &got));
}

/* The right to listen does not imply the right to send. */
TEST_F(group, that_is_open_lets_nobody_send)
{
	int before = calls(self->rust);

	ASSERT_EQ(0, add(self->rust, 1, OPEN_GROUP));
	become(variant->who);
	ASSERT_EQ(0, join(self, variant->by_mask, POLICY_IDX));
	ASSERT_LT(0, send_message(self->fd, true, POLICY_IDX, 1, 0));
	EXPECT_EQ(before + is_net_admin(variant->who), calls(self->rust));
}

/* An id whose number is that of no group. */
TEST_F(group, that_does_not_exist_cannot_be_opened)
{
	struct command c = { .val = 1, .access = OPEN_GROUP };

	c.idx = 4000000000;
	ASSERT_EQ(0, command(self->rust, ADD, c));
	c.idx = 0;
	ASSERT_EQ(0, command(self->rust, ADD, c));
	become(variant->who);
	EXPECT_EQ(-EINVAL, join(self, false, 4000000000));
	EXPECT_EQ(-EINVAL, join(self, false, 0));
	EXPECT_EQ(self->closed, join(self, variant->by_mask, 32));
}
