/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Drives the test module cn_rust_client.ko, a user of the crate `connector`.
 * modules/cn_rust_client.rs documents the commands.
 */
#ifndef CN_RUST_CLIENT_H
#define CN_RUST_CLIENT_H

#include <fcntl.h>
#include <sys/ioctl.h>

#include "cn_needs.h"

struct command {
	uint32_t idx, val, what, argument, second, atomic, access, access_argument;
};

#define COMMAND(n) _IOW('c', n, struct command)
#define ADD COMMAND(1)
#define DELETE COMMAND(2)
#define SEND COMMAND(3)
#define SEND_TO_GROUP COMMAND(4)
#define SEND_TO_PORT COMMAND(5)
#define ALIVE COMMAND(6)
#define CALLS COMMAND(7)
#define ADD_TWICE COMMAND(8)
#define SEND_EXCEPT COMMAND(9)
#define SEND_FILTERED COMMAND(10)
#define SEND_DRAFT COMMAND(11)
#define WRITTEN COMMAND(12)
#define SEND_BUNDLE COMMAND(13)
#define HAS_LISTENERS COMMAND(14)
#define WATCH COMMAND(15)
#define SEEN COMMAND(16)
#define SEND_WITHIN COMMAND(17)
#define WRITE_DRAFT COMMAND(18)
#define SEND_ON_CLOSE COMMAND(19)
#define ROOM COMMAND(20)
#define ADD_NAMED COMMAND(21)
#define CAPABILITIES COMMAND(22)

enum behaviour { ECHO, FAIL, SLEEP, UNREGISTER, READ, DESCRIBE, REVERSE, RAW, WITHIN, BUNDLE };
enum access { PRIVILEGED, PUBLIC, CAPABILITY, ONE_USER, OPEN_GROUP, ACCESSES };

static inline int command(int fd, unsigned long number, struct command c)
{
	int ret = ioctl(fd, number, &c);

	return ret < 0 ? -errno : ret;
}

static inline int alive(int fd)
{
	return command(fd, ALIVE, (struct command){});
}

static inline int calls(int fd)
{
	return command(fd, CALLS, (struct command){});
}

static inline int open_rust_client(void)
{
	int fd = open("/dev/cn-rust-client", O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

#endif
