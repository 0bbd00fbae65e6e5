// SPDX-License-Identifier: GPL-2.0
/*
 * Receivers that do not keep up: no sender is blocked, and every message is either received or
 * counted as lost.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>

#include "kselftest_harness.h"
#include "cn_client.h"

#define IDX 25
#define OVERRUN_MESSAGES 2000

static struct cn_received got;

FIXTURE(overrun)
{
	int slow;
	int fast;
};

FIXTURE_SETUP(overrun)
{
	int small = 1, large = 32 << 20;

	CN_NEEDS_CLIENT();
	self->slow = cn_open_in_group(IDX);
	ASSERT_LE(0, self->slow);
	/* The kernel makes the least it allows of it: a few messages. */
	ASSERT_EQ(0, setsockopt(self->slow, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)));
	self->fast = cn_open();
	ASSERT_LE(0, self->fast);
	ASSERT_EQ(0, cn_bind(self->fast, 0, 0));
	ASSERT_EQ(0, setsockopt(self->fast, SOL_SOCKET, SO_RCVBUFFORCE, &large, sizeof(large)));
}

FIXTURE_TEARDOWN(overrun)
{
	close(self->slow);
	close(self->fast);
	EXPECT_EQ(0, client("clear"));
}

/* Reads all that is queued; the number of messages, losses reported aside. */
static int count_queued(int fd, int *enobufs)
{
	int n = 0;

	for (;;) {
		int ret = cn_receive_within(fd, &got, 0);

		if (ret == -ENOBUFS) {
			(*enobufs)++;
			continue;
		}
		if (ret < 0)
			return n;
		n++;
	}
}

TEST_F(overrun, full_member_is_no_listener)
{
	int enobufs = 0;
	int sent;

	EXPECT_EQ(-ESRCH,
		  client("send id=%u:1 group=%u msg_len=100 repeat=%u", IDX, IDX,
			 OVERRUN_MESSAGES));
	sent = client_value("sent");
	EXPECT_LT(0, sent);
	EXPECT_EQ(OVERRUN_MESSAGES, sent + client_value("failed"));
	EXPECT_EQ(sent, count_queued(self->slow, &enobufs));
}

TEST_F(overrun, reader_learns_of_the_loss_once)
{
	int enobufs = 0;

	client("send id=%u:1 group=%u repeat=%u", IDX, IDX, OVERRUN_MESSAGES);
	count_queued(self->slow, &enobufs);
	EXPECT_EQ(1, enobufs);
	/* Then the socket works again. */
	EXPECT_EQ(0, client("send id=%u:1 group=%u", IDX, IDX));
	EXPECT_LT(0, cn_receive(self->slow, &got));
}

TEST_F(overrun, received_and_dropped_make_all)
{
	int received = 0, enobufs = 0;
	int round;

	ASSERT_EQ(0, cn_drops(cn_port(self->slow)));
	for (round = 0; round < 10; round++) {
		client("send id=%u:1 group=%u repeat=%u", IDX, IDX, OVERRUN_MESSAGES / 10);
		received += count_queued(self->slow, &enobufs);
	}
	EXPECT_LT(0, received);
	EXPECT_EQ(OVERRUN_MESSAGES, received + cn_drops(cn_port(self->slow)));
	EXPECT_EQ(10, enobufs);
}

TEST_F(overrun, slow_member_takes_nothing_from_a_fast_one)
{
	int enobufs = 0;

	ASSERT_EQ(0, cn_join(self->fast, IDX));
	EXPECT_EQ(0, client("send id=%u:1 group=%u repeat=%u", IDX, IDX, OVERRUN_MESSAGES));
	EXPECT_EQ(OVERRUN_MESSAGES, client_value("sent"));
	EXPECT_EQ(OVERRUN_MESSAGES, count_queued(self->fast, &enobufs));
	EXPECT_EQ(0, enobufs);
	EXPECT_EQ(0, cn_drops(cn_port(self->fast)));
	EXPECT_LT(0, cn_drops(cn_port(self->slow)));
}

