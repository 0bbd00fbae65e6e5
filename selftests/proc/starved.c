// SPDX-License-Identifier: GPL-2.0
/*
 * Programs without rights send requests for process events, and read /proc/net/cn_proc. They have
 * the lowest priority beside others that leave them next to no processor time. No other program
 * waits for them.
 */
#include "kselftest_harness.h"
#include "cn_priority.h"
#include "cn_process.h"
#include "cn_watchdog.h"

#define SPINNERS 2
#define MEMBERS 3000
#define READING_MS 12000
/* More than a probe can follow, and for how long they are in turns before others leave them no time. */
#define FAILING 300
#define FAILING_SECONDS 5
#define SESSIONS 20
/*
 * The limit of a reader and of a process that opens and closes a socket. The starved program would
 * take many seconds.
 */
#define READ_MS 1000

FIXTURE(starved)
{
	pid_t children[SPINNERS + 1];
};

FIXTURE_SETUP(starved)
{
	int i;

	CN_NEEDS_PROCESS_EVENTS();
	SKIP_WITHOUT_PROCESS_FILE();
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "one processor");
	for (i = 0; i < SPINNERS; i++) {
		self->children[i] = fork();
		if (!self->children[i]) {
			become_user();
			stay_on(0);
			for (;;)
				;
		}
	}
	self->children[SPINNERS] = 0;
	stay_on(1);
}

FIXTURE_TEARDOWN(starved)
{
	int i;

	for (i = 0; i <= SPINNERS; i++)
		if (self->children[i] > 0)
			kill(self->children[i], SIGKILL);
}

static void fail_to_begin_sessions(void)
{
	setsid();
	become_starved();
	for (;;)
		setsid();
}

/* They stay where they are then, most of them inside of setsid(). */
TEST_F_TIMEOUT(starved, calls_that_fail_hide_no_session, cn_limit(60))
{
	int count = cn_repeat(FAILING), began = 0, fd, i;
	pid_t programs[FAILING], child;
	struct process_message m;

	fd = process_open(PROC_EVENT_SID);
	ASSERT_LE(0, fd);
	for (i = 0; i < SPINNERS; i++)
		kill(self->children[i], SIGSTOP);
	for (i = 0; i < count; i++) {
		programs[i] = fork();
		if (!programs[i])
			fail_to_begin_sessions();
	}
	sleep(FAILING_SECONDS);
	for (i = 0; i < SPINNERS; i++)
		kill(self->children[i], SIGCONT);
	sleep(1);
	/* Their own sessions may have been too many for the buffer. */
	while (process_read_within(fd, &m, 0) != -ETIMEDOUT)
		;
	for (i = 0; i < SESSIONS; i++) {
		child = fork();
		if (!child) {
			setsid();
			_exit(0);
		}
		waitpid(child, NULL, 0);
		while (!process_read_within(fd, &m, cn_limit(1000))) {
			if (process_subject(&m.event) == child) {
				began++;
				break;
			}
		}
	}
	/* They end only if they get some time. */
	for (i = 0; i < SPINNERS; i++)
		kill(self->children[i], SIGSTOP);
	for (i = 0; i < count; i++)
		kill(programs[i], SIGKILL);
	for (i = 0; i < count; i++)
		waitpid(programs[i], NULL, 0);
	EXPECT_EQ(SESSIONS, began);
	close(fd);
}

static int listen_once(const void *arg)
{
	int fd = process_open(0);

	return fd < 0 ? fd : 0;
}

/* Hooks are attached for it, and meanwhile for another one. */
TEST_F(starved, requests_hold_up_no_other_request)
{
	int tries;

	/* The hooks that users needed before stay attached for ten seconds. */
	for (tries = 0; !process_file_has("attached\n") && tries < 150; tries++)
		usleep(100 * 1000);
	ASSERT_TRUE(process_file_has("attached\n"));
	self->children[SPINNERS] = fork();
	if (!self->children[SPINNERS]) {
		int fd;

		become_starved();
		fd = cn_open_in_group(CN_IDX_PROC);
		process_operation(fd, PROC_CN_MCAST_LISTEN, 1, 1);
		for (;;)
			pause();
	}
	for (tries = 0; process_file_has("attached\n") && tries < cn_timeout() / 20; tries++)
		usleep(20 * 1000);
	EXPECT_EQ(0, run_within(SOON_MS, listen_once, NULL));
}

TEST_F(starved, readers_hold_up_nobody)
{
	long long end, begin, read_ms = 0, socket_ms = 0;
	int ready[2], i;
	char byte;

	ASSERT_EQ(0, pipe(ready));
	self->children[SPINNERS] = fork();
	if (!self->children[SPINNERS]) {
		raise_limit_of_files(MEMBERS);
		become_user();
		for (i = 0; i < cn_repeat(MEMBERS); i++)
			must(cn_open_in_group(CN_IDX_PROC) >= 0, "member");
		must(write(ready[1], "", 1) == 1, "pipe");
		become_starved();
		for (;;)
			free(read_file(PROCESS_FILE));
	}
	ASSERT_EQ(1, read(ready[0], &byte, 1));
	end = watchdog_ms() + READING_MS;
	while (watchdog_ms() < end) {
		begin = watchdog_ms();
		free(read_file(PROCESS_FILE));
		read_ms = watchdog_ms() - begin > read_ms ? watchdog_ms() - begin : read_ms;
		begin = watchdog_ms();
		close(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
		socket_ms = watchdog_ms() - begin > socket_ms ? watchdog_ms() - begin : socket_ms;
		usleep(1000);
	}
	TH_LOG("at most %lld ms for a reader, %lld ms for a socket", read_ms, socket_ms);
	EXPECT_GE(cn_limit(READ_MS), read_ms);
	EXPECT_GE(cn_limit(READ_MS) / 2, socket_ms);
}
