// SPDX-License-Identifier: GPL-2.0
/*
 * The rights to listen to process events. No listener affects the events of another. Runs on every
 * provider. selftests/proc_differences.txt has the reason for each difference.
 */
#include "kselftest_harness.h"
#include "cn_privilege.h"
#include "cn_process.h"

FIXTURE(rights)
{
	int fd;
};

FIXTURE_VARIANT(rights)
{
	enum who who;
	bool may;
};

FIXTURE_VARIANT_ADD(rights, root) { ROOT, true };
FIXTURE_VARIANT_ADD(rights, net_admin) { NET_ADMIN, true };
FIXTURE_VARIANT_ADD(rights, user) { USER, true };
FIXTURE_VARIANT_ADD(rights, namespace_root) { NAMESPACE_ROOT, false };

FIXTURE_SETUP(rights)
{
	CN_NEEDS_PROCESS_EVENTS();
	self->fd = process_open(0);
	ASSERT_LE(0, self->fd);
	become(variant->who);
}

FIXTURE_TEARDOWN(rights)
{
	close(self->fd);
}

TEST_F(rights, listening)
{
	int other = cn_open_in_group(CN_IDX_PROC);

	ASSERT_LE(0, other);
	EXPECT_EQ(variant->may ? 0 : 1, process_try(other, PROC_CN_MCAST_LISTEN));
	if (variant->may)
		EXPECT_TRUE(process_hears(other));
	close(other);
}

TEST_F(rights, refused_listener_gets_no_event)
{
	int other = cn_open_in_group(CN_IDX_PROC);

	ASSERT_LE(0, other);
	process_try(other, PROC_CN_MCAST_LISTEN);
	cn_drain(other);
	EXPECT_EQ(variant->may, process_hears(other));
	close(other);
}

/* Requests of one process, in any order, do not change the events of other listeners. */
TEST_F(rights, others_cannot_be_cut_off)
{
	static const uint32_t operations[] = { PROC_CN_MCAST_LISTEN, PROC_CN_MCAST_IGNORE, 3 };
	int other = cn_open_in_group(CN_IDX_PROC), i, length, code;

	ASSERT_LE(0, other);
	for (length = 1; length <= 4; length++)
		for (code = 0; code < 81; code++) {
			for (i = 0; i < length; i++)
				process_operation(other,
						  operations[code / (int[]){ 1, 3, 9, 27 }[i] % 3],
						  1, 1);
			cn_drain(other);
		}
	cn_drain(self->fd);
	EXPECT_TRUE(process_hears(self->fd));
	close(other);
	EXPECT_TRUE(process_hears(self->fd));
}

FIXTURE(namespaces)
{
};

FIXTURE_SETUP(namespaces)
{
	CN_NEEDS_PROCESS_EVENTS();
}

FIXTURE_TEARDOWN(namespaces)
{
}

TEST_F(namespaces, other_pid_namespace_may_not_listen)
{
	int status, child;

	ASSERT_EQ(0, unshare(CLONE_NEWPID));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		int other = cn_open_in_group(CN_IDX_PROC);

		if (other < 0 || process_try(other, PROC_CN_MCAST_LISTEN) != 1)
			_exit(1);
		cn_drain(other);
		_exit(process_hears(other));
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
}
