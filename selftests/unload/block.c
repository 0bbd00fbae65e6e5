// SPDX-License-Identifier: GPL-2.0
/*
 * Callbacks that take as long as a program lets them (modules/cn_rust_block.rs). Unrelated tasks
 * are not delayed, and operations that wait for the callbacks end with them.
 */
#include <pthread.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "cn_client.h"
#include "cn_module.h"
#include "cn_notify.h"
#include "cn_privilege.h"
#include "cn_watchdog.h"

#define BLOCK_IDX 43
#define GATE 1
#define OPEN 2
#define COUNT 3
#define CHURN 4
#define MISSED 5
#define GROUPS 6
#define CHURN_ANOTHER 7
#define SLEEP 95
#define CHURNED 98
#define BLOCK_TRIGGER 99
#define GROUP 7
#define PORT 5555
#define TASKS 500
/* More than the kernel runs of one workqueue at once: WQ_MAX_ACTIVE. */
#define SLEEPERS 2300
#define FEW_WATCHERS 2500
/* 140,000 events; a watcher takes five minutes for as many. */
#define CHURN_MS 30000

FIXTURE(block)
{
	int fd;
	pid_t inside;
};

FIXTURE_SETUP(block)
{
	CN_NEEDS_NO_CONNECTOR();
	ASSERT_EQ(0, module_load_with_client(""));
	self->fd = cn_open_in_group(0);
	ASSERT_LE(0, self->fd);
	self->inside = -1;
}

static int send_from(int fd, uint32_t val)
{
	struct cn_packet p = { .id = { BLOCK_IDX, val } };
	int ret = cn_send(fd, &p);

	return ret < 0 ? ret : 0;
}

FIXTURE_TEARDOWN(block)
{
	EXPECT_EQ(0, send_from(self->fd, OPEN));
	if (self->inside >= 0)
		EXPECT_EQ(0, end_process(self->inside, SOON_MS));
	close(self->fd);
	if (module_is_loaded("cn_rust_block"))
		EXPECT_EQ(0, unload_within("cn_rust_block"));
	EXPECT_EQ(0, unload_client());
	/* The calls of the tasks must have left nothing that is reclaimed recursively. */
	EXPECT_EQ(0, unload_within("cn"));
}

/* The number that the module replies with. */
static int count(int fd, uint32_t val)
{
	struct cn_packet p = { .id = { BLOCK_IDX, val } };
	static struct cn_received got;
	uint32_t number;
	int ret = cn_send(fd, &p);

	if (ret > 0)
		ret = cn_receive(fd, &got);
	if (ret < 0)
		return ret;
	memcpy(&number, cn_message(&got)->data, sizeof(number));
	return number;
}

static void *go_inside(void *fd)
{
	return (void *)(long)send_from(*(int *)fd, GATE);
}

/* A process with the given number of threads, which all enter the callback and return. */
static int many_tasks(const void *arg)
{
	int n = *(const int *)arg, fd = cn_open_in_group(0), i, errors = 0;
	pthread_t *threads = calloc(n, sizeof(*threads));
	pthread_attr_t attr;
	void *ret;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 64 * 1024);
	for (i = 0; i < n; i++)
		if (pthread_create(&threads[i], &attr, go_inside, &fd))
			_exit(ENOMEM);
	for (i = 0; i < n; i++) {
		pthread_join(threads[i], &ret);
		errors += ret != NULL;
	}
	return errors ? -EIO : 0;
}

static int wait_for_inside(int fd, int n)
{
	long long end = watchdog_ms() + cn_timeout();
	int inside;

	while ((inside = count(fd, COUNT)) < n && inside >= 0 && watchdog_ms() < end)
		usleep(5000);
	return inside;
}

static int register_another(const void *arg)
{
	int ret;

	client_close();
	ret = client("add %u:60 x count", BLOCK_IDX);
	return ret ? ret : client("del %u:60", BLOCK_IDX);
}

