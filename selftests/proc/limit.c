// SPDX-License-Identifier: GPL-2.0
/*
 * The number of sockets of one user that may listen to process events without CAP_NET_ADMIN.
 */
#include "kselftest_harness.h"
#include "cn_privilege.h"
#include "cn_process.h"

/* The default of the module parameter listeners_per_user. */
#define LIMIT 256
#define OTHER_UID (TEST_UID + 1)
#define CLOSERS 4
#define CLOSING_SECONDS 8

FIXTURE(limit)
{
	int fds[LIMIT + 50];
};

FIXTURE_SETUP(limit)
{
	int tries;

	CN_NEEDS_PROCESS_EVENTS();
	SKIP_WITHOUT_PROCESS_FILE();
	/* Those of the test before are forgotten in the background. */
	for (tries = 0; process_file_has("listener ") && tries < cn_timeout() / 10; tries++)
		usleep(10 * 1000);
	ASSERT_FALSE(process_file_has("listener "));
}

FIXTURE_TEARDOWN(limit)
{
}

/* Opens a socket and requests events, which may be refused. Returns the error. */
static int ask_for_more(int *fd)
{
	uint32_t number = process_number();
	int ret;

	*fd = cn_open_in_group(CN_IDX_PROC);
	if (*fd < 0)
		return *fd;
	ret = process_filtered(*fd, PROC_CN_MCAST_LISTEN, PROC_EVENT_SID, number, number);
	return ret < 0 ? ret : process_acknowledged(*fd, number + 1);
}

/* Opens sockets that listen, until one is refused. Returns their number. */
static int ask_until_refused(int *fds, int most, int *error)
{
	int count;

	*error = 0;
	for (count = 0; count < most; count++) {
		*error = ask_for_more(&fds[count]);
		if (*error)
			break;
	}
	return count;
}

TEST_F(limit, user_is_refused_beyond_it)
{
	int error;

	become_user();
	EXPECT_EQ(LIMIT, ask_until_refused(self->fds, ARRAY_SIZE(self->fds), &error));
	EXPECT_EQ(-ENOSPC, error);
	EXPECT_FALSE(process_hears(self->fds[LIMIT]));
}

TEST_F(limit, refusal_is_answered_where_an_ack_is_requested)
{
	static struct cn_received got;
	struct proc_input input = { PROC_CN_MCAST_LISTEN, PROC_EVENT_SID };
	struct cn_packet p = {
		.id = { CN_IDX_PROC, CN_VAL_PROC },
		.nl_flags = NLM_F_ACK,
		.data = &input,
		.data_len = sizeof(input),
	};
	struct cn_ack ack;
	int error, fd;

	become_user();
	ASSERT_EQ(LIMIT, ask_until_refused(self->fds, LIMIT, &error));
	fd = cn_open_in_group(0);
	ASSERT_LE(0, fd);
	ASSERT_LT(0, cn_send(fd, &p));
	EXPECT_EQ(-ENOSPC, process_answer(fd, 1));
	ASSERT_EQ(0, cn_receive_ack(fd, &got, &ack));
	EXPECT_EQ(-ENOSPC, ack.error);
}

TEST_F(limit, refusals_are_counted)
{
	long long before = read_counter(PROCESS_FILE, "refused");
	int error, fd;

	become_user();
	ASSERT_EQ(LIMIT, ask_until_refused(self->fds, LIMIT, &error));
	EXPECT_EQ(before, read_counter(PROCESS_FILE, "refused"));
	EXPECT_EQ(-ENOSPC, ask_for_more(&fd));
	EXPECT_EQ(-ENOSPC, ask_for_more(&fd));
	EXPECT_EQ(before + 2, read_counter(PROCESS_FILE, "refused"));
}

