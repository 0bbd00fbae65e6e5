/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Orders of the programs to the modules of the benchmark: an ioctl on a device with an order. Each
 * ioctl documents the fields that it uses.
 */
#ifndef BENCH_ORDER_H
#define BENCH_ORDER_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Numbers of one size, so that Rust can read it as an array. */
struct bench_order {
	__u64 samples;		/* number of measurements */
	__u64 times;		/* address of one __u64 for each of them */
	__u64 message;		/* address of a datagram */
	__u64 length;		/* bytes of it */
	__u64 protocol;		/* netlink protocol to send it to */
	__u64 count;
	__u64 payload;		/* bytes */
	__u64 milliseconds;
};

/* The ids of the benchmark. Group 27 has no known user; the C connector has 32 groups. */
#define BENCH_IDX		27
#define BENCH_FIRST		1		/* and as many more as an order requests */
#define BENCH_MOST		65536
#define BENCH_PAIR		0x100001	/* registered and unregistered again */
#define BENCH_ECHO		0x100002	/* the reply carries the payload of the request */
#define BENCH_SLEEPER		0x100003	/* sleeps before it returns */
#define BENCH_CRATE		0x200001	/* handler in Rust that does nothing */
#define BENCH_CRATE_ECHO	0x200002	/* handler in Rust that replies */
#define BENCH_SLEEP_MS		10

/* Netlink protocols that no kernel has: one that does nothing, one that replies and has a group. */
#define BENCH_BASELINE		31
#define BENCH_MINIMAL		30
#define BENCH_MINIMAL_GROUP	1

/* bench-sender: sends a datagram from a socket of the kernel, and measures each. */
#define BENCH_SEND		_IOW('b', 1, struct bench_order)
/*
 * bench-sender: `count` threads, each on its own processor, send for the given number of
 * milliseconds. The message is an array with a datagram for each thread. times[0] returns the
 * messages per second of all threads together.
 */
#define BENCH_SEND_PARALLEL	_IOW('b', 4, struct bench_order)
#define BENCH_SENDERS		2
/* bench-sender: a thread sends a datagram, and yields, until it is stopped. */
#define BENCH_TRAFFIC_START	_IOW('b', 2, struct bench_order)
#define BENCH_TRAFFIC_STOP	_IOW('b', 3, struct bench_order)

/* bench-client: registers `count` callbacks that do nothing. */
#define BENCH_REGISTER		_IOW('b', 16, struct bench_order)
/* bench-client, bench-genl, bench-crate: returns the number of their calls, modulo 2^31. */
#define BENCH_CALLS		_IOW('b', 17, struct bench_order)
/* bench-client: registers and unregisters one more, and measures both together. */
#define BENCH_REGISTER_PAIR	_IOW('b', 18, struct bench_order)
/* bench-client: a callback that replies, one that sleeps: registered (count 1) or not. */
#define BENCH_REGISTER_ECHO	_IOW('b', 19, struct bench_order)
#define BENCH_REGISTER_SLEEPER	_IOW('b', 20, struct bench_order)
/* bench-client: waits for a call of the sleeper, unregisters it, and measures that. */
#define BENCH_LEAVE_SLEEPER	_IOW('b', 21, struct bench_order)
/*
 * bench-client, bench-baseline: a thread on the last processor registers and unregisters, or
 * allocates, all the time.
 */
#define BENCH_STORM_START	_IOW('b', 22, struct bench_order)
#define BENCH_STORM_STOP	_IOW('b', 23, struct bench_order)

/*
 * bench-client, bench-crate, bench-genl, bench-baseline: fills the given number of messages with
 * payload, sends them to the group, and measures all of them together. BENCH_MULTICAST sends each
 * message on its own. BENCH_MULTICAST_BUNDLE sends all of them in one datagram.
 */
#define BENCH_MULTICAST		_IOW('b', 48, struct bench_order)
#define BENCH_MULTICAST_BUNDLE	_IOW('b', 49, struct bench_order)
#define BENCH_MAX_PAYLOAD	16000
#define BENCH_MAX_BUNDLE	16384	/* bytes */

/*
 * bench-sampler: starts and stops sampling. Stopping returns the longest delay of an interrupt in
 * times[0], of a tasklet in times[1], and the number of samples in times[2].
 */
#define BENCH_SAMPLER_START	_IOW('b', 64, struct bench_order)
#define BENCH_SAMPLER_STOP	_IOW('b', 65, struct bench_order)

/* The generic netlink family: commands, attributes. */
enum { BENCH_GENL_NOTHING = 1, BENCH_GENL_ECHO, BENCH_GENL_EVENT, BENCH_GENL_COMMANDS };
enum { BENCH_GENL_PAYLOAD = 1, BENCH_GENL_ATTRIBUTES };

/* bench-genl: returns the number of the family, and of its group. */
#define BENCH_GENL_FAMILY	_IOW('b', 32, struct bench_order)
#define BENCH_GENL_GROUP	_IOW('b', 33, struct bench_order)

#endif
