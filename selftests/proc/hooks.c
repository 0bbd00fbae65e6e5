// SPDX-License-Identifier: GPL-2.0
/*
 * When hooks for process events are attached, and the counters of events: features of our provider.
 */
#include "kselftest_harness.h"
#include "cn_privilege.h"
#include "cn_process.h"

/* Hooks are detached in the background; those of users some seconds later. */
static bool soon(const char *line)
{
	int tries;

	for (tries = 0; tries < (cn_timeout() + 10000) / 10; tries++) {
		if (process_file_has(line))
			return true;
		usleep(10 * 1000);
	}
	return false;
}

#define NOTHING_ATTACHED "attached\n"

FIXTURE(hooks)
{
	int fd;
};

FIXTURE_SETUP(hooks)
{
	CN_NEEDS_PROCESS_EVENTS();
	SKIP_WITHOUT_PROCESS_FILE();
	ASSERT_TRUE(soon(NOTHING_ATTACHED));
	self->fd = -1;
}

FIXTURE_TEARDOWN(hooks)
{
	if (self->fd >= 0)
		close(self->fd);
	if (!access(PROCESS_FILE, F_OK))
		EXPECT_TRUE(soon(NOTHING_ATTACHED));
}

TEST_F(hooks, first_listener_attaches_and_last_detaches)
{
	int second;

	self->fd = process_open(0);
	ASSERT_LE(0, self->fd);
	EXPECT_TRUE(process_file_has("attached fork exec exit comm"));
	second = process_open(0);
	ASSERT_LE(0, second);
	close(self->fd);
	self->fd = -1;
	/* Longer than hooks stay attached without a listener. */
	usleep(500 * 1000);
	EXPECT_TRUE(process_file_has("attached fork exec exit comm"));
	EXPECT_TRUE(process_hears(second));
	close(second);
	EXPECT_TRUE(soon(NOTHING_ATTACHED));
}

TEST_F(hooks, only_those_that_somebody_needs)
{
	int second;

	self->fd = process_open(PROC_EVENT_EXEC);
	ASSERT_LE(0, self->fd);
	EXPECT_TRUE(process_file_has("attached exec\n"));
	second = process_open(PROC_EVENT_NONZERO_EXIT);
	ASSERT_LE(0, second);
	EXPECT_TRUE(process_file_has("attached exec exit\n"));
	close(self->fd);
	self->fd = -1;
	EXPECT_TRUE(soon("attached exit\n"));
	close(second);
}

TEST_F(hooks, ignoring_detaches)
{
	self->fd = process_open(0);
	ASSERT_LE(0, self->fd);
	ASSERT_LT(0, process_ignore(self->fd));
	EXPECT_TRUE(soon(NOTHING_ATTACHED));
	EXPECT_FALSE(process_file_has("listener"));
}

/* A socket that requests less than before. */
TEST_F(hooks, narrower_request_detaches)
{
	self->fd = process_open(0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, process_listen_to(self->fd, PROC_EVENT_EXEC));
	EXPECT_TRUE(soon("attached exec\n"));
	cn_drain(self->fd);
	ASSERT_EQ(0, process_listen_to(self->fd, PROC_EVENT_EXEC | PROC_EVENT_COMM));
	EXPECT_TRUE(soon("attached exec comm\n"));
}

TEST_F(hooks, double_requests_count_once)
{
	self->fd = process_open(0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, process_listen(self->fd));
	ASSERT_EQ(0, process_listen(self->fd));
	ASSERT_LT(0, process_ignore(self->fd));
	EXPECT_TRUE(soon(NOTHING_ATTACHED));
	ASSERT_LT(0, process_ignore(self->fd));
	ASSERT_LT(0, process_ignore(self->fd));
	cn_drain(self->fd);
	ASSERT_EQ(0, process_listen(self->fd));
	EXPECT_TRUE(process_hears(self->fd));
}

