// SPDX-License-Identifier: GPL-2.0
/*
 * Notification requests belong to the socket that made them, and are limited: per socket and in
 * total. A removed request shows in two ways: its events end, and its slot is free.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "cn_client.h"
#include "cn_notify.h"

#define IDX 25

static int make_requests(int fd, uint32_t first, uint32_t n)
{
	uint32_t i;
	int err = 0;

	for (i = 0; i < n && !err; i++)
		err = notify_one(fd, EVENTS, IDX, first + i);
	return err;
}

/* Fills all slots with full sockets. Returns the error of the first request beyond the limit. */
static int fill_all_slots(int *fds)
{
	uint32_t i;
	int err;

	for (i = 0; i <= MAX_IN_ALL / MAX_PER_SOCKET; i++)
		fds[i] = cn_open_in_group(0);
	for (i = 0; i < MAX_IN_ALL / MAX_PER_SOCKET; i++) {
		err = make_requests(fds[i], 0, MAX_PER_SOCKET);
		if (err)
			return i ? err : -EDOM;
	}
	return notify_one(fds[i], EVENTS, IDX, 1);
}

static bool all_slots_are_free(void)
{
	int fds[MAX_IN_ALL / MAX_PER_SOCKET + 1];
	int err = fill_all_slots(fds), i;

	for (i = 0; i <= MAX_IN_ALL / MAX_PER_SOCKET; i++)
		close(fds[i]);
	/* Exactly all: the last one found none. */
	return err == -ENOSPC;
}

/* -- Limits --------------------------------------------------------------- */

FIXTURE(limits)
{
	int owner;
	int listener;
};

FIXTURE_SETUP(limits)
{
	CN_NEEDS_CLIENT();
	self->owner = cn_open_in_group(0);
	ASSERT_LE(0, self->owner);
	self->listener = cn_open_in_group(EVENTS);
	ASSERT_LE(0, self->listener);
}

FIXTURE_TEARDOWN(limits)
{
	close(self->owner);
	close(self->listener);
	EXPECT_EQ(0, client("clear"));
}

TEST_F(limits, of_a_socket_is_exact)
{
	ASSERT_EQ(0, make_requests(self->owner, 0, MAX_PER_SOCKET));
	EXPECT_EQ(-ENOSPC, notify_one(self->owner, EVENTS, IDX, 1000));
	/* No part of it is stored, and the others are still stored. */
	ASSERT_EQ(0, client("add %u:1000 name count", IDX));
	ASSERT_EQ(0, client("add %u:0 name count", IDX));
	EXPECT_TRUE(event_arrives(self->listener, EVENTS, IDX, 0, REGISTERED));
	EXPECT_TRUE(cn_is_silent(self->listener));
}

TEST_F(limits, equal_requests_take_one_place)
{
	int i;

	for (i = 0; i < 2 * MAX_PER_SOCKET; i++)
		ASSERT_EQ(0, notify_one(self->owner, EVENTS, IDX, 1));
	ASSERT_EQ(0, make_requests(self->owner, 1, MAX_PER_SOCKET));
	/* At the limit it is still no new one. */
	EXPECT_EQ(0, notify_one(self->owner, EVENTS, IDX, 1));
	EXPECT_EQ(-ENOSPC, notify_one(self->owner, EVENTS, IDX, 0));
}

TEST_F(limits, removal_frees_a_place)
{
	ASSERT_EQ(0, make_requests(self->owner, 0, MAX_PER_SOCKET));
	ASSERT_EQ(0, notify_one(self->owner, 0, IDX, 5));
	EXPECT_EQ(0, notify_one(self->owner, EVENTS, IDX, 1000));
	EXPECT_EQ(-ENOSPC, notify_one(self->owner, EVENTS, IDX, 1001));
	EXPECT_EQ(-ENOSPC, notify_one(self->owner, EVENTS, IDX, 5));
}

/* More requests than places, one at a time. */
TEST_F(limits, places_are_not_lost)
{
	uint32_t i;

	for (i = 0; i < cn_repeat(2 * MAX_IN_ALL); i++) {
		ASSERT_EQ(0, notify_one(self->owner, EVENTS, IDX, i));
		ASSERT_EQ(0, notify_one(self->owner, 0, IDX, i));
	}
	EXPECT_TRUE(all_slots_are_free());
}

TEST_F(limits, of_one_socket_is_not_that_of_another)
{
	int second = cn_open_in_group(0);

	ASSERT_LE(0, second);
	ASSERT_EQ(0, make_requests(self->owner, 0, MAX_PER_SOCKET));
	EXPECT_EQ(0, make_requests(second, 0, MAX_PER_SOCKET));
	EXPECT_EQ(-ENOSPC, notify_one(second, EVENTS, IDX, 1000));
}

