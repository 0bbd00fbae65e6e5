/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Lets a test process become somebody with fewer rights. There is no way back:
 * every test has a process of its own.
 */
#ifndef CN_PRIVILEGE_H
#define CN_PRIVILEGE_H

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TEST_UID 1000

/* A test must not go on with rights that it believes to have given up. */
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

/* A user who has CAP_NET_ADMIN and nothing else. */
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

/* Root of a new user namespace, with what else is to be new (CLONE_NEWNET). */
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

#endif