TEST_F(block, many_tasks_delay_no_other_id)
{
	int tasks = cn_repeat(TASKS), i;

	ASSERT_EQ(0, load_within("cn_rust_block", ""));
	self->inside = begin_process(many_tasks, &tasks);
	ASSERT_EQ(tasks, wait_for_inside(self->fd, tasks));
	for (i = 0; i < 20; i++)
		ASSERT_EQ(0, run_within(SOON_MS, register_another, NULL));
	EXPECT_TRUE(is_running(self->inside));
}

TEST_F(block, unloading_ends_with_the_last_call)
{
	int tasks = 20;
	pid_t unload;

	ASSERT_EQ(0, load_within("cn_rust_block", ""));
	self->inside = begin_process(many_tasks, &tasks);
	ASSERT_EQ(tasks, wait_for_inside(self->fd, tasks));
	unload = begin_process(unload_named, "cn_rust_block");
	usleep(cn_pause() * 1000);
	EXPECT_TRUE(is_running(unload));
	/* Meanwhile other tasks make progress. */
	EXPECT_EQ(0, run_within(SOON_MS, register_another, NULL));
	EXPECT_EQ(0, run_within(SOON_MS, use_a_socket, NULL));
	EXPECT_EQ(0, send_from(self->fd, OPEN));
	EXPECT_EQ(0, end_process(unload, SOON_MS));
}

/* A watcher of sockets ends a registration whose handler is in a call. */
TEST_F(block, a_socket_watcher_that_unregisters_holds_up_nobody)
{
	int tasks = 1;

	ASSERT_EQ(0, load_within("cn_rust_block", "end_on_close=1"));
	self->inside = begin_process(many_tasks, &tasks);
	ASSERT_EQ(tasks, wait_for_inside(self->fd, tasks));
	EXPECT_EQ(0, run_within(SOON_MS, use_a_socket, NULL));
	EXPECT_EQ(0, run_within(SOON_MS, use_a_socket, NULL));
	EXPECT_EQ(0, run_within(SOON_MS, register_another, NULL));
	EXPECT_TRUE(is_running(self->inside));
}

static int register_trigger(const void *arg)
{
	client_close();
	return client("add %u:%u x count", BLOCK_IDX, BLOCK_TRIGGER);
}

TEST_F(block, a_watcher_that_unregisters_holds_up_nobody)
{
	int tasks = 1;

	ASSERT_EQ(0, load_within("cn_rust_block", "end_on_register=1"));
	self->inside = begin_process(many_tasks, &tasks);
	ASSERT_EQ(tasks, wait_for_inside(self->fd, tasks));
	EXPECT_EQ(0, run_within(SOON_MS, register_trigger, NULL));
	EXPECT_EQ(0, run_within(SOON_MS, register_another, NULL));
	EXPECT_EQ(0, run_within(SOON_MS, use_a_socket, NULL));
	EXPECT_FALSE(is_shown(" 43:1\n"));
	EXPECT_TRUE(is_running(self->inside));
}

/* -- A watcher that waits for room in a socket ------------------------------ */

/* Has a small buffer and never reads. Closes its socket on command. */
struct reader {
	int ready[2], go[2];
	bool ends_by_itself;
};

static int never_read(const void *arg)
{
	const struct reader *reader = arg;
	int fd, size = 1;
	char word = 'x';

	become_user();
	fd = cn_open();
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (cn_bind(fd, PORT, 0) || write(reader->ready[1], &word, 1) != 1 ||
	    read(reader->go[0], &word, 1) != 1)
		return -EIO;
	close(fd);
	if (!reader->ends_by_itself)
		pause();
	return 0;
}

static int register_many(const void *arg)
{
	int i, ret = 0;

	client_close();
	for (i = 0; i < 50 && !ret; i++)
		ret = client("add %u:%u x count", BLOCK_IDX, 100 + i);
	return ret;
}

/* Another program, which does not share a lock with the one above. */
static int load_another(const void *arg)
{
	int ret = module_load("cn_rust_module", "");

	return ret ? ret : module_unload_soon("cn_rust_module");
}

