// SPDX-License-Identifier: GPL-2.0
/*
 * Registers and unregisters an id as fast as possible while others send to it. The test module
 * marks the id as dead when unregistering has returned. A call after that counts as late.
 *
 *   storm_register <rounds> <senders>
 */
#include <pthread.h>

#include "../cn_client.h"

#define IDX 25
#define STEP_MS 2000

static int done;

static void *send_until_done(void *arg)
{
	struct cn_packet p = { .id = { IDX, 1 } };
	uint8_t datagram[64];
	int fd = cn_open_in_group(0);
	long sent = 0;

	while (!__atomic_load_n(&done, __ATOMIC_SEQ_CST))
		sent += cn_send_raw(fd, datagram, cn_build(datagram, &p)) > 0;
	close(fd);
	return (void *)sent;
}

int main(int argc, char **argv)
{
	pthread_t senders[64];
	long long rounds = 0, calls = 0, late = 0, step;
	long wanted, sent = 0;
	int i, n, errors = 0;
	void *of_one;

	if (argc != 3 || atoi(argv[2]) > 64) {
		printf("usage: storm_register <rounds> <senders>\n");
		return 1;
	}
	wanted = atol(argv[1]);
	n = atoi(argv[2]);
	for (i = 0; i < n; i++)
		if (pthread_create(&senders[i], NULL, send_until_done, NULL))
			return 1;
	while (rounds < wanted && !errors && !late) {
		errors += client("clear") != 0;
		errors += client("storm %u:1 %u", IDX, STEP_MS) != 0;
		step = client_value("result");
		errors += step <= 0;
		rounds += step;
		calls += callback_value(IDX, 1, "calls");
		late += callback_value(IDX, 1, "late");
		errors += callback_value(IDX, 1, "running") != 0;
	}
	__atomic_store_n(&done, 1, __ATOMIC_SEQ_CST);
	for (i = 0; i < n; i++) {
		pthread_join(senders[i], &of_one);
		sent += (long)of_one;
	}
	errors += client("clear") != 0;
	client_close();
	printf("%lld rounds, %ld sent, %lld calls, %lld late, %d errors\n", rounds, sent, calls,
	       late, errors);
	return errors || late || !calls;
}
