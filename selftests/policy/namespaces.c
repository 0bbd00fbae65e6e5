// SPDX-License-Identifier: GPL-2.0
/*
 * The connector belongs to the first network namespace. From any other one a
 * send is refused and nothing is received.
 */
#include <sys/mount.h>

#include "kselftest_harness.h"
#include "cn_client.h"
#include "cn_privilege.h"

#define IDX 25

static struct cn_received got;

FIXTURE(network_namespace)
{
	/* Opened before the process leaves the namespace. */
	int inside;
	int fd;
};

FIXTURE_VARIANT(network_namespace)
{
	bool of_root;
};

FIXTURE_VARIANT_ADD(network_namespace, of_root) { .of_root = true };
FIXTURE_VARIANT_ADD(network_namespace, of_a_user) { .of_root = false };

FIXTURE_SETUP(network_namespace)
{
	CN_NEEDS_CLIENT();
	ASSERT_EQ(0, client("add %u:1 namespace echo", IDX));
	self->inside = cn_open_in_group(IDX);
	ASSERT_LE(0, self->inside);
	if (variant->of_root)
		must(!unshare(CLONE_NEWNET), "unshare");
	else
		become_namespace_root(CLONE_NEWNET);
	self->fd = cn_open();
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(network_namespace)
{
	close(self->inside);
	close(self->fd);
	EXPECT_EQ(0, client("clear"));
}

TEST_F(network_namespace, send_is_refused)
{
	struct cn_packet p = { .id = { IDX, 1 } };

	EXPECT_EQ(-ECONNREFUSED, cn_send(self->fd, &p));
	EXPECT_EQ(0, callback_value(IDX, 1, "calls"));
}

TEST_F(network_namespace, member_receives_no_multicast)
{
	ASSERT_EQ(0, cn_join(self->fd, IDX));
	ASSERT_EQ(0, client("send id=%u:1 group=%u", IDX, IDX));
	EXPECT_TRUE(cn_is_silent(self->fd));
	EXPECT_LT(0, cn_receive(self->inside, &got));
}

/* has_listeners does not know namespaces, the delivery does. */
TEST_F(network_namespace, member_outside_is_no_listener)
{
	ASSERT_EQ(0, cn_join(self->fd, IDX + 1));
	EXPECT_EQ(-ESRCH, client("send id=%u:1 group=%u", IDX, IDX + 1));
	EXPECT_TRUE(cn_is_silent(self->fd));
}

TEST_F(network_namespace, port_outside_refuses)
{
	ASSERT_EQ(0, cn_bind(self->fd, 1234567, 0));
	EXPECT_EQ(-ECONNREFUSED, client("send id=%u:1 portid=1234567", IDX));
}

TEST_F(network_namespace, socket_stays_where_it_was_opened)
{
	struct cn_packet p = { .id = { IDX, 1 }, .seq = 5 };

	ASSERT_LT(0, cn_send(self->inside, &p));
	ASSERT_LT(0, cn_receive(self->inside, &got));
	EXPECT_EQ(5, cn_message(&got)->seq);
	EXPECT_EQ(0, client("send id=%u:1 group=%u", IDX, IDX));
	EXPECT_LT(0, cn_receive(self->inside, &got));
}

TEST_F(network_namespace, has_no_proc_file)
{
	EXPECT_EQ(-1, access("/proc/self/net/connector", F_OK));
	EXPECT_EQ(-1, access("/proc/self/net/connector_stats", F_OK));
}