/* A listening socket may change its request, and is counted once. */
TEST_F(limit, listener_may_ask_again)
{
	int error, fd, i;

	become_user();
	ASSERT_EQ(LIMIT - 1, ask_until_refused(self->fds, LIMIT - 1, &error));
	for (i = 0; i < 5; i++)
		ASSERT_EQ(0,
			  process_listen_to(self->fds[0],
					    i % 2 ? PROC_EVENT_SID : PROC_EVENT_FORK));
	EXPECT_EQ(0, ask_for_more(&fd));
	EXPECT_EQ(0, process_listen_to(self->fds[0], PROC_EVENT_FORK));
	EXPECT_TRUE(process_hears(self->fds[0]));
}

TEST_F(limit, ignoring_makes_room)
{
	int error;

	become_user();
	ASSERT_EQ(LIMIT, ask_until_refused(self->fds, ARRAY_SIZE(self->fds), &error));
	ASSERT_LT(0, process_ignore(self->fds[3]));
	EXPECT_EQ(0, process_listen_to(self->fds[LIMIT], PROC_EVENT_SID));
	EXPECT_EQ(-ENOSPC, process_listen_to(self->fds[3], PROC_EVENT_SID));
}

/* A moment after the close. */
TEST_F(limit, closing_makes_room)
{
	int error, tries, fd;

	become_user();
	ASSERT_EQ(LIMIT, ask_until_refused(self->fds, ARRAY_SIZE(self->fds), &error));
	close(self->fds[3]);
	for (tries = 0; tries < cn_timeout() / 10; tries++) {
		error = ask_for_more(&fd);
		if (!error)
			break;
		close(fd);
		usleep(10 * 1000);
	}
	EXPECT_EQ(0, error);
}

/*
 * Some closed sockets count for the limit until their close is processed. No request is refused
 * because of them.
 */
TEST_F(limit, closed_sockets_refuse_nobody)
{
	long long before = read_counter(PROCESS_FILE, "refused");
	time_t end = time(NULL) + CLOSING_SECONDS;
	int i, fd, status;

	for (i = 0; i < CLOSERS; i++) {
		if (fork())
			continue;
		become_user();
		while (time(NULL) < end) {
			fd = cn_open_in_group(0);
			must(process_filtered(fd, PROC_CN_MCAST_LISTEN, PROC_EVENT_SID, 1, 1) > 0,
			     "asking");
			close(fd);
		}
		_exit(0);
	}
	for (i = 0; i < CLOSERS; i++) {
		EXPECT_LT(0, wait(&status));
		EXPECT_EQ(0, status);
	}
	EXPECT_EQ(before, read_counter(PROCESS_FILE, "refused"));
}

TEST_F(limit, is_not_for_net_admin)
{
	int error;

	become_net_admin();
	EXPECT_EQ(ARRAY_SIZE(self->fds),
		  ask_until_refused(self->fds, ARRAY_SIZE(self->fds), &error));
	EXPECT_EQ(0, error);
}

/* Sends a request as another user, which has no socket yet. Returns the error. */
static int ask_as_another(void)
{
	int status, fd, child = fork();

	if (!child) {
		must(!setresuid(OTHER_UID, OTHER_UID, OTHER_UID), "setresuid");
		_exit(-ask_for_more(&fd) & 0xff);
	}
	if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return -EINTR;
	return -WEXITSTATUS(status);
}

TEST_F(limit, is_for_each_user)
{
	int error, child = fork(), status;

	if (!child) {
		become_user();
		if (ask_until_refused(self->fds, ARRAY_SIZE(self->fds), &error) != LIMIT)
			_exit(1);
		_exit(error != -ENOSPC);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	ASSERT_EQ(0, status);
	EXPECT_EQ(0, ask_as_another());
}

/* The requester is counted, not the opener of the socket. */
TEST_F(limit, counts_for_the_requesting_user)
{
	int error, fd = cn_open_in_group(CN_IDX_PROC);

	ASSERT_LE(0, fd);
	become_user();
	ASSERT_EQ(LIMIT, ask_until_refused(self->fds, LIMIT, &error));
	EXPECT_EQ(-ENOSPC, process_listen_to(fd, PROC_EVENT_SID));
}
