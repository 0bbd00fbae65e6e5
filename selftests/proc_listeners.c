// SPDX-License-Identifier: GPL-2.0
/*
 * Who gets process events, who decides that, and when the provider works at all. Runs on every
 * provider; where they differ, selftests/proc_differences.txt says why.
 */
#include "kselftest_harness.h"
#include "cn_privilege.h"
#include "cn_process.h"

FIXTURE(listeners)
{
	/* One that listens, whatever others do. */
	int fd;
};

FIXTURE_SETUP(listeners)
{
	SKIP_WITHOUT_PROCESS_EVENTS();
	self->fd = process_open(0);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(listeners)
{
	close(self->fd);
}

/* What the provider answers to the sender of a request; 1 for no answer. */
static int answer(int fd, uint32_t ack)
{
	struct process_message m;
	int ret;

	while (!(ret = process_read_within(fd, &m, cn_pause())))
		if (m.event.what == PROC_EVENT_NONE && m.message.ack == ack)
			return -(int)m.event.event_data.ack.err;
	return ret == -ETIMEDOUT ? 1 : ret;
}

static int ask(int fd, uint32_t operation)
{
	uint32_t number = process_number();
	int ret = process_operation(fd, operation, number, number);

	return ret < 0 ? ret : answer(fd, number + 1);
}

/* -- Who gets events ---------------------------------------------------------- */

TEST_F(listeners, listener_hears)
{
	EXPECT_TRUE(process_hears(self->fd));
}

/* Listens to some events; a provider may not acknowledge to one who has a filter. */
static int open_filtered(uint32_t events)
{
	int fd = process_open(events), ret;

	if (fd != -ETIMEDOUT)
		return fd;
	fd = cn_open_in_group(CN_IDX_PROC);
	if (fd < 0)
		return fd;
	ret = process_filtered(fd, PROC_CN_MCAST_LISTEN, events, 1, 1);
	if (ret < 0) {
		close(fd);
		return ret;
	}
	return fd;
}

TEST_F(listeners, several_in_one_process)
{
	int second = open_filtered(PROC_EVENT_EXIT), third = open_filtered(PROC_EVENT_FORK);
	int pid;

	ASSERT_LE(0, second);
	ASSERT_LE(0, third);
	pid = process_make(0);
	EXPECT_EQ(2, process_count(self->fd, pid));
	EXPECT_EQ(1, process_count(second, pid));
	EXPECT_EQ(1, process_count(third, pid));
	close(second);
	close(third);
	EXPECT_TRUE(process_hears(self->fd));
}

TEST_F(listeners, who_ignores_hears_nothing)
{
	int other = process_open(0);

	ASSERT_LE(0, other);
	ASSERT_LT(0, process_ignore(other));
	cn_drain(other);
	EXPECT_FALSE(process_hears(other));
	EXPECT_TRUE(process_hears(self->fd));
	EXPECT_EQ(0, process_listen(other));
	EXPECT_TRUE(process_hears(other));
	close(other);
}

TEST_F(listeners, who_did_not_ask_hears_nothing)
{
	int other = cn_open_in_group(CN_IDX_PROC);

	ASSERT_LE(0, other);
	EXPECT_FALSE(process_hears(other));
	close(other);
}

TEST_F(listeners, filter_can_be_changed)
{
	int other = open_filtered(PROC_EVENT_EXEC), pid;

	ASSERT_LE(0, other);
	ASSERT_LT(0, process_filtered(other, PROC_CN_MCAST_LISTEN, PROC_EVENT_EXIT, 1, 1));
	cn_drain(other);
	pid = process_make(0);
	EXPECT_EQ(1, process_count(other, pid));
	ASSERT_LT(0, process_filtered(other, PROC_CN_MCAST_LISTEN, PROC_EVENT_ALL, 1, 1));
	cn_drain(other);
	pid = process_make(0);
	EXPECT_EQ(2, process_count(other, pid));
	close(other);
}

/* Each time, the very next thing that happens. */
TEST_F(listeners, who_joins_after_asking_misses_nothing)
{
	int other, i;

	for (i = 0; i < cn_repeat(20); i++) {
		other = cn_open_in_group(0);
		ASSERT_LE(0, other);
		ASSERT_LT(0, process_operation(other, PROC_CN_MCAST_LISTEN, 1, 1));
		ASSERT_EQ(0, i % 2 ? cn_join(other, CN_IDX_PROC) :
				     cn_bind(other, cn_port(other), 1 << (CN_IDX_PROC - 1)));
		EXPECT_EQ(2, process_count(other, process_make(0)));
		close(other);
	}
}

TEST_F(listeners, who_left_the_group_hears_nothing)
{
	int other = process_open(0);

	ASSERT_LE(0, other);
	ASSERT_EQ(0, cn_leave(other, CN_IDX_PROC));
	EXPECT_FALSE(process_hears(other));
	ASSERT_EQ(0, cn_join(other, CN_IDX_PROC));
	EXPECT_TRUE(process_hears(other));
	close(other);
}

/* -- Acknowledgements ------------------------------------------------------------ */

TEST_F(listeners, every_request_is_acknowledged)
{
	EXPECT_EQ(0, ask(self->fd, PROC_CN_MCAST_LISTEN));
	EXPECT_EQ(0, ask(self->fd, PROC_CN_MCAST_IGNORE));
	EXPECT_EQ(0, ask(self->fd, PROC_CN_MCAST_IGNORE));
	EXPECT_EQ(0, ask(self->fd, PROC_CN_MCAST_LISTEN));
}

TEST_F(listeners, request_with_a_filter_is_acknowledged)
{
	uint32_t number = process_number();

	ASSERT_LT(0, process_filtered(self->fd, PROC_CN_MCAST_LISTEN, PROC_EVENT_EXEC, number, number));
	EXPECT_EQ(0, answer(self->fd, number + 1));
}

TEST_F(listeners, who_did_not_join_is_acknowledged)
{
	int other = cn_open_in_group(0);

	ASSERT_LE(0, other);
	EXPECT_EQ(0, ask(other, PROC_CN_MCAST_LISTEN));
	close(other);
}

TEST_F(listeners, others_do_not_see_the_acknowledgement)
{
	uint32_t number = process_number();
	int other = cn_open_in_group(CN_IDX_PROC);

	ASSERT_LE(0, other);
	ASSERT_LT(0, process_operation(other, PROC_CN_MCAST_LISTEN, number, number));
	EXPECT_EQ(1, answer(self->fd, number + 1));
	close(other);
}

/* The acknowledgement must not wait for room that only the sender can make. */
TEST_F(listeners, full_buffer_does_not_hold_the_sender_up)
{
	int other = process_open(0), size = 0, i;

	ASSERT_LE(0, other);
	ASSERT_EQ(0, setsockopt(other, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)));
	for (i = 0; i < 50; i++)
		process_make(0);
	EXPECT_LT(0, process_ignore(other));
	close(other);
}