static void check_full_socket(struct __test_metadata *_metadata, struct reader *reader)
{
	pid_t program;
	char word;

	ASSERT_EQ(0, pipe(reader->ready));
	ASSERT_EQ(0, pipe(reader->go));
	program = begin_process(never_read, reader);
	ASSERT_EQ(1, read(reader->ready[0], &word, 1));
	ASSERT_EQ(0, load_within("cn_rust_block", "port=5555"));
	/* The watcher waits, as it has declared. Nothing else waits. */
	EXPECT_EQ(0, run_within(SOON_MS, register_many, NULL));
	EXPECT_EQ(0, run_within(SOON_MS, load_another, NULL));
	EXPECT_EQ(0, run_within(SOON_MS, use_a_socket, NULL));
	if (reader->ends_by_itself) {
		ASSERT_EQ(1, write(reader->go[1], "x", 1));
		EXPECT_EQ(0, end_process(program, SOON_MS));
	} else {
		kill(program, SIGKILL);
		EXPECT_EQ(-EINTR, end_process(program, SOON_MS));
	}
	EXPECT_EQ(0, run_within(SOON_MS, load_another, NULL));
	/* Nothing is left of the wait. */
	EXPECT_EQ(0, module_unload_soon("cn_rust_block"));
}

TEST_F(block, closing_a_full_socket_ends)
{
	struct reader reader = { .ends_by_itself = true };

	check_full_socket(_metadata, &reader);
}

TEST_F(block, killing_the_owner_of_a_full_socket_ends)
{
	struct reader reader = { .ends_by_itself = false };

	check_full_socket(_metadata, &reader);
}

/* -- Watchers that are slower than their events ----------------------------- */

/* With many checks, a kernel takes minutes for the number of events that reaches a limit. */
static bool is_slow(void)
{
	return cn_limit(1) > 1;
}

/* More than a watcher may be behind. */
static int churn_by(uint32_t val)
{
	uint32_t times = is_slow() ? 300 : 70000;
	struct cn_packet p = { .id = { BLOCK_IDX, val }, .data = &times,
			       .data_len = sizeof(times) };
	int fd, ret;

	become_user();
	fd = cn_open_in_group(0);
	ret = cn_send(fd, &p);
	return ret < 0 ? ret : 0;
}

static int churn(const void *arg)
{
	return churn_by(CHURN);
}

static int churn_another(const void *arg)
{
	return churn_by(CHURN_ANOTHER);
}

TEST_F(block, a_slow_watcher_holds_up_nobody)
{
	long long end;
	int missed = is_slow();

	ASSERT_EQ(0, load_within("cn_rust_block", "slow_us=5000"));
	EXPECT_EQ(0, run_within(CHURN_MS, churn, NULL));
	EXPECT_EQ(0, run_within(SOON_MS, register_another, NULL));
	EXPECT_EQ(0, run_within(SOON_MS, use_a_socket, NULL));
	end = watchdog_ms() + cn_timeout();
	while (!is_slow() && (missed = count(self->fd, MISSED)) == 0 && watchdog_ms() < end)
		usleep(1000);
	EXPECT_LE(1, missed);
	/* Pending events are not delivered any more. */
	EXPECT_EQ(0, unload_within("cn_rust_block"));
}

static int register_for_sleepers(const void *arg)
{
	client_close();
	return client("add %u:%u x count", BLOCK_IDX, SLEEP);
}

/* However many watchers sleep, the others are notified: one of ids, and one of sockets. */
TEST_F(block, watchers_that_sleep_delay_no_watcher)
{
	int sleepers = cn_repeat(SLEEPERS), fd;
	long long end;
	char params[64];

	snprintf(params, sizeof(params), "end_on_register=1 sleepers=%d", sleepers);
	ASSERT_EQ(0, load_within("cn_rust_block", params));
	ASSERT_EQ(0, run_within(SOON_MS, register_for_sleepers, NULL));
	ASSERT_EQ(sleepers, wait_for_inside(self->fd, sleepers));
	EXPECT_EQ(0, run_within(SOON_MS, register_trigger, NULL));
	end = watchdog_ms() + cn_timeout();
	while (is_shown(" 43:1\n") && watchdog_ms() < end)
		usleep(1000);
	EXPECT_FALSE(is_shown(" 43:1\n"));
	EXPECT_EQ(sleepers, count(self->fd, COUNT));
	/* The built-in connector notifies a guest of no group. */
	if (provider_is_guest())
		return;
	fd = cn_open_in_group(GROUP);
	end = watchdog_ms() + cn_timeout();
	while (!count(self->fd, GROUPS) && watchdog_ms() < end)
		usleep(1000);
	EXPECT_LE(1, count(self->fd, GROUPS));
	EXPECT_EQ(sleepers, count(self->fd, COUNT));
	close(fd);
}

