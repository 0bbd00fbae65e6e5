// SPDX-License-Identifier: GPL-2.0
/*
 * Everything of a process is over when its end is reported. Its parent can reap it, and its
 * resources are released. Runs on every provider.
 */
#include <sys/un.h>

#include "kselftest_harness.h"
#include "cn_process.h"

/* So much that its release takes a while. */
#define MEMORY (32 << 20)

FIXTURE(exits)
{
	int fd;
};

FIXTURE_SETUP(exits)
{
	CN_NEEDS_PROCESS_EVENTS();
	self->fd = process_open(0);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(exits)
{
	close(self->fd);
}

/* A child with memory, files and the resources of `prepare`. Ends when the parent has continued. */
static int make_child(int (*prepare)(void))
{
	int go[2], child;
	char byte;

	if (pipe(go))
		return -errno;
	child = fork();
	if (!child) {
		void *memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

		close(go[0]);
		if (memory == MAP_FAILED || (prepare && prepare()) || write(go[1], "", 1) != 1)
			_exit(1);
		usleep(20 * 1000);
		_exit(7);
	}
	close(go[1]);
	if (child > 0 && read(go[0], &byte, 1) != 1)
		child = -EIO;
	close(go[0]);
	return child;
}

TEST_F(exits, parent_can_reap)
{
	int i, child;

	for (i = 0; i < cn_repeat(200); i++) {
		child = fork();
		ASSERT_LE(0, child);
		if (!child) {
			usleep(1000);
			_exit(7);
		}
		ASSERT_EQ(0, process_wait_for_end(self->fd, child));
		ASSERT_EQ(7, process_reap_now(child)) {
			TH_LOG("child %d of %d", i, cn_repeat(200));
			waitpid(child, NULL, 0);
		}
	}
}

TEST_F(exits, parent_can_reap_a_large_process)
{
	int child = make_child(NULL);

	ASSERT_LT(0, child);
	ASSERT_EQ(0, process_wait_for_end(self->fd, child));
	EXPECT_EQ(7, process_reap_now(child));
}

TEST_F(exits, parent_can_reap_a_killed_process)
{
	int child, i;

	for (i = 0; i < cn_repeat(20); i++) {
		child = fork();
		ASSERT_LE(0, child);
		if (!child) {
			pause();
			_exit(1);
		}
		kill(child, SIGKILL);
		ASSERT_EQ(0, process_wait_for_end(self->fd, child));
		ASSERT_EQ(-SIGKILL, process_reap_now(child));
	}
}

/* -- Resources of the process ----------------------------------------------------------- */

static int pipe_ends[2];

TEST_F(exits, files_are_closed)
{
	struct pollfd pfd = { .events = POLLIN };
	int child;

	ASSERT_EQ(0, pipe(pipe_ends));
	child = make_child(NULL);
	ASSERT_LT(0, child);
	close(pipe_ends[1]);
	pfd.fd = pipe_ends[0];
	ASSERT_EQ(0, process_wait_for_end(self->fd, child));
	EXPECT_EQ(1, poll(&pfd, 1, 0));
	EXPECT_EQ(POLLHUP, pfd.revents);
	waitpid(child, NULL, 0);
	close(pipe_ends[0]);
}

static int take_address(void)
{
	struct sockaddr_un address = { AF_UNIX, "\0proc_exits" };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	return fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address));
}

TEST_F(exits, addresses_are_free)
{
	int child = make_child(take_address);

	ASSERT_LT(0, child);
	EXPECT_NE(0, take_address());
	ASSERT_EQ(0, process_wait_for_end(self->fd, child));
	EXPECT_EQ(0, take_address());
	waitpid(child, NULL, 0);
}

TEST_F(exits, memory_is_released)
{
	char path[32], *status;
	int child = make_child(NULL);

	ASSERT_LT(0, child);
	snprintf(path, sizeof(path), "/proc/%d/status", child);
	ASSERT_EQ(0, process_wait_for_end(self->fd, child));
	status = read_file(path);
	ASSERT_NE(NULL, status);
	EXPECT_NE(NULL, strstr(status, "State:\tZ"));
	EXPECT_EQ(NULL, strstr(status, "VmRSS"));
	free(status);
	waitpid(child, NULL, 0);
}
