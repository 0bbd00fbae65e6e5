/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the programs ask of the modules of the benchmark: an ioctl on a device
 * with an order. Which fields mean something is said at each ioctl.
 */
#ifndef BENCH_ORDER_H
#define BENCH_ORDER_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Numbers of one size, so that Rust can read it as an array. */
struct bench_order {
	__u64 samples;		/* how often to measure */
	__u64 times;		/* address of one __u64 for each of them */
	__u64 message;		/* address of a datagram */
	__u64 length;		/* bytes of it */
	__u64 protocol;		/* netlink protocol to send it to */
	__u64 count;
	__u64 payload;		/* bytes */
	__u64 flags;
};

/* The ids of the benchmark. Group 27 has no known user; the C connector has 32 groups. */
#define BENCH_IDX		27
#define BENCH_FIRST		1		/* and as many more as are asked for */
#define BENCH_MOST		65536
#define BENCH_PAIR		0x100001	/* comes and goes */
#define BENCH_ECHO		0x100002	/* replies with what was said */
#define BENCH_SLEEPER		0x100003	/* sleeps before it returns */
#define BENCH_CRATE		0x200001	/* handler in Rust that does nothing */
#define BENCH_CRATE_ECHO	0x200002	/* handler in Rust that replies */
#define BENCH_SLEEP_MS		10

/* Netlink protocols that no kernel has: one that does nothing, one that replies. */
#define BENCH_FLOOR		31
#define BENCH_MINIMAL		30

/* bench-sender: sends a datagram from a socket of the kernel, and measures each. */
#define BENCH_SEND		_IOW('b', 1, struct bench_order)
/* bench-sender: a thread sends a datagram, and lets others run, until it is told to stop. */
#define BENCH_TRAFFIC_START	_IOW('b', 2, struct bench_order)
#define BENCH_TRAFFIC_STOP	_IOW('b', 3, struct bench_order)

/* bench-client: has so many callbacks that do nothing registered (count). */
#define BENCH_REGISTER		_IOW('b', 16, struct bench_order)
/* bench-client, bench-genl, bench-crate: returns how often they were called, modulo 2^31. */
#define BENCH_CALLS		_IOW('b', 17, struct bench_order)
/* bench-client: registers and unregisters one more, and measures both together. */
#define BENCH_REGISTER_PAIR	_IOW('b', 18, struct bench_order)

/* The generic netlink family: commands, attributes. */
enum { BENCH_GENL_NOTHING = 1, BENCH_GENL_ECHO, BENCH_GENL_TELL, BENCH_GENL_COMMANDS };
enum { BENCH_GENL_PAYLOAD = 1, BENCH_GENL_ATTRIBUTES };

/* bench-genl: returns the number of the family, and of its group. */
#define BENCH_GENL_FAMILY	_IOW('b', 32, struct bench_order)
#define BENCH_GENL_GROUP	_IOW('b', 33, struct bench_order)

#endif