/* Blocking is allowed to the sender, and multicast still does not block. */
TEST_F(overrun, reader_that_never_reads_stalls_no_multicast)
{
	ASSERT_EQ(0, cn_join(self->fast, IDX));
	EXPECT_EQ(0,
		  client("send id=%u:1 group=%u gfp=kernel repeat=%u", IDX, IDX, OVERRUN_MESSAGES));
	EXPECT_GT(1000000LL * cn_timeout(), client_value("nsec"));
}

TEST_F(overrun, broadcast_error_is_ENOBUFS)
{
	ASSERT_EQ(0, cn_setopt(self->slow, NETLINK_BROADCAST_ERROR, 1));
	EXPECT_EQ(-ENOBUFS, client("send id=%u:1 group=%u repeat=%u", IDX, IDX, OVERRUN_MESSAGES));
	EXPECT_LT(0, client_value("sent"));
}

TEST_F(overrun, no_enobufs_hides_the_loss)
{
	int enobufs = 0;

	ASSERT_EQ(0, cn_setopt(self->slow, NETLINK_NO_ENOBUFS, 1));
	client("send id=%u:1 group=%u repeat=%u", IDX, IDX, OVERRUN_MESSAGES);
	count_queued(self->slow, &enobufs);
	EXPECT_EQ(0, enobufs);
}

TEST_F(overrun, atomic_unicast_is_EAGAIN)
{
	int enobufs = 0;
	int sent;

	EXPECT_EQ(-EAGAIN, client("send id=%u:1 portid=%u gfp=atomic repeat=%u", IDX,
				  cn_port(self->slow), OVERRUN_MESSAGES));
	sent = client_value("sent");
	EXPECT_LT(0, sent);
	EXPECT_EQ(OVERRUN_MESSAGES, sent + cn_drops(cn_port(self->slow)));
	EXPECT_EQ(sent, count_queued(self->slow, &enobufs));
	EXPECT_EQ(1, enobufs);
}

/* -- A unicast that may block does ---------------------------------------- */

struct unicast {
	pthread_t thread;
	uint32_t port;
	int result;
	int sent;
};

static void *send_unicasts(void *arg)
{
	struct unicast *unicast = arg;

	unicast->result = client("send id=%u:1 portid=%u gfp=kernel repeat=100", IDX,
				 unicast->port);
	unicast->sent = client_value("sent");
	return NULL;
}

TEST_F(overrun, blocking_unicast_loses_nothing)
{
	struct unicast unicast = { .port = cn_port(self->slow) };
	int i;

	ASSERT_EQ(0, pthread_create(&unicast.thread, NULL, send_unicasts, &unicast));
	for (i = 0; i < 100; i++) {
		ASSERT_LT(0, cn_receive(self->slow, &got));
		ASSERT_EQ(i, cn_message(&got)->seq);
	}
	pthread_join(unicast.thread, NULL);
	EXPECT_EQ(0, unicast.result);
	EXPECT_EQ(100, unicast.sent);
	EXPECT_EQ(0, cn_drops(cn_port(self->slow)));
}

TEST_F(overrun, blocked_unicast_ends_when_the_reader_closes)
{
	struct unicast unicast = { .port = cn_port(self->slow) };
	struct pollfd pfd = { .fd = self->slow, .events = POLLIN };

	ASSERT_EQ(0, pthread_create(&unicast.thread, NULL, send_unicasts, &unicast));
	ASSERT_EQ(1, poll(&pfd, 1, cn_timeout()));
	close(self->slow);
	pthread_join(unicast.thread, NULL);
	EXPECT_EQ(-ECONNREFUSED, unicast.result);
	EXPECT_GT(100, unicast.sent);
	self->slow = -1;
}

static void on_signal(int signal)
{
}

TEST_F(overrun, blocked_unicast_ends_with_a_signal)
{
	struct sigaction action = { .sa_handler = on_signal };
	/* Again and again: the first may arrive before the child sends. */
	const struct itimerval each_second = { { 1, 0 }, { 1, 0 } };
	pid_t child;
	int status;

	child = fork();
	if (!child) {
		sigaction(SIGALRM, &action, NULL);
		setitimer(ITIMER_REAL, &each_second, NULL);
		/* The parent's open file would share the result with us. */
		client_fd = -1;
		_exit(client("send id=%u:1 portid=%u gfp=kernel repeat=10", IDX,
			     cn_port(self->slow)) == -EINTR ? 0 : 1);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
}
