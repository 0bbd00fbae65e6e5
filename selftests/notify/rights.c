// SPDX-License-Identifier: GPL-2.0
/*
 * The right to request notifications: both the opener of the socket and the
 * sender need CAP_NET_ADMIN in the initial user namespace.
 */
#include "kselftest_harness.h"
#include "cn_client.h"
#include "cn_notify.h"
#include "cn_privilege.h"

#define IDX 25

FIXTURE(rights)
{
	int listener;
	int fd;
	int expected;
};

FIXTURE_VARIANT(rights)
{
	enum who opener, sender;
	bool address;
};

EACH_OPENER_AND_SENDER(rights)

FIXTURE_SETUP(rights)
{
	CN_NEEDS_CLIENT();
	self->listener = cn_open_in_group(EVENTS);
	ASSERT_LE(0, self->listener);
	self->fd = open_as(variant->opener);
	ASSERT_LE(0, self->fd);
	self->expected = is_net_admin(variant->opener) && is_net_admin(variant->sender) ?
			 0 : -EPERM;
}

FIXTURE_TEARDOWN(rights)
{
	close(self->fd);
	close(self->listener);
	EXPECT_EQ(0, client("clear"));
}

static int request(int fd, bool address, uint32_t group, uint16_t nl_flags)
{
	uint8_t payload[64], buf[256];
	struct cn_packet p = {
		.id = { CN_IDX_NOTIFY, CN_VAL_NOTIFY },
		.nl_flags = nl_flags,
		.flags = CN_NOTIFY_SNAPSHOT,
		.data = payload,
	};

	p.data_len = notify_build(payload, group, RANGES({ IDX, 1 }), RANGES({ 1, 1 }));
	return send_either_way(fd, address, buf, cn_build(buf, &p));
}

static bool event_is_there(int fd, uint32_t ack)
{
	return !cn_is_silent(fd) && event_arrives(fd, EVENTS, IDX, 1, ack);
}

TEST_F(rights, decide_over_a_request)
{
	become(variant->sender);
	ASSERT_LT(0, request(self->fd, variant->address, EVENTS, NLM_F_ACK));
	EXPECT_EQ(self->expected, notify_answer(self->fd));
	/* A refused one is not stored. */
	ASSERT_EQ(0, client("add %u:1 name count", IDX));
	EXPECT_EQ(!self->expected, event_is_there(self->listener, REGISTERED));
}

TEST_F(rights, decide_without_ack_silently)
{
	ASSERT_EQ(0, client("add %u:1 name count", IDX));
	become(variant->sender);
	ASSERT_LT(0, request(self->fd, variant->address, EVENTS, 0));
	/* Also no snapshot for a requester without the right. */
	EXPECT_EQ(!!self->expected, cn_is_silent(self->fd));
	ASSERT_EQ(0, client("del %u:1", IDX));
	EXPECT_EQ(!self->expected, event_is_there(self->listener, UNREGISTERED));
}

TEST_F(rights, are_counted_when_they_lack)
{
	long long before = read_counter("/proc/net/connector_stats", "drop_refused");

	ASSERT_LE(0, before);
	become(variant->sender);
	ASSERT_LT(0, request(self->fd, variant->address, EVENTS, 0));
	EXPECT_EQ(before + !!self->expected,
		  read_counter("/proc/net/connector_stats", "drop_refused"));
}

/* A request that root made, on a socket that root opened. */
FIXTURE(removal)
{
	int listener;
	int fd;
};

FIXTURE_VARIANT(removal)
{
	enum who who;
};

FIXTURE_VARIANT_ADD(removal, net_admin) { NET_ADMIN };
FIXTURE_VARIANT_ADD(removal, user) { USER };
FIXTURE_VARIANT_ADD(removal, namespace_root) { NAMESPACE_ROOT };

FIXTURE_SETUP(removal)
{
	CN_NEEDS_CLIENT();
	self->listener = cn_open_in_group(EVENTS);
	ASSERT_LE(0, self->listener);
	self->fd = cn_open();
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, notify_one(self->fd, EVENTS, IDX, 1));
}

FIXTURE_TEARDOWN(removal)
{
	close(self->fd);
	close(self->listener);
	EXPECT_EQ(0, client("clear"));
}

TEST_F(removal, needs_the_right_too)
{
	bool may = is_net_admin(variant->who);

	become(variant->who);
	EXPECT_EQ(may ? 0 : -EPERM, notify_one(self->fd, 0, IDX, 1));
	ASSERT_EQ(0, client("add %u:1 name count", IDX));
	EXPECT_EQ(may, cn_is_silent(self->listener));
}

/* The requests end with the socket, whichever task holds it then. */
TEST_F(removal, by_closing_needs_none)
{
	become(variant->who);
	close(self->fd);
	self->fd = -1;
	ASSERT_EQ(0, client("add %u:1 name count", IDX));
	EXPECT_TRUE(cn_is_silent(self->listener));
}