TEST_F(limits, in_all_is_exact)
{
	int fds[MAX_IN_ALL / MAX_PER_SOCKET + 1];
	int last = MAX_IN_ALL / MAX_PER_SOCKET;

	ASSERT_EQ(-ENOSPC, fill_all_slots(fds));
	EXPECT_EQ(-ENOSPC, notify_one(self->owner, EVENTS, IDX, 1));
	/* One slot, and then none again. */
	ASSERT_EQ(0, notify_one(fds[3], 0, IDX, 7));
	EXPECT_EQ(0, notify_one(fds[last], EVENTS, IDX, 1));
	EXPECT_EQ(-ENOSPC, notify_one(fds[last], EVENTS, IDX, 2));
	EXPECT_EQ(-ENOSPC, notify_one(self->owner, EVENTS, IDX, 1));
	/* The number of requests of the closed socket. */
	ASSERT_EQ(0, close(fds[5]));
	EXPECT_EQ(0, make_requests(self->owner, 0, MAX_PER_SOCKET));
	EXPECT_EQ(-ENOSPC, notify_one(fds[last], EVENTS, IDX, 2));
}

/* A refused request does not keep the resources that it takes temporarily. */
TEST_F(limits, refused_requests_take_no_place)
{
	int i;

	ASSERT_EQ(0, make_requests(self->owner, 0, MAX_PER_SOCKET));
	for (i = 0; i < cn_repeat(2 * MAX_IN_ALL); i++)
		ASSERT_EQ(-ENOSPC, notify_one(self->owner, EVENTS, IDX, 1000 + i));
	close(self->owner);
	self->owner = -1;
	EXPECT_TRUE(all_slots_are_free());
}

/* -- Owners --------------------------------------------------------------- */

FIXTURE(owner)
{
	int listener;
	/* A child reports its progress here. */
	int report[2];
	pid_t child;
};

FIXTURE_SETUP(owner)
{
	CN_NEEDS_CLIENT();
	self->listener = cn_open_in_group(EVENTS);
	ASSERT_LE(0, self->listener);
	ASSERT_EQ(0, pipe(self->report));
	self->child = 0;
}

FIXTURE_TEARDOWN(owner)
{
	if (self->child > 0) {
		kill(self->child, SIGKILL);
		waitpid(self->child, NULL, 0);
	}
	close(self->listener);
	EXPECT_EQ(0, client("clear"));
}

/* Does an event for a fresh id arrive? Requests of these tests match 1. */
static bool request_is_alive(int listener)
{
	bool alive;

	cn_drain(listener);
	if (client("add %u:1 name count", IDX) || client("del %u:1", IDX))
		abort();
	alive = !cn_is_silent(listener);
	cn_drain(listener);
	return alive;
}

/*
 * The child makes `requests` requests on a socket with the number `fd_out` and
 * waits for its end. True once they are made.
 */
static bool start_owner(FIXTURE_DATA(owner) *self, uint32_t requests, int *fd_out)
{
	int fd = -1;

	self->child = fork();
	if (!self->child) {
		fd = cn_open_in_group(0);
		if (fd < 0 || make_requests(fd, 1, requests) ||
		    write(self->report[1], &fd, sizeof(fd)) != sizeof(fd))
			_exit(1);
		pause();
		_exit(0);
	}
	/* So that a child that dies is the end of the pipe. */
	close(self->report[1]);
	self->report[1] = -1;
	if (read(self->report[0], &fd, sizeof(fd)) != sizeof(fd))
		return false;
	if (fd_out)
		*fd_out = fd;
	return true;
}

TEST_F(owner, closes_its_socket)
{
	int fd = cn_open_in_group(0);

	ASSERT_EQ(0, notify_one(fd, EVENTS, IDX, 1));
	ASSERT_TRUE(request_is_alive(self->listener));
	close(fd);
	EXPECT_FALSE(request_is_alive(self->listener));
	EXPECT_TRUE(all_slots_are_free());
}

TEST_F(owner, closes_one_of_two_descriptors)
{
	int fd = cn_open_in_group(0), second = dup(fd);

	ASSERT_EQ(0, notify_one(fd, EVENTS, IDX, 1));
	close(fd);
	EXPECT_TRUE(request_is_alive(self->listener));
	EXPECT_EQ(0, notify_one(second, 0, IDX, 1));
	close(second);
	EXPECT_FALSE(request_is_alive(self->listener));
}

/* One of two sockets of a process; the other keeps its own equal request. */
TEST_F(owner, closes_one_of_two_sockets)
{
	int fd = cn_open_in_group(0), second = cn_open_in_group(0);

	ASSERT_EQ(0, notify_one(fd, EVENTS, IDX, 1));
	ASSERT_EQ(0, notify_one(second, EVENTS, IDX, 1));
	close(fd);
	ASSERT_EQ(0, client("add %u:1 name count", IDX));
	EXPECT_TRUE(event_arrives(self->listener, EVENTS, IDX, 1, REGISTERED));
	EXPECT_TRUE(cn_is_silent(self->listener));
	close(second);
	ASSERT_EQ(0, client("del %u:1", IDX));
	EXPECT_TRUE(cn_is_silent(self->listener));
}

