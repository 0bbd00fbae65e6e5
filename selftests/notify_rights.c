// SPDX-License-Identifier: GPL-2.0
/*
 * Who may ask for notifications: CAP_NET_ADMIN in the first user namespace is
 * needed of the one who opened the socket and of the one who sends.
 */
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "cn_client.h"
#include "cn_notify.h"
#include "cn_privilege.h"

#define IDX 25

enum who { ROOT, NET_ADMIN, USER, NAMESPACE_ROOT };

static void become(enum who who)
{
	switch (who) {
	case ROOT:
		break;
	case NET_ADMIN:
		become_net_admin();
		break;
	case USER:
		become_user();
		break;
	case NAMESPACE_ROOT:
		become_namespace_root(0);
		break;
	}
}

static bool is_privileged(enum who who)
{
	return who == ROOT || who == NET_ADMIN;
}

/* A socket that somebody else opened, and nobody else has any more. */
static int open_as(enum who who)
{
	int report[2], fd = -1;
	pid_t child;

	must(!pipe(report), "pipe");
	child = fork();
	if (!child) {
		become(who);
		fd = cn_open();
		if (write(report[1], &fd, sizeof(fd)) == sizeof(fd))
			pause();
		_exit(1);
	}
	close(report[1]);
	if (read(report[0], &fd, sizeof(fd)) == sizeof(fd) && fd >= 0)
		fd = syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, child, 0), fd, 0);
	close(report[0]);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return fd;
}

FIXTURE(rights)
{
	int listener;
	int fd;
	int expected;
};

FIXTURE_VARIANT(rights)
{
	enum who opener, sender;
	/* Netlink's own check leaves out the opener when an address is given. */
	bool address;
};

#define BOTH_WAYS(name, opener, sender) \
	FIXTURE_VARIANT_ADD(rights, name) { opener, sender, false }; \
	FIXTURE_VARIANT_ADD(rights, name##_with_address) { opener, sender, true }

BOTH_WAYS(root_root, ROOT, ROOT);
BOTH_WAYS(root_admin, ROOT, NET_ADMIN);
BOTH_WAYS(root_user, ROOT, USER);
BOTH_WAYS(root_nsroot, ROOT, NAMESPACE_ROOT);
BOTH_WAYS(admin_root, NET_ADMIN, ROOT);
BOTH_WAYS(admin_admin, NET_ADMIN, NET_ADMIN);
BOTH_WAYS(admin_user, NET_ADMIN, USER);
BOTH_WAYS(admin_nsroot, NET_ADMIN, NAMESPACE_ROOT);
BOTH_WAYS(user_root, USER, ROOT);
BOTH_WAYS(user_admin, USER, NET_ADMIN);
BOTH_WAYS(user_user, USER, USER);
BOTH_WAYS(user_nsroot, USER, NAMESPACE_ROOT);
BOTH_WAYS(nsroot_root, NAMESPACE_ROOT, ROOT);
BOTH_WAYS(nsroot_admin, NAMESPACE_ROOT, NET_ADMIN);
BOTH_WAYS(nsroot_user, NAMESPACE_ROOT, USER);
BOTH_WAYS(nsroot_nsroot, NAMESPACE_ROOT, NAMESPACE_ROOT);

FIXTURE_SETUP(rights)
{
	SKIP_ON_C();
	CLIENT_SETUP();
	self->listener = cn_open_in_group(EVENTS);
	ASSERT_LE(0, self->listener);
	self->fd = open_as(variant->opener);
	ASSERT_LE(0, self->fd);
	self->expected = is_privileged(variant->opener) && is_privileged(variant->sender) ?
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
	size_t len;

	p.data_len = notify_build(payload, group, RANGES({ IDX, 1 }), RANGES({ 1, 1 }));
	len = cn_build(buf, &p);
	if (address)
		return cn_send_raw(fd, buf, len);
	return send(fd, buf, len, 0) < 0 ? -errno : (int)len;
}

static bool event_is_there(int fd, uint32_t ack)
{
	return !cn_is_silent(fd) && event_comes(fd, EVENTS, IDX, 1, ack);
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
	/* Also no snapshot for the one who may not ask. */
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
	SKIP_ON_C();
	CLIENT_SETUP();
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
	bool may = is_privileged(variant->who);

	become(variant->who);
	EXPECT_EQ(may ? 0 : -EPERM, notify_one(self->fd, 0, IDX, 1));
	ASSERT_EQ(0, client("add %u:1 name count", IDX));
	EXPECT_EQ(may, cn_is_silent(self->listener));
}

/* Whoever holds the socket then, its requests end with it. */
TEST_F(removal, by_closing_needs_none)
{
	become(variant->who);
	close(self->fd);
	self->fd = -1;
	ASSERT_EQ(0, client("add %u:1 name count", IDX));
	EXPECT_TRUE(cn_is_silent(self->listener));
}

TEST_HARNESS_MAIN