/* -- Requests that are refused ------------------------------------------------------ */

TEST_F(listeners, unknown_operation_is_refused)
{
	EXPECT_EQ(-EINVAL, ask(self->fd, 0));
	EXPECT_EQ(-EINVAL, ask(self->fd, 3));
	EXPECT_EQ(-EINVAL, ask(self->fd, 0x01000000));
	EXPECT_EQ(-EINVAL, ask(self->fd, UINT32_MAX));
	EXPECT_TRUE(process_hears(self->fd));
}

TEST_F(listeners, refused_operation_changes_nothing)
{
	int other = process_open(0), pid;

	ASSERT_LE(0, other);
	ASSERT_LT(0, process_filtered(other, 3, PROC_EVENT_EXEC, 1, 1));
	cn_drain(other);
	pid = process_make(0);
	EXPECT_EQ(2, process_count(other, pid));

	ASSERT_LT(0, process_ignore(other));
	ASSERT_LT(0, process_filtered(other, 3, PROC_EVENT_ALL, 1, 1));
	cn_drain(other);
	EXPECT_FALSE(process_hears(other));
	close(other);
}

TEST_F(listeners, other_lengths_are_refused)
{
	uint8_t payload[64] = { PROC_CN_MCAST_IGNORE };
	int len;

	for (len = 0; len <= sizeof(payload); len++)
		if (len != sizeof(uint32_t) && len != sizeof(struct proc_input))
			ASSERT_LT(0, process_ask(self->fd, payload, len, 1, 1));
	EXPECT_EQ(1, answer(self->fd, 2));
	EXPECT_TRUE(process_hears(self->fd));
}