TEST_F(owner, closes_thousands_of_sockets)
{
	int i, fd;

	for (i = 0; i < cn_repeat(2 * MAX_IN_ALL); i++) {
		fd = cn_open_in_group(0);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, notify_one(fd, EVENTS, IDX, i));
		close(fd);
	}
	EXPECT_TRUE(all_slots_are_free());
}

/* A full socket each time. */
TEST_F(owner, closes_sockets_with_many_requests)
{
	int i, fd;

	for (i = 0; i < cn_repeat(3 * MAX_IN_ALL / MAX_PER_SOCKET); i++) {
		fd = cn_open_in_group(0);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, make_requests(fd, 0, MAX_PER_SOCKET));
		close(fd);
	}
	EXPECT_FALSE(request_is_alive(self->listener));
	EXPECT_TRUE(all_slots_are_free());
}

/* A socket without a port has one from its first message on. */
TEST_F(owner, never_bound_its_socket)
{
	int fd = cn_open();

	ASSERT_EQ(0, notify_one(fd, EVENTS, IDX, 1));
	ASSERT_TRUE(request_is_alive(self->listener));
	close(fd);
	EXPECT_FALSE(request_is_alive(self->listener));
}

TEST_F(owner, is_killed)
{
	ASSERT_TRUE(start_owner(self, MAX_PER_SOCKET, NULL));
	ASSERT_TRUE(request_is_alive(self->listener));
	ASSERT_EQ(0, kill(self->child, SIGKILL));
	ASSERT_EQ(self->child, waitpid(self->child, NULL, 0));
	self->child = 0;
	EXPECT_FALSE(request_is_alive(self->listener));
	EXPECT_TRUE(all_slots_are_free());
}

TEST_F(owner, is_killed_again_and_again)
{
	int i;

	for (i = 0; i < cn_repeat(2 * MAX_IN_ALL / MAX_PER_SOCKET); i++) {
		ASSERT_TRUE(start_owner(self, MAX_PER_SOCKET, NULL));
		ASSERT_EQ(0, kill(self->child, SIGKILL));
		ASSERT_EQ(self->child, waitpid(self->child, NULL, 0));
		self->child = 0;
		close(self->report[0]);
		ASSERT_EQ(0, pipe(self->report));
	}
	EXPECT_FALSE(request_is_alive(self->listener));
	EXPECT_TRUE(all_slots_are_free());
}

/* The child becomes a shell, which reports that it runs. */
static bool exec_owner(FIXTURE_DATA(owner) *self, bool keep)
{
	char byte = 0;

	self->child = fork();
	if (!self->child) {
		int fd = cn_open_in_group(0);

		if (fd < 0 || make_requests(fd, 1, 10) || dup2(self->report[1], 1) != 1 ||
		    (keep && fcntl(fd, F_SETFD, 0)))
			_exit(1);
		execl("/bin/sh", "sh", "-c", "echo; sleep 60", NULL);
		_exit(1);
	}
	close(self->report[1]);
	self->report[1] = -1;
	return read(self->report[0], &byte, 1) == 1 && byte == '\n';
}

TEST_F(owner, executes_another_program)
{
	ASSERT_TRUE(exec_owner(self, false));
	EXPECT_FALSE(request_is_alive(self->listener));
	EXPECT_TRUE(all_slots_are_free());
}

TEST_F(owner, executes_a_program_that_inherits_the_socket)
{
	ASSERT_TRUE(exec_owner(self, true));
	EXPECT_TRUE(request_is_alive(self->listener));
}

/* To a child. */
TEST_F(owner, leaves_the_socket_to_another_process)
{
	int fd = cn_open_in_group(0);

	ASSERT_EQ(0, notify_one(fd, EVENTS, IDX, 1));
	self->child = fork();
	if (!self->child) {
		pause();
		_exit(0);
	}
	close(fd);
	EXPECT_TRUE(request_is_alive(self->listener));
	ASSERT_EQ(0, kill(self->child, SIGKILL));
	ASSERT_EQ(self->child, waitpid(self->child, NULL, 0));
	self->child = 0;
	EXPECT_FALSE(request_is_alive(self->listener));
}

/* To another process, which may then remove the request. */
TEST_F(owner, dies_after_passing_the_socket_on)
{
	int pidfd, fd;

	ASSERT_TRUE(start_owner(self, 1, &fd));
	pidfd = syscall(SYS_pidfd_open, self->child, 0);
	ASSERT_LE(0, pidfd);
	fd = syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, kill(self->child, SIGKILL));
	ASSERT_EQ(self->child, waitpid(self->child, NULL, 0));
	self->child = 0;
	EXPECT_TRUE(request_is_alive(self->listener));
	EXPECT_EQ(0, notify_one(fd, 0, IDX, 1));
	EXPECT_FALSE(request_is_alive(self->listener));
	close(fd);
}