/* How long unloading takes in ms, with as many watchers; the shortest of some times. */
static long long unload_ms(int watchers, int forgets)
{
	long long shortest = -1, begin, took;
	char params[64];
	int i;

	snprintf(params, sizeof(params), "sleepers=%d forgets=%d", watchers, forgets);
	for (i = 0; i < 3; i++) {
		if (load_within("cn_rust_block", params))
			return -1;
		begin = watchdog_ms();
		if (unload_within("cn_rust_block"))
			return -1;
		took = watchdog_ms() - begin;
		if (shortest < 0 || took < shortest)
			shortest = took;
	}
	return shortest;
}

/* Eight times as many watchers take some eight times the time to unload, not 64 times. */
TEST_F(block, unloading_takes_as_long_as_there_are_watchers)
{
	int few = cn_repeat(FEW_WATCHERS), forgets;

	for (forgets = 0; forgets < 2; forgets++) {
		long long of_few = unload_ms(few, forgets), of_many = unload_ms(8 * few, forgets);

		TH_LOG("%d watchers: %lld ms; %d: %lld ms", few, of_few, 8 * few, of_many);
		ASSERT_LT(0, of_few);
		EXPECT_GT(32 * of_few, of_many);
	}
}

/* The drop of a handler waits until the watcher is notified of the unregistration. */
TEST_F(block, watchers_are_notified_before_a_drop)
{
	ASSERT_EQ(0, load_within("cn_rust_block", "drop_waits=1"));
	EXPECT_EQ(0, unload_within("cn_rust_block"));
}

/* Only the latest event of a group is delivered. */
TEST_F(block, groups_are_notified_once)
{
	int i, notified, fd = cn_open_in_group(0);
	long long end;

	ASSERT_EQ(0, load_within("cn_rust_block", "slow_us=20000"));
	for (i = 0; i < 1000; i++) {
		ASSERT_EQ(0, cn_join(fd, GROUP));
		ASSERT_EQ(0, cn_leave(fd, GROUP));
	}
	end = watchdog_ms() + cn_timeout();
	while ((notified = count(self->fd, GROUPS)) == 0 && watchdog_ms() < end)
		usleep(1000);
	EXPECT_LE(1, notified);
	EXPECT_GT(500, notified);
	close(fd);
}

/*
 * Each event makes so many messages that another task causes events faster than one sends them.
 * Nothing is sent to the listener's own group. The listener is notified nevertheless that events
 * were skipped.
 */
TEST_F(block, listeners_are_notified_of_skipped_events)
{
	int listener, asks, reads, i;
	struct timeval wait = { .tv_sec = cn_limit(5) };
	pid_t first, second;
	char word;

	if (is_slow())
		return;
	listener = cn_open_in_group(EVENTS + 1);
	asks = cn_open_in_group(0);
	reads = cn_open_in_group(EVENTS);
	ASSERT_EQ(0, load_within("cn_rust_block", ""));
	for (i = 1; i < MAX_PER_SOCKET; i++)
		ASSERT_EQ(0,
			  notify_ask(asks, EVENTS, RANGES({ BLOCK_IDX, i }),
				     RANGES({ CHURNED - 1, 2 })));
	ASSERT_EQ(0, notify_one(asks, EVENTS + 1, BLOCK_IDX + 1000, 1));
	first = begin_process(churn, NULL);
	second = begin_process(churn_another, NULL);
	EXPECT_EQ(0, setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)));
	EXPECT_EQ(-1, recv(listener, &word, 1, 0));
	EXPECT_EQ(ENOBUFS, errno);
	EXPECT_EQ(0, end_process(first, cn_limit(20000)));
	EXPECT_EQ(0, end_process(second, cn_limit(20000)));
	close(listener);
	close(asks);
	close(reads);
}