TEST_F(listeners, refusal_is_the_answer_to_who_asks_for_one)
{
	static struct cn_received got;
	uint32_t operation = 3;
	struct cn_packet p = {
		.id = { CN_IDX_PROC, CN_VAL_PROC },
		.nl_flags = NLM_F_ACK,
		.data = &operation,
		.data_len = sizeof(operation),
	};
	struct cn_ack ack;
	int other = cn_open_in_group(CN_IDX_PROC);

	ASSERT_LE(0, other);
	p.ack = process_number();
	ASSERT_LT(0, cn_send(other, &p));
	EXPECT_EQ(-EINVAL, answer(other, p.ack + 1));
	ASSERT_EQ(0, cn_receive_ack(other, &got, &ack));
	EXPECT_EQ(-EINVAL, ack.error);
	p.data_len = 3;
	ASSERT_LT(0, cn_send(other, &p));
	ASSERT_EQ(0, cn_receive_ack(other, &got, &ack));
	EXPECT_EQ(-EINVAL, ack.error);
	close(other);
}

/* -- Who may ---------------------------------------------------------------------------- */

FIXTURE(rights)
{
	int fd;
};

FIXTURE_VARIANT(rights)
{
	enum who who;
	bool may;
};

FIXTURE_VARIANT_ADD(rights, root) { ROOT, true };
FIXTURE_VARIANT_ADD(rights, net_admin) { NET_ADMIN, true };
FIXTURE_VARIANT_ADD(rights, user) { USER, true };
FIXTURE_VARIANT_ADD(rights, namespace_root) { NAMESPACE_ROOT, false };

FIXTURE_SETUP(rights)
{
	SKIP_WITHOUT_PROCESS_EVENTS();
	self->fd = process_open(0);
	ASSERT_LE(0, self->fd);
	become(variant->who);
}

FIXTURE_TEARDOWN(rights)
{
	close(self->fd);
}

TEST_F(rights, listening)
{
	int other = cn_open_in_group(CN_IDX_PROC);

	ASSERT_LE(0, other);
	EXPECT_EQ(variant->may ? 0 : 1, ask(other, PROC_CN_MCAST_LISTEN));
	if (variant->may)
		EXPECT_TRUE(process_hears(other));
	close(other);
}

TEST_F(rights, who_may_not_listen_hears_nothing)
{
	int other = cn_open_in_group(CN_IDX_PROC);

	ASSERT_LE(0, other);
	ask(other, PROC_CN_MCAST_LISTEN);
	cn_drain(other);
	EXPECT_EQ(variant->may, process_hears(other));
	close(other);
}

/* Whatever somebody asks for, in whatever order, others get what they got before. */
TEST_F(rights, others_cannot_be_cut_off)
{
	static const uint32_t operations[] = { PROC_CN_MCAST_LISTEN, PROC_CN_MCAST_IGNORE, 3 };
	int other = cn_open_in_group(CN_IDX_PROC), i, length, code;

	ASSERT_LE(0, other);
	for (length = 1; length <= 4; length++)
		for (code = 0; code < 81; code++) {
			for (i = 0; i < length; i++)
				process_operation(other, operations[code / (int[]){ 1, 3, 9, 27 }[i] % 3],
						  1, 1);
			cn_drain(other);
		}
	cn_drain(self->fd);
	EXPECT_TRUE(process_hears(self->fd));
	close(other);
	EXPECT_TRUE(process_hears(self->fd));
}

TEST_F(listeners, other_pid_namespace_may_not_listen)
{
	int status, child;

	ASSERT_EQ(0, unshare(CLONE_NEWPID));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		int other = cn_open_in_group(CN_IDX_PROC);

		if (other < 0 || ask(other, PROC_CN_MCAST_LISTEN) != 1)
			_exit(1);
		cn_drain(other);
		_exit(process_hears(other));
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
}

/* -- When the provider works -------------------------------------------------------------- */

