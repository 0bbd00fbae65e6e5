// SPDX-License-Identifier: GPL-2.0
/*
 * Random schedules of callbacks that register and unregister each other and themselves and sleep in
 * between. Several tasks send them while others do the same from outside (modules/steps.c). Each
 * returns in time, and at the end nothing is running.
 *
 *   storm_steps <schedules> <seed>
 */
#include <pthread.h>
#include <time.h>

#include "../cn_module.h"

#define IDX 27
#define IDS 8
#define THREADS 6
/* Without the time that the steps themselves sleep. */
#define LIMIT_MS 1000

enum { SLEEP, DEL, ADD };

static int per_thread, seed;

struct worker {
	pthread_t thread;
	int number;
	long longest_ms;
	int errors, unregistered;
};

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int make_steps(uint8_t *steps, unsigned int *random, int *unregistered)
{
	int n = 1 + rand_r(random) % 6, i, what;

	for (i = 0; i < n; i++) {
		what = rand_r(random) % 5;
		steps[2 * i] = what == 0 ? SLEEP : what < 3 ? DEL : ADD;
		steps[2 * i + 1] = what == 0 ? rand_r(random) % 30 : rand_r(random) % IDS;
		*unregistered += steps[2 * i] == DEL;
	}
	return 2 * n;
}

/* Even ones send, odd ones write: inside and outside of callbacks. */
static void *work(void *arg)
{
	struct worker *w = arg;
	unsigned int random = seed * 1000 + w->number;
	int fd = w->number % 2 ? open("/proc/steps", O_WRONLY | O_CLOEXEC) : cn_open_in_group(0);
	uint8_t steps[16], datagram[64];
	int i, len, ret;
	long start;

	for (i = 0; i < per_thread; i++) {
		struct cn_packet p = { .id = { IDX, rand_r(&random) % IDS }, .data = steps };

		len = make_steps(steps, &random, &w->unregistered);
		p.data_len = len;
		start = now_ms();
		if (w->number % 2)
			ret = write(fd, steps, len);
		else
			ret = cn_send_raw(fd, datagram, cn_build(datagram, &p));
		w->errors += ret < 0;
		if (now_ms() - start > w->longest_ms)
			w->longest_ms = now_ms() - start;
	}
	close(fd);
	return NULL;
}

int main(int argc, char **argv)
{
	struct worker workers[THREADS] = {};
	int i, calls = 0, running = -1, errors = 0, unregistered = 0;
	uint8_t all[2 * IDS];
	long longest = 0;
	char *text;

	if (argc != 3) {
		printf("usage: storm_steps <schedules> <seed>\n");
		return 1;
	}
	per_thread = atoi(argv[1]) / THREADS + 1;
	seed = atoi(argv[2]);
	for (i = 0; i < THREADS; i++) {
		workers[i].number = i;
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			return 1;
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(workers[i].thread, NULL);
		errors += workers[i].errors;
		unregistered += workers[i].unregistered;
		if (workers[i].longest_ms > longest)
			longest = workers[i].longest_ms;
	}
	for (i = 0; i < IDS; i++) {
		all[2 * i] = DEL;
		all[2 * i + 1] = i;
	}
	i = open("/proc/steps", O_WRONLY | O_CLOEXEC);
	if (write(i, all, sizeof(all)) != sizeof(all))
		errors++;
	close(i);
	text = read_file("/proc/steps");
	if (!text || sscanf(text, "%d %d", &calls, &running) != 2)
		errors++;
	if (strstr(read_file("/proc/net/connector"), "steps"))
		errors++;
	printf("%d schedules, %d in callbacks, %d times unregistered, the longest took %ld ms, %d errors, %d running\n",
	       per_thread * THREADS, calls, unregistered, longest, errors, running);
	return errors || running || !calls || longest > cn_limit(LIMIT_MS);
}
