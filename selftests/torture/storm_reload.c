// SPDX-License-Identifier: GPL-2.0
/*
 * Loads and unloads the connector while others open sockets, send, and close. A request that the
 * socket accepts is answered: at no moment is a message lost.
 *
 *   storm_reload <loads> <senders>
 */
#include "../cn_module.h"
#include "seed.h"
#include "senders.h"
#include "slab.h"

static int paused;
static long opened, answered, wrong;

/* To the notification channel, which wants to know more: the answer is EINVAL. */
static void *open_send_close(void *arg)
{
	struct cn_packet p = { .id = { 0xffffffff, 0xffffffff }, .nl_flags = NLM_F_ACK };
	uint8_t datagram[64];
	unsigned int random = seed_of((unsigned long)arg);
	struct cn_received *got = malloc(sizeof(*got));
	struct cn_ack ack;
	int fd, error;

	while (!__atomic_load_n(&done, __ATOMIC_SEQ_CST)) {
		if (__atomic_load_n(&paused, __ATOMIC_SEQ_CST)) {
			usleep(1000 + rand_r(&random) % 5000);
			if (rand_r(&random) % 8)
				continue;
		}
		fd = cn_open();
		if (fd < 0) {
			if (fd != -EPROTONOSUPPORT)
				__atomic_add_fetch(&wrong, 1, __ATOMIC_SEQ_CST);
			continue;
		}
		__atomic_add_fetch(&opened, 1, __ATOMIC_SEQ_CST);
		error = cn_send_raw(fd, datagram, cn_build(datagram, &p));
		if (error > 0)
			error = cn_receive_ack(fd, got, &ack) ? -EIO : ack.error;
		__atomic_add_fetch(error == -EINVAL ? &answered : &wrong, 1, __ATOMIC_SEQ_CST);
		close(fd);
	}
	free(got);
	return NULL;
}

/* Loads and unloads the given number of times. Returns the number of failures. */
static int reload(int loads)
{
	int errors = 0;

	for (; loads && !errors; loads--) {
		errors += module_load("cn", "") != 0;
		usleep(2000);
		__atomic_store_n(&paused, 1, __ATOMIC_SEQ_CST);
		errors += module_unload_soon("cn") != 0;
		__atomic_store_n(&paused, 0, __ATOMIC_SEQ_CST);
	}
	return errors;
}

int main(int argc, char **argv)
{
	static struct slab_use before;
	int loads, errors, grown;

	if (argc != 3 || atoi(argv[2]) > SENDERS_MOST) {
		printf("usage: storm_reload <loads> <senders>\n");
		return 1;
	}
	loads = atoi(argv[1]);
	/* One-time allocations of the kernel do not count as growth. */
	errors = with_senders(loads / 10 + 1, atoi(argv[2]), open_send_close, reload);
	slab_sample_before_loads(&before, loads);
	errors += with_senders(loads, atoi(argv[2]), open_send_close, reload);
	printf("%d loads, %ld sockets opened, %ld answered, %ld otherwise, %d errors", loads,
	       opened, answered, wrong, errors);
	grown = slab_has_grown_by_loads(&before, loads);
	printf("\n");
	return errors || wrong || !answered || opened != answered || grown;
}