static bool file_has(const char *line)
{
	char *text = read_file(PROCESS_FILE);
	bool has = text && find_line(text, line);

	free(text);
	return has;
}

/* Hooks are detached in the background; those of users some seconds later. */
static bool soon(const char *line)
{
	int tries;

	for (tries = 0; tries < (cn_timeout() + 10000) / 10; tries++) {
		if (file_has(line))
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
	SKIP_WITHOUT_PROCESS_EVENTS();
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
	EXPECT_TRUE(file_has("attached fork exec exit comm"));
	second = process_open(0);
	ASSERT_LE(0, second);
	close(self->fd);
	self->fd = -1;
	/* Longer than hooks stay for nobody. */
	usleep(500 * 1000);
	EXPECT_TRUE(file_has("attached fork exec exit comm"));
	EXPECT_TRUE(process_hears(second));
	close(second);
	EXPECT_TRUE(soon(NOTHING_ATTACHED));
}

TEST_F(hooks, only_those_that_somebody_needs)
{
	int second;

	self->fd = process_open(PROC_EVENT_EXEC);
	ASSERT_LE(0, self->fd);
	EXPECT_TRUE(file_has("attached exec\n"));
	second = process_open(PROC_EVENT_NONZERO_EXIT);
	ASSERT_LE(0, second);
	EXPECT_TRUE(file_has("attached exec exit\n"));
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
	EXPECT_FALSE(file_has("listener"));
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
	EXPECT_TRUE(file_has("attached fork"));
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	EXPECT_TRUE(soon(NOTHING_ATTACHED));
	EXPECT_FALSE(file_has("listener"));
	close(ready[0]);
	close(ready[1]);
}

/* He may join at any time, and nobody says when. */
TEST_F(hooks, asking_attaches)
{
	self->fd = cn_open_in_group(0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, process_listen(self->fd));
	EXPECT_TRUE(file_has("attached fork exec exit comm"));
	EXPECT_FALSE(process_hears(self->fd));
	/* Longer than hooks stay for nobody. */
	usleep(500 * 1000);
	EXPECT_TRUE(file_has("attached fork exec exit comm"));
	ASSERT_EQ(0, cn_join(self->fd, CN_IDX_PROC));
	EXPECT_TRUE(process_hears(self->fd));
}

TEST_F(hooks, who_joins_without_asking_attaches_nothing)
{
	self->fd = cn_open_in_group(CN_IDX_PROC);
	ASSERT_LE(0, self->fd);
	EXPECT_TRUE(file_has(NOTHING_ATTACHED));
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

/* A user who asks and goes, over and over; 0 if all went well. */
static int come_and_go_as_user(int times)
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

/* The code of the kernel is changed each time hooks come or go. */
TEST_F(hooks, users_do_not_detach_at_once)
{
	int i;

	ASSERT_EQ(0, come_and_go_as_user(5));
	for (i = 0; i < 60; i++) {
		ASSERT_TRUE(file_has("attached exec\n"));
		usleep(50 * 1000);
	}
	/* That somebody with rights comes and goes changes nothing. */
	self->fd = process_open(PROC_EVENT_EXEC);
	ASSERT_LE(0, self->fd);
	close(self->fd);
	self->fd = -1;
	for (i = 0; i < 40; i++) {
		ASSERT_TRUE(file_has("attached exec\n"));
		usleep(50 * 1000);
	}
	EXPECT_TRUE(soon(NOTHING_ATTACHED));
}

TEST_F(hooks, users_hold_only_what_they_wanted)
{
	ASSERT_EQ(0, come_and_go_as_user(1));
	self->fd = process_open(PROC_EVENT_COMM);
	ASSERT_LE(0, self->fd);
	ASSERT_TRUE(file_has("attached exec comm\n"));
	close(self->fd);
	self->fd = -1;
	usleep(1000 * 1000);
	EXPECT_TRUE(file_has("attached exec\n"));
}

/* -- What is lost ---------------------------------------------------------------------------- */

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
	/* The acknowledgement, and at least these; other processes may have come and gone. */
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
	process_make(1);
	ASSERT_TRUE(read_account(self->fd, &account));
	EXPECT_EQ(2, account.sent);
}

TEST_HARNESS_MAIN
