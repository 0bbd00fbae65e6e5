// SPDX-License-Identifier: GPL-2.0
/*
 * Registers Rust handlers and drops their registrations as fast as possible while others send to
 * them: from outside, and from inside of the handler itself. After a drop from outside has
 * returned, the handler is neither called nor in memory. A handler that drops itself is freed soon
 * after.
 *
 *   storm_handlers <rounds> <senders>
 */
#include <pthread.h>
#include <sys/ioctl.h>

#include "../cn_module.h"
#include "seed.h"

/* See modules/cn_rust_client.rs. */
struct command {
	uint32_t idx, val, what, argument, second, atomic, access, access_argument;
};

#define ADD _IOW('c', 1, struct command)
#define DELETE _IOW('c', 2, struct command)
#define ALIVE _IOW('c', 6, struct command)
#define CALLS _IOW('c', 7, struct command)

enum { ECHO = 0, SLEEP = 2, DROP = 3 };

#define IDX 26
#define HANDLERS 4
#define PUBLIC 1
/* How long senders fail before the calls are counted again. */
#define QUIET_US 2000

static int done, fd;
static long sent;

static int command(unsigned long which, uint32_t val, uint32_t what, uint32_t argument)
{
	struct command numbers = {
		.idx = IDX, .val = val, .what = what, .argument = argument, .second = val,
		.access = PUBLIC,
	};
	int ret = ioctl(fd, which, &numbers);

	return ret < 0 ? -errno : ret;
}

/* A handler that drops itself may be unreachable a moment before its id is free. */
static int add(uint32_t val, uint32_t what, uint32_t argument)
{
	int tries, ret;

	for (tries = 0; (ret = command(ADD, val, what, argument)) == -EINVAL &&
	     tries < cn_timeout(); tries++)
		usleep(1000);
	return ret;
}

static void *send_until_done(void *arg)
{
	unsigned int random = seed_of((unsigned long)arg);
	int own = cn_open_in_group(0), size = 1 << 20;
	uint8_t datagram[256] = {}, rest[4096];

	setsockopt(own, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	while (!__atomic_load_n(&done, __ATOMIC_SEQ_CST)) {
		size_t len = 0;
		int n = 1 + rand_r(&random) % 3;

		for (; n; n--) {
			struct cn_packet p = { .id = { IDX, rand_r(&random) % HANDLERS } };

			len = NLMSG_ALIGN(len + cn_build(datagram + len, &p));
		}
		if (cn_send_raw(own, datagram, len) > 0)
			__atomic_add_fetch(&sent, 1, __ATOMIC_RELAXED);
		while (recv(own, rest, sizeof(rest), MSG_DONTWAIT) > 0)
			;
	}
	close(own);
	return NULL;
}

/*
 * A handler that replies and one that sleeps are freed when the drop has returned. Returns the
 * number of those that are not.
 */
static long drop_outside(int *errors)
{
	*errors += add(0, ECHO, 0) != 0;
	*errors += add(1, SLEEP, 1) != 0;
	usleep(QUIET_US);
	*errors += command(DELETE, 0, 0, 0) != 0;
	*errors += command(DELETE, 1, 0, 0) != 0;
	return command(ALIVE, 0, 0, 0);
}

/*
 * Two handlers drop themselves in a call, unless they are dropped before. Returns the number that
 * did.
 */
static long drop_inside(int *errors)
{
	long inside = 0;
	uint32_t val;
	int ret;

	for (val = 2; val < HANDLERS; val++)
		*errors += add(val, DROP, IDX) != 0;
	usleep(QUIET_US);
	for (val = 2; val < HANDLERS; val++) {
		ret = command(DELETE, val, 0, 0);
		inside += ret == -ENOENT;
		*errors += ret && ret != -ENOENT;
	}
	return inside;
}

/* Of dropped handlers: later calls, and handlers that stayed in memory. */
static long count_late(int *left)
{
	int tries, calls;

	for (tries = 0; (*left = command(ALIVE, 0, 0, 0)) && tries < cn_timeout(); tries++)
		usleep(1000);
	calls = command(CALLS, 0, 0, 0);
	usleep(QUIET_US);
	return command(CALLS, 0, 0, 0) - calls;
}

int main(int argc, char **argv)
{
	long inside = 0, late = 0, rounds, round;
	int i, n, errors = 0, left = 0, calls;
	pthread_t senders[64];

	if (argc != 3 || atoi(argv[2]) > 64) {
		printf("usage: storm_handlers <rounds> <senders>\n");
		return 1;
	}
	fd = open("/dev/cn-rust-client", O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		printf("cn_rust_client must be loaded\n");
		return 1;
	}
	rounds = atol(argv[1]) / HANDLERS;
	n = atoi(argv[2]);
	calls = -command(CALLS, 0, 0, 0);
	for (i = 0; i < n; i++)
		if (pthread_create(&senders[i], NULL, send_until_done, (void *)(long)(i + 1)))
			return 1;
	for (round = 0; round < rounds && !errors && !late && !left; round++) {
		late += drop_outside(&errors);
		inside += drop_inside(&errors);
		late += count_late(&left);
	}
	late += count_late(&left);
	__atomic_store_n(&done, 1, __ATOMIC_SEQ_CST);
	for (i = 0; i < n; i++)
		pthread_join(senders[i], NULL);
	calls += command(CALLS, 0, 0, 0);
	close(fd);
	printf("%ld Rust handlers, %ld dropped by themselves, %ld datagrams, %d calls, %ld late, %d left, %d errors\n",
	       round * HANDLERS, inside, sent, calls, late, left, errors);
	return errors || late || left || calls <= 0 || !inside;
}
