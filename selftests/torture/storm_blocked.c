// SPDX-License-Identifier: GPL-2.0
/*
 * Many tasks are inside a callback at once, and return. Meanwhile another id is registered and
 * unregistered as fast as before. Unloading both modules afterwards uses no more stack than without
 * the tasks. Needs cn, cn_client and cn_rust_block loaded, and unloads them.
 *
 *   storm_blocked <tasks>
 */
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "../cn_client.h"
#include "../cn_module.h"
#include "../cn_watchdog.h"

#define IDX 43
/* The numbers of cn_rust_block.rs. */
#define GATE 1
#define OPEN 2
#define COUNT 3
#define ROUNDS 200
#define STACK (16 * 1024)
/* The limit until the last one is inside, and until it has returned. */
#define TASKS_MS 300000

static int fd;

static int send_to(uint32_t val)
{
	struct cn_packet p = { .id = { IDX, val } };

	return cn_send(fd, &p);
}

static void *go_inside(void *unused)
{
	send_to(GATE);
	return NULL;
}

/* One process has all of the threads, so that they share its resources. */
static int many_tasks(const void *arg)
{
	int n = *(const int *)arg, i;
	pthread_t *threads = calloc(n, sizeof(*threads));
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	pthread_attr_setguardsize(&attr, 0);
	for (i = 0; i < n; i++)
		if (pthread_create(&threads[i], &attr, go_inside, NULL))
			break;
	n = i;
	for (i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	return 0;
}

static int count_inside(void)
{
	static struct cn_received got;
	uint32_t number;

	if (send_to(COUNT) < 0 || cn_receive(fd, &got) < 0)
		return -1;
	memcpy(&number, cn_message(&got)->data, sizeof(number));
	return number;
}

/* The time of the slowest of many rounds, in ms. */
static long long register_others(void)
{
	long long begin, took, longest = 0;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		begin = watchdog_ms();
		if (client("add %u:60 x count", IDX) || client("del %u:60", IDX))
			return -1;
		took = watchdog_ms() - begin;
		longest = took > longest ? took : longest;
	}
	return longest;
}

/* Until the number inside no longer grows, for lack of memory or because all are inside. */
static int wait_for_inside(int tasks)
{
	int inside = 0, before = -1, same = 0;

	while (inside < tasks && same < 20) {
		usleep(cn_limit(50) * 1000);
		inside = count_inside();
		same = inside == before ? same + 1 : 0;
		before = inside;
	}
	return inside;
}

int main(int argc, char **argv)
{
	long long before, during, start;
	int tasks, inside, block, back, cn;
	pid_t child;

	if (argc != 2) {
		printf("usage: storm_blocked <tasks>\n");
		return 1;
	}
	tasks = atoi(argv[1]);
	setrlimit(RLIMIT_NPROC, &(struct rlimit){ RLIM_INFINITY, RLIM_INFINITY });
	fd = cn_open_in_group(0);
	before = register_others();
	child = begin_process(many_tasks, &tasks);
	inside = wait_for_inside(tasks);
	during = register_others();
	send_to(OPEN);
	back = end_process(child, TASKS_MS);
	close(fd);
	client_close();
	start = watchdog_ms();
	block = unload_within("cn_rust_block");
	if (!block)
		block = unload_within("cn_client");
	cn = block ? -EBUSY : unload_within("cn");
	printf("%d of %d tasks inside, others take %lld ms at most (%lld before), unloading %lld ms (%d, %d, %d)\n",
	       inside, tasks, during, before, watchdog_ms() - start, back, block, cn);
	return inside < tasks || before < 0 || during < 0 || during > cn_limit(200) + before ||
	       back || block || cn;
}