TEST_F(hooks, killed_listener_detaches)
{
	int ready[2], child;
	char byte;

	ASSERT_EQ(0, pipe(ready));
	child = fork();
	if (!child) {
		int fd = process_open(0);

		if (fd >= 0 && write(ready[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	ASSERT_EQ(1, read(ready[0], &byte, 1));
	EXPECT_TRUE(process_file_has("attached fork"));
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	EXPECT_TRUE(soon(NOTHING_ATTACHED));
	EXPECT_FALSE(process_file_has("listener"));
	close(ready[0]);
	close(ready[1]);
}

/* The requester may join the group at any time, without notice. */
TEST_F(hooks, asking_attaches)
{
	self->fd = cn_open_in_group(0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, process_listen(self->fd));
	EXPECT_TRUE(process_file_has("attached fork exec exit comm"));
	EXPECT_FALSE(process_hears(self->fd));
	/* Longer than hooks stay attached without a listener. */
	usleep(500 * 1000);
	EXPECT_TRUE(process_file_has("attached fork exec exit comm"));
	ASSERT_EQ(0, cn_join(self->fd, CN_IDX_PROC));
	EXPECT_TRUE(process_hears(self->fd));
}

TEST_F(hooks, joining_without_a_request_attaches_nothing)
{
	self->fd = cn_open_in_group(CN_IDX_PROC);
	ASSERT_LE(0, self->fd);
	EXPECT_TRUE(process_file_has(NOTHING_ATTACHED));
	EXPECT_FALSE(process_hears(self->fd));
}

TEST_F(hooks, leaving_by_bind_is_seen)
{
	self->fd = cn_open();
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, cn_bind(self->fd, 0, 1 << (CN_IDX_PROC - 1)));
	ASSERT_EQ(0, process_listen(self->fd));
	EXPECT_TRUE(process_hears(self->fd));
	ASSERT_EQ(0, cn_bind(self->fd, cn_port(self->fd), 0));
	EXPECT_FALSE(process_hears(self->fd));
	ASSERT_EQ(0, cn_bind(self->fd, cn_port(self->fd), 1 << (CN_IDX_PROC - 1)));
	EXPECT_TRUE(process_hears(self->fd));
}

/* -- Users --------------------------------------------------------------------------------- */

/* A user that sends a request and closes its socket, over and over; 0 if all of it succeeds. */
static int listen_briefly_as_user(int times)
{
	int status, child = fork();

	if (!child) {
		become_user();
		while (times--) {
			int fd = process_open(PROC_EVENT_EXEC);

			if (fd < 0)
				_exit(1);
			close(fd);
		}
		_exit(0);
	}
	return waitpid(child, &status, 0) == child ? status : -1;
}

/* Each attach or detach of hooks changes code of the kernel. */
TEST_F(hooks, users_do_not_detach_at_once)
{
	int i;

	ASSERT_EQ(0, listen_briefly_as_user(5));
	for (i = 0; i < 60; i++) {
		ASSERT_TRUE(process_file_has("attached exec\n"));
		usleep(50 * 1000);
	}
	/* A privileged listener that starts and stops changes nothing. */
	self->fd = process_open(PROC_EVENT_EXEC);
	ASSERT_LE(0, self->fd);
	close(self->fd);
	self->fd = -1;
	for (i = 0; i < 40; i++) {
		ASSERT_TRUE(process_file_has("attached exec\n"));
		usleep(50 * 1000);
	}
	EXPECT_TRUE(soon(NOTHING_ATTACHED));
}

TEST_F(hooks, users_hold_only_what_they_wanted)
{
	ASSERT_EQ(0, listen_briefly_as_user(1));
	self->fd = process_open(PROC_EVENT_COMM);
	ASSERT_LE(0, self->fd);
	ASSERT_TRUE(process_file_has("attached exec comm\n"));
	close(self->fd);
	self->fd = -1;
	EXPECT_TRUE(soon("attached exec\n"));
}

/* -- Lost events ----------------------------------------------------------------------------- */

struct account {
	unsigned long long sent, no_memory, dropped;
};

static bool read_account(int fd, struct account *account)
{
	char *text = read_file(PROCESS_FILE), start[32];
	const char *line;
	bool found = false;

	snprintf(start, sizeof(start), "listener port %u ", cn_port(fd));
	line = text ? find_line(text, start) : NULL;
	if (line && (line = strstr(line, " sent ")))
		found = sscanf(line, " sent %llu no_memory %llu dropped %llu", &account->sent,
			       &account->no_memory, &account->dropped) == 3;
	free(text);
	return found;
}

TEST_F(hooks, what_is_lost_is_counted)
{
	struct process_message m;
	struct account account;
	int size = 0, i, ret;
	unsigned long long received = 1, overruns = 0;

	self->fd = process_open(PROC_EVENT_FORK | (uint32_t)PROC_EVENT_EXIT);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)));
	for (i = 0; i < 100; i++)
		process_make(0);
	while ((ret = process_read_within(self->fd, &m, cn_pause())) != -ETIMEDOUT) {
		ASSERT_TRUE(!ret || ret == -ENOBUFS);
		if (ret)
			overruns++;
		else
			received++;
	}
	ASSERT_TRUE(read_account(self->fd, &account));
	EXPECT_LT(0, overruns);
	EXPECT_LT(0, account.dropped);
	EXPECT_EQ(cn_drops(cn_port(self->fd)), account.dropped);
	/* The acknowledgement, and at least these; other processes may have started and ended. */
	EXPECT_LE(201, account.sent);
	EXPECT_EQ(account.sent, received + account.dropped);
	EXPECT_EQ(0, account.no_memory);
}

TEST_F(hooks, what_is_not_wanted_is_not_counted)
{
	struct account account;

	self->fd = process_open(PROC_EVENT_NONZERO_EXIT);
	ASSERT_LE(0, self->fd);
	process_make(0);
	ASSERT_TRUE(read_account(self->fd, &account));
	EXPECT_EQ(1, account.sent);
	/* The parent can reap it before the event is sent. */
	ASSERT_EQ(0, process_wait_for_end(self->fd, process_make(1)));
	ASSERT_TRUE(read_account(self->fd, &account));
	EXPECT_EQ(2, account.sent);
}
