// SPDX-License-Identifier: GPL-2.0
/*
 * Thousands of listeners to process events, users that send requests over and over, and users that
 * read /proc/net/cn_proc. Requests of other users are as fast as without them.
 */
#include <limits.h>

#include "kselftest_harness.h"
#include "cn_priority.h"
#include "cn_process.h"
#include "cn_watchdog.h"

#define LISTENERS 10000
#define USERS 8
#define SOCKETS_OF_A_USER 20
#define ROUNDS 100
#define BATCHES 40
/* The most that requests may slow down, with all of the listeners, and beside disturbing users. */
#define RATIO 5
/* And an absolute allowance, which is small for so many requests. */
#define TICKS_US 20000

static long long now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static void listen_and_ignore(int fd)
{
	must(process_filtered(fd, PROC_CN_MCAST_LISTEN, PROC_EVENT_SID, 1, 1) > 0, "listening");
	must(process_ignore(fd) > 0, "ignoring");
	/* Both answers. */
	recv(fd, NULL, 0, MSG_DONTWAIT);
	recv(fd, NULL, 0, MSG_DONTWAIT);
}

/* The time of many requests. The clock may tick once in ten milliseconds. */
static long long time_of_requests(int fd)
{
	long long begin = now_us();
	int i;

	for (i = 0; i < ROUNDS; i++)
		listen_and_ignore(fd);
	return now_us() - begin;
}

/*
 * The shortest time: a processor of a guest may pause while it holds a lock that others spin for.
 */
static long long shortest_time(int fd)
{
	long long time, shortest = LLONG_MAX;
	int i;

	for (i = 0; i < cn_repeat(BATCHES); i++) {
		time = time_of_requests(fd);
		shortest = time < shortest ? time : shortest;
	}
	return shortest;
}

/* A socket that listens, and is not in the group. */
static int open_listener(void)
{
	int fd = cn_open_in_group(0);

	must(fd >= 0 && process_filtered(fd, PROC_CN_MCAST_LISTEN, PROC_EVENT_SID, 1, 1) > 0,
	     "listening");
	return fd;
}

/* They are closed with the process. */
static void open_listeners(int count)
{
	raise_limit_of_files(count);
	while (count--)
		open_listener();
}

FIXTURE(many_listeners)
{
	int fd;
};

FIXTURE_SETUP(many_listeners)
{
	CN_NEEDS_PROCESS_EVENTS();
	SKIP_WITHOUT_PROCESS_FILE();
	self->fd = cn_open_in_group(0);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(many_listeners)
{
}

TEST_F(many_listeners, does_not_make_requests_slower)
{
	long long few, many;

	open_listeners(1);
	few = shortest_time(self->fd);
	open_listeners(cn_repeat(LISTENERS));
	many = shortest_time(self->fd);
	TH_LOG("%lld us with one listener, %lld us with %u", few, many, cn_repeat(LISTENERS));
	EXPECT_GE(RATIO * few + TICKS_US, many);
}

/* Other listeners start and stop, and the reader stops in the middle of lines. */
TEST_F(many_listeners, is_shown_completely)
{
	static char text[LISTENERS / 5 * 200], expected[64];
	int count = cn_repeat(LISTENERS / 5), i, file, child;
	uint32_t ports[LISTENERS / 5];
	size_t len = 0;
	ssize_t n;

	raise_limit_of_files(count);
	for (i = 0; i < count; i++)
		ports[i] = cn_port(open_listener());
	child = fork();
	if (!child)
		for (;;)
			close(open_listener());
	file = open(PROCESS_FILE, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, file);
	while ((n = read(file, text + len, 77)) > 0) {
		len += n;
		ASSERT_GT(sizeof(text) - 100, len);
		if (!(len % 5))
			usleep(1000);
	}
	EXPECT_EQ(0, n);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	for (i = 0; i < count; i++) {
		const char *line;

		snprintf(expected, sizeof(expected), "listener port %u ", ports[i]);
		line = find_line(text, expected);
		ASSERT_NE(NULL, line);
		EXPECT_EQ(NULL, find_line(line + 1, expected));
	}
	EXPECT_EQ(77, pread(file, text + len, 77, 0));
	EXPECT_EQ(0, memcmp(text, text + len, strlen("available ")));
	close(file);
}

/* -- Beside users ------------------------------------------------------------------- */

FIXTURE(users)
{
	pid_t children[USERS];
	int fd;
};

FIXTURE_VARIANT(users)
{
	void (*disturb)(void);
};

static void read_for_ever(void)
{
	static char text[1 << 16];
	int fd;

	for (;;) {
		fd = open(PROCESS_FILE, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			_exit(1);
		while (read(fd, text, sizeof(text)) > 0)
			;
		close(fd);
	}
}

static void ask_for_ever(void)
{
	int fds[SOCKETS_OF_A_USER], i;

	for (i = 0; i < SOCKETS_OF_A_USER; i++)
		fds[i] = cn_open_in_group(0);
	for (i = 0;; i = (i + 1) % SOCKETS_OF_A_USER)
		listen_and_ignore(fds[i]);
}

/* Users that do not disturb, but take as much of the processors. */
static void count_for_ever(void)
{
	volatile unsigned int count = 0;

	for (;;)
		count++;
}

FIXTURE_VARIANT_ADD(users, reading) { .disturb = read_for_ever };
FIXTURE_VARIANT_ADD(users, asking) { .disturb = ask_for_ever };

FIXTURE_SETUP(users)
{
	CN_NEEDS_PROCESS_EVENTS();
	SKIP_WITHOUT_PROCESS_FILE();
	memset(self->children, 0, sizeof(self->children));
	self->fd = cn_open_in_group(0);
	ASSERT_LE(0, self->fd);
	open_listener();
}

FIXTURE_TEARDOWN(users)
{
}

static void begin_users(pid_t *children, void (*disturb)(void))
{
	int i;

	for (i = 0; i < USERS; i++) {
		children[i] = fork();
		if (!children[i]) {
			become_user();
			disturb();
		}
	}
	usleep(cn_limit(200) * 1000);
}

/* The number of users that are still running. */
static int end_users(const pid_t *children)
{
	int i, running = 0;

	for (i = 0; i < USERS; i++) {
		running += is_running(children[i]);
		kill(children[i], SIGKILL);
		waitpid(children[i], NULL, 0);
	}
	return running;
}

/* With the highest priority, so that the time contains no wait for the scheduler. */
static long long time_beside(int fd)
{
	long long time;

	set_policy(SCHED_FIFO, 50);
	time = shortest_time(fd);
	set_policy(SCHED_OTHER, 0);
	return time;
}

/* First with one listener and users that do something else, then with all of the listeners. */
TEST_F(users, hold_up_no_request)
{
	long long quiet, disturbed;

	begin_users(self->children, count_for_ever);
	quiet = time_beside(self->fd);
	EXPECT_EQ(USERS, end_users(self->children));
	open_listeners(cn_repeat(LISTENERS));
	begin_users(self->children, variant->disturb);
	disturbed = time_beside(self->fd);
	EXPECT_EQ(USERS, end_users(self->children));
	TH_LOG("%lld us, disturbed %lld us", quiet, disturbed);
	EXPECT_GE(RATIO * quiet + TICKS_US, disturbed);
}
