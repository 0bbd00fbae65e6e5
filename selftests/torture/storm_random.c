// SPDX-License-Identifier: GPL-2.0
/*
 * Loads and unloads modules/cn_rust_random.ko at random moments, each time with another seed.
 * Meanwhile programs send to it, join, leave and close, and others register. The module exits in
 * the middle of any operation, and sometimes fails to start. After each time nothing of it is left.
 * An operation beyond its time limit is a failure, and ends the program.
 *
 *   storm_random <loads at least> <steps of the module at least> <messages of a load at most>
 *                <senders>
 */
#include <sys/mman.h>

#include "../cn_client.h"
#include "../cn_module.h"
#include "../cn_watchdog.h"
#include "seed.h"
#include "senders.h"

#define IDX 45
#define IDS 41
#define PORT 4545
/* The limit of loading, unloading and a check for leftovers together. */
#define LIMIT_MS 20000
/* The interval at which a thread checks whether messages have arrived. */
#define POLL_US 500

/* Shared by both processes. */
struct progress {
	long loads, failed_starts, steps, messages, longest_ms;
	const char *doing;
	int errors;
};

static struct progress *progress;

static int one_message(int fd, unsigned int *random)
{
	struct cn_packet p = { .id = { IDX, rand_r(random) % IDS }, .seq = rand_r(random) };

	if (!(rand_r(random) % 4))
		p.nl_flags = NLM_F_ACK;
	return cn_send(fd, &p);
}

/* One sender has a port that the module knows, and does not read its messages. */
static void *send_until_done(void *arg)
{
	long number = (long)arg;
	unsigned int random = seed_of(number);
	int fd = cn_open();

	if (number == 1)
		cn_bind(fd, PORT, 0);
	while (!__atomic_load_n(&done, __ATOMIC_SEQ_CST)) {
		one_message(fd, &random);
		__atomic_add_fetch(&progress->messages, 1, __ATOMIC_SEQ_CST);
		switch (rand_r(&random) % 16) {
		case 0:
			cn_join(fd, IDX);
			break;
		case 1:
			cn_leave(fd, IDX);
			break;
		case 2:
			close(fd);
			fd = cn_open();
			if (number == 1)
				cn_bind(fd, PORT, 0);
			break;
		case 3:
			if (number > 1)
				cn_drain(fd);
			break;
		case 4:
			usleep(rand_r(&random) % 1000);
			break;
		}
	}
	close(fd);
	return NULL;
}

/* Another client registers among the module's ids, and the module is notified. */
static void register_some(unsigned int *random)
{
	int val = rand_r(random) % IDS;

	client("add %u:%d other count", IDX, val);
	client("del %u:%d", IDX, val);
}

/* Returns the number of steps that the module prints when the last of it is freed. */
static long steps_in(int klog)
{
	static const char text[] = "nothing is left after ";
	char line[8192], *start;
	ssize_t len;

	while ((len = read(klog, line, sizeof(line) - 1)) > 0 || errno == EPIPE) {
		if (len <= 0)
			continue;
		line[len] = '\0';
		start = strstr(line, text);
		if (start)
			return atol(start + strlen(text));
	}
	return -1;
}

static int fail(const char *what)
{
	progress->doing = what;
	progress->errors++;
	return 1;
}

static int one_load(unsigned int *random, long most)
{
	long target = progress->messages + rand_r(random) % (most + 1), steps;
	int klog = klog_mark(), ret, moment = rand_r(random) % 3;
	char params[64];

	snprintf(params, sizeof(params), "seed=%u port=%u", rand_r(random), PORT);
	progress->doing = "loading";
	ret = module_load("cn_rust_random", params);
	progress->failed_starts += ret == -EAGAIN;
	if (ret && ret != -EAGAIN)
		return fail("loading fails");
	progress->doing = "waiting for messages";
	while (!ret && moment && progress->messages < target) {
		register_some(random);
		usleep(POLL_US);
	}
	progress->doing = "unloading";
	if (!ret && module_unload_soon("cn_rust_random"))
		return fail("unloading fails");
	progress->doing = "checking for leftovers";
	register_some(random);
	use_a_socket(NULL);
	if (is_shown(" 45:"))
		return fail("something is registered");
	steps = steps_in(klog);
	if (steps < 0)
		return fail("something is in memory");
	progress->steps += steps;
	progress->loads++;
	close(klog);
	return 0;
}

static long least_loads, least_steps, most_messages;

static int load_often(int unused)
{
	unsigned int random = seed_of(0);
	long long start;
	int errors = 0;

	while (!errors && (progress->loads < least_loads || progress->steps < least_steps)) {
		start = watchdog_ms();
		errors = one_load(&random, most_messages);
		if (watchdog_ms() - start > progress->longest_ms)
			progress->longest_ms = watchdog_ms() - start;
	}
	return errors;
}

static int storm(const void *senders)
{
	with_senders(0, *(const int *)senders, send_until_done, load_often);
	return progress->errors ? -EIO : 0;
}

/* Waits as long as there is progress. */
static int watch(pid_t child)
{
	long before = -1;
	long long since = watchdog_ms();

	while (is_running(child)) {
		if (progress->loads != before) {
			before = progress->loads;
			since = watchdog_ms();
		}
		if (watchdog_ms() - since > cn_limit(LIMIT_MS))
			return -ETIMEDOUT;
		usleep(10 * 1000);
	}
	return end_process(child, SOON_MS);
}

int main(int argc, char **argv)
{
	int senders, ret;

	if (argc != 5 || atoi(argv[4]) > SENDERS_MOST) {
		printf("usage: storm_random <loads> <steps> <messages of a load> <senders>, with cn and cn_client loaded\n");
		return 1;
	}
	least_loads = atol(argv[1]);
	least_steps = atol(argv[2]);
	most_messages = atol(argv[3]);
	senders = atoi(argv[4]);
	progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
	if (progress == MAP_FAILED)
		return 1;
	ret = watch(begin_process(storm, &senders));
	printf("%ld loads, %ld of them failed to start, %ld steps, %ld messages, the longest took %ld ms",
	       progress->loads, progress->failed_starts, progress->steps, progress->messages,
	       progress->longest_ms);
	if (ret)
		printf(", ended with %d: %s", ret, progress->doing);
	printf("\n");
	return ret != 0;
}
