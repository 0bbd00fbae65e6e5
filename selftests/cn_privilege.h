/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reduces the rights of a test process. This is irreversible: every test has a process of its own.
 */
#ifndef CN_PRIVILEGE_H
#define CN_PRIVILEGE_H

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cn_socket.h"

#define TEST_UID 1000

/* A test must not continue with rights that it expects to have dropped. */
static inline void must(bool done, const char *what)
{
	if (!done) {
		perror(what);
		abort();
	}
}

/* A user without any capability. */
static inline void become_user(void)
{
	must(!setresgid(TEST_UID, TEST_UID, TEST_UID), "setresgid");
	must(!setresuid(TEST_UID, TEST_UID, TEST_UID), "setresuid");
}

/* A user with CAP_NET_ADMIN and no other capability. */
static inline void become_net_admin(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = {
		{
			.effective = 1 << CAP_NET_ADMIN,
			.permitted = 1 << CAP_NET_ADMIN,
		},
	};

	must(!prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0), "keep capabilities");
	become_user();
	must(!syscall(SYS_capset, &header, data), "capset");
}

static inline void write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	must(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), path);
	close(fd);
}

/* Root of a new user namespace, and of other new namespaces by flag (CLONE_NEWNET). */
static inline void become_namespace_root(int more)
{
	char map[32];

	become_user();
	/* Makes /proc/self writable again after the change of user. */
	must(!prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), "dumpable");
	must(!unshare(CLONE_NEWUSER | more), "unshare");
	snprintf(map, sizeof(map), "0 %d 1", TEST_UID);
	write_to("/proc/self/uid_map", map);
	must(!geteuid(), "root of the namespace");
}

/* -- One opens the socket, another sends ---------------------------------- */

enum who { ROOT, NET_ADMIN, USER, NAMESPACE_ROOT };

static inline void become(enum who who)
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

static inline bool is_net_admin(enum who who)
{
	return who == ROOT || who == NET_ADMIN;
}

/* A socket that another process has opened, and closed on its side. */
static inline int open_as(enum who who)
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

/* Netlink's own check of rights leaves out the opener when an address is given. */
static inline int send_either_way(int fd, bool address, const void *buf, size_t len)
{
	if (address)
		return cn_send_raw(fd, buf, len);
	return send(fd, buf, len, 0) < 0 ? -errno : (int)len;
}

/* Variants with the fields opener, sender, address. */
#define BOTH_WAYS(fixture, name, opener, sender) \
	FIXTURE_VARIANT_ADD(fixture, name) { opener, sender, false }; \
	FIXTURE_VARIANT_ADD(fixture, name##_with_address) { opener, sender, true };

#define EACH_OPENER_AND_SENDER(fixture) \
	BOTH_WAYS(fixture, root_root, ROOT, ROOT) \
	BOTH_WAYS(fixture, root_admin, ROOT, NET_ADMIN) \
	BOTH_WAYS(fixture, root_user, ROOT, USER) \
	BOTH_WAYS(fixture, root_nsroot, ROOT, NAMESPACE_ROOT) \
	BOTH_WAYS(fixture, admin_root, NET_ADMIN, ROOT) \
	BOTH_WAYS(fixture, admin_admin, NET_ADMIN, NET_ADMIN) \
	BOTH_WAYS(fixture, admin_user, NET_ADMIN, USER) \
	BOTH_WAYS(fixture, admin_nsroot, NET_ADMIN, NAMESPACE_ROOT) \
	BOTH_WAYS(fixture, user_root, USER, ROOT) \
	BOTH_WAYS(fixture, user_admin, USER, NET_ADMIN) \
	BOTH_WAYS(fixture, user_user, USER, USER) \
	BOTH_WAYS(fixture, user_nsroot, USER, NAMESPACE_ROOT) \
	BOTH_WAYS(fixture, nsroot_root, NAMESPACE_ROOT, ROOT) \
	BOTH_WAYS(fixture, nsroot_admin, NAMESPACE_ROOT, NET_ADMIN) \
	BOTH_WAYS(fixture, nsroot_user, NAMESPACE_ROOT, USER) \
	BOTH_WAYS(fixture, nsroot_nsroot, NAMESPACE_ROOT, NAMESPACE_ROOT)

/* Variants with the fields who, by_mask. */
#define BY_MASK_AND_MEMBERSHIP(fixture, name, who) \
	FIXTURE_VARIANT_ADD(fixture, name##_by_mask) { who, true }; \
	FIXTURE_VARIANT_ADD(fixture, name##_by_membership) { who, false };

#define EACH_WAY_TO_JOIN(fixture) \
	BY_MASK_AND_MEMBERSHIP(fixture, root, ROOT) \
	BY_MASK_AND_MEMBERSHIP(fixture, net_admin, NET_ADMIN) \
	BY_MASK_AND_MEMBERSHIP(fixture, user, USER) \
	BY_MASK_AND_MEMBERSHIP(fixture, namespace_root, NAMESPACE_ROOT)

#endif
