// SPDX-License-Identifier: GPL-2.0
/*
 * The time to register and unregister on one processor under attack of unprivileged programs on the
 * other. One of the lowest priority sends to unregistered ids, beside others that spin. Runs on
 * either connector. Prints the longest time, in ms.
 *
 *   storm_attack <seconds> <spinners>
 */
#include "../cn_client.h"
#include "../cn_priority.h"
#include "../cn_watchdog.h"

#define SPINNERS_MOST 100
#define IDX 7

static void send_for_ever(void)
{
	static uint8_t datagram[64 * 1024];
	struct cn_packet p = { .id = { 99, 99 } };
	size_t len = 0;
	int fd;

	while (len + 64 < sizeof(datagram))
		len += cn_build(datagram + len, &p);
	set_policy(SCHED_IDLE, 0);
	become_user();
	fd = cn_open();
	while (cn_send_raw(fd, datagram, len) > 0)
		;
	_exit(1);
}

/* All at once, with a rest in which the sender runs. */
static void spin_for_ever(void)
{
	become_user();
	for (;;) {
		while (watchdog_ms() % 1000 > 10)
			;
		usleep(10 * 1000);
	}
}

static pid_t start(void (*run)(void))
{
	pid_t child = fork();

	if (!child) {
		stay_on(0);
		run();
	}
	return child;
}

int main(int argc, char **argv)
{
	pid_t children[SPINNERS_MOST + 1];
	long long end, begin, took, longest = 0;
	int spinners, i, errors = 0;
	long rounds = 0;

	if (argc != 3 || atoi(argv[2]) > SPINNERS_MOST) {
		fprintf(stderr,
			"usage: storm_attack <seconds> <spinners>, with cn_client loaded\n");
		return 1;
	}
	spinners = atoi(argv[2]);
	children[0] = start(send_for_ever);
	for (i = 1; i <= spinners; i++)
		children[i] = start(spin_for_ever);
	stay_on(sysconf(_SC_NPROCESSORS_ONLN) > 1);
	end = watchdog_ms() + atoi(argv[1]) * 1000LL;
	while (watchdog_ms() < end && !errors) {
		begin = watchdog_ms();
		errors = client("add %u:7 x count", IDX) || client("del %u:7", IDX);
		took = watchdog_ms() - begin;
		longest = took > longest ? took : longest;
		rounds++;
		usleep(200);
	}
	for (i = 0; i <= spinners; i++) {
		kill(children[i], SIGKILL);
		waitpid(children[i], NULL, 0);
	}
	fprintf(stderr, "%ld rounds, the longest took %lld ms, %d errors\n", rounds, longest,
		errors);
	printf("%lld\n", longest);
	return errors || !rounds;
}
