// SPDX-License-Identifier: GPL-2.0
/*
 * Unregistering while callbacks run. When cn_del_callback() returns, the callback is not running
 * and never runs again. The exception is a call from inside of a callback, which does not wait.
 * (The C connector never waits.)
 */
#include <pthread.h>
#include <signal.h>

#include "kselftest_harness.h"
#include "cn_client.h"

#define IDX 25

static struct cn_received got;

/* One command or one message, by a thread of its own. */
struct task {
	pthread_t thread;
	char command[128];
	struct cb_id id;
	bool done;
	int result;
};

static void *run_command(void *arg)
{
	struct task *task = arg;

	task->result = client("%s", task->command);
	__atomic_store_n(&task->done, true, __ATOMIC_SEQ_CST);
	close(client_fd);
	return NULL;
}

static void *run_send(void *arg)
{
	struct task *task = arg;
	struct cn_packet p = { .id = task->id };
	int fd = cn_open_in_group(0);

	task->result = cn_send(fd, &p);
	__atomic_store_n(&task->done, true, __ATOMIC_SEQ_CST);
	close(fd);
	return NULL;
}

static bool start_send(struct task *task, uint32_t val)
{
	*task = (struct task){ .id = { IDX, val } };
	return !pthread_create(&task->thread, NULL, run_send, task);
}

static __attribute__((format(printf, 2, 3)))
bool start_command(struct task *task, const char *format, ...)
{
	va_list args;

	*task = (struct task){};
	va_start(args, format);
	vsnprintf(task->command, sizeof(task->command), format, args);
	va_end(args);
	return !pthread_create(&task->thread, NULL, run_command, task);
}

static int finish(struct task *task)
{
	pthread_join(task->thread, NULL);
	return task->result;
}

/*
 * The absence of an event has no end to wait for. This is long enough to catch a connector that
 * does not wait, in each run.
 */
static bool is_still_busy(struct task *task)
{
	usleep(200 * 1000);
	return !__atomic_load_n(&task->done, __ATOMIC_SEQ_CST);
}

/* Waits until the id can no longer be found: the unregistration has begun. */
static bool is_gone(uint32_t val)
{
	int tries;

	for (tries = 0; tries < cn_timeout(); tries++) {
		if (client("send id=%u:%u", IDX, val) == -ENODEV)
			return true;
		usleep(1000);
	}
	return false;
}

FIXTURE(unregister)
{
	int fd;
};

FIXTURE_SETUP(unregister)
{
	CN_NEEDS_CLIENT();
	self->fd = cn_open_in_group(0);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(unregister)
{
	close(self->fd);
	EXPECT_EQ(0, client("clear"));
}

TEST_F(unregister, waits_for_a_running_call)
{
	struct task sender, remover;

	ASSERT_EQ(0, client("add %u:1 held hold", IDX));
	ASSERT_TRUE(start_send(&sender, 1));
	ASSERT_EQ(0, client("wait_running %u:1 1", IDX));
	ASSERT_TRUE(start_command(&remover, "del %u:1", IDX));
	ASSERT_TRUE(is_gone(1));
	EXPECT_TRUE(is_still_busy(&remover));
	ASSERT_EQ(0, client("release %u:1", IDX));
	EXPECT_EQ(0, finish(&remover));
	EXPECT_LT(0, finish(&sender));
	EXPECT_EQ(0, callback_value(IDX, 1, "late"));
}

TEST_F(unregister, waits_for_all_of_several_calls)
{
	struct task senders[4], remover;
	int i;

	ASSERT_EQ(0, client("add %u:1 held hold", IDX));
	for (i = 0; i < 4; i++)
		ASSERT_TRUE(start_send(&senders[i], 1));
	ASSERT_EQ(0, client("wait_running %u:1 4", IDX));
	ASSERT_TRUE(start_command(&remover, "del %u:1", IDX));
	ASSERT_TRUE(is_gone(1));
	EXPECT_TRUE(is_still_busy(&remover));
	ASSERT_EQ(0, client("release %u:1", IDX));
	EXPECT_EQ(0, finish(&remover));
	for (i = 0; i < 4; i++)
		EXPECT_LT(0, finish(&senders[i]));
	EXPECT_EQ(0, callback_value(IDX, 1, "late"));
}

TEST_F(unregister, waits_for_a_callback_that_sleeps)
{
	struct task sender;

	ASSERT_EQ(0, client("add %u:1 sleeper sleep:500", IDX));
	ASSERT_TRUE(start_send(&sender, 1));
	ASSERT_EQ(0, client("wait_running %u:1 1", IDX));
	ASSERT_EQ(0, client("del %u:1", IDX));
	EXPECT_EQ(0, callback_value(IDX, 1, "running"));
	EXPECT_LT(0, finish(&sender));
	EXPECT_EQ(0, callback_value(IDX, 1, "late"));
}

/* Unregistering does not wait for calls of other callbacks. */
TEST_F(unregister, does_not_wait_for_other_callbacks)
{
	struct task sender;

	ASSERT_EQ(0, client("add %u:1 held hold", IDX));
	ASSERT_EQ(0, client("add %u:2 idle count", IDX));
	ASSERT_TRUE(start_send(&sender, 1));
	ASSERT_EQ(0, client("wait_running %u:1 1", IDX));
	EXPECT_EQ(0, client("del %u:2", IDX));
	EXPECT_EQ(1, callback_value(IDX, 1, "running"));
	ASSERT_EQ(0, client("release %u:1", IDX));
	EXPECT_LT(0, finish(&sender));
}

TEST_F(unregister, ends_new_calls_at_once)
{
	struct cn_packet p = { .id = { IDX, 1 } };
	struct task sender, remover;
	char *text;

	ASSERT_EQ(0, client("add %u:1 leaving hold", IDX));
	ASSERT_TRUE(start_send(&sender, 1));
	ASSERT_EQ(0, client("wait_running %u:1 1", IDX));
	ASSERT_TRUE(start_command(&remover, "del %u:1", IDX));
	ASSERT_TRUE(is_gone(1));
	/* A message would block if the callback were found. */
	EXPECT_LT(0, cn_send(self->fd, &p));
	EXPECT_EQ(1, callback_value(IDX, 1, "calls"));
	text = read_file("/proc/net/connector");
	ASSERT_NE(NULL, text);
	EXPECT_EQ(NULL, strstr(text, "leaving"));
	free(text);
	ASSERT_EQ(0, client("release %u:1", IDX));
	EXPECT_EQ(0, finish(&remover));
	EXPECT_LT(0, finish(&sender));
}

TEST_F(unregister, blocks_nobody_else_while_it_waits)
{
	struct cn_packet p = { .id = { IDX, 2 } };
	struct task sender, remover;

	ASSERT_EQ(0, client("add %u:1 held hold", IDX));
	ASSERT_EQ(0, client("add %u:2 other echo", IDX));
	ASSERT_TRUE(start_send(&sender, 1));
	ASSERT_EQ(0, client("wait_running %u:1 1", IDX));
	ASSERT_TRUE(start_command(&remover, "del %u:1", IDX));
	ASSERT_TRUE(is_gone(1));
	EXPECT_LT(0, cn_send(self->fd, &p));
	EXPECT_LT(0, cn_receive(self->fd, &got));
	EXPECT_EQ(0, client("add %u:3 new count", IDX));
	EXPECT_EQ(0, client("del %u:3", IDX));
	EXPECT_EQ(0, client("del %u:2", IDX));
	free(read_file("/proc/net/connector"));
	ASSERT_EQ(0, client("release %u:1", IDX));
	EXPECT_EQ(0, finish(&remover));
	EXPECT_LT(0, finish(&sender));
}

/* As in the C connector, whose list forgets an entry before its last call ends. */
TEST_F(unregister, frees_the_id_at_once)
{
	struct task sender, remover;

	ASSERT_EQ(0, client("add %u:1 held hold", IDX));
	ASSERT_TRUE(start_send(&sender, 1));
	ASSERT_EQ(0, client("wait_running %u:1 1", IDX));
	ASSERT_TRUE(start_command(&remover, "del %u:1", IDX));
	ASSERT_TRUE(is_gone(1));
	EXPECT_EQ(0, client("add %u:1 again count", IDX));
	EXPECT_EQ(-ESRCH, client("send id=%u:1", IDX));
	ASSERT_EQ(0, client("release %u:1", IDX));
	EXPECT_EQ(0, finish(&remover));
	EXPECT_LT(0, finish(&sender));
}

/* -- From inside of a callback ------------------------------------------- */

TEST_F(unregister, itself_from_inside)
{
	struct cn_packet p = { .id = { IDX, 1 } };

	ASSERT_EQ(0, client("add %u:1 suicidal del-self", IDX));
	ASSERT_LT(0, cn_send(self->fd, &p));
	ASSERT_LT(0, cn_send(self->fd, &p));
	EXPECT_EQ(1, callback_value(IDX, 1, "calls"));
	EXPECT_EQ(-ENODEV, client("send id=%u:1", IDX));
	EXPECT_EQ(0, client("add %u:1 again count", IDX));
}

TEST_F(unregister, itself_from_inside_while_another_call_runs)
{
	struct task first, second;

	/* Both calls wait, then both unregister the same id. */
	ASSERT_EQ(0, client("add %u:1 suicidal hold+del-self", IDX));
	ASSERT_TRUE(start_send(&first, 1));
	ASSERT_TRUE(start_send(&second, 1));
	ASSERT_EQ(0, client("wait_running %u:1 2", IDX));
	ASSERT_EQ(0, client("release %u:1", IDX));
	EXPECT_LT(0, finish(&first));
	EXPECT_LT(0, finish(&second));
	EXPECT_EQ(2, callback_value(IDX, 1, "calls"));
	EXPECT_EQ(-ENODEV, client("send id=%u:1", IDX));
}

TEST_F(unregister, an_idle_one_from_inside)
{
	struct cn_packet p = { .id = { IDX, 1 } };

	ASSERT_EQ(0, client("add %u:1 killer del:%u:2", IDX, IDX));
	ASSERT_EQ(0, client("add %u:2 victim count", IDX));
	ASSERT_LT(0, cn_send(self->fd, &p));
	EXPECT_EQ(-ENODEV, client("send id=%u:2", IDX));
	EXPECT_EQ(-ESRCH, client("send id=%u:1", IDX));
	p.id.val = 2;
	ASSERT_LT(0, cn_send(self->fd, &p));
	EXPECT_EQ(0, callback_value(IDX, 2, "calls"));
}

TEST_F(unregister, a_running_one_from_inside)
{
	struct task killer, victim;

	ASSERT_EQ(0, client("add %u:1 killer del:%u:2", IDX, IDX));
	ASSERT_EQ(0, client("add %u:2 victim hold", IDX));
	ASSERT_TRUE(start_send(&victim, 2));
	ASSERT_EQ(0, client("wait_running %u:2 1", IDX));
	ASSERT_TRUE(start_send(&killer, 1));
	/* It does not wait: the victim is still held when it is done. */
	EXPECT_LT(0, finish(&killer));
	EXPECT_EQ(1, callback_value(IDX, 2, "running"));
	EXPECT_EQ(-ENODEV, client("send id=%u:2", IDX));
	ASSERT_EQ(0, client("release %u:2", IDX));
	EXPECT_LT(0, finish(&victim));
}

TEST_F(unregister, crosswise_from_inside)
{
	struct task first, second;

	ASSERT_EQ(0, client("add %u:1 one hold+del:%u:2", IDX, IDX));
	ASSERT_EQ(0, client("add %u:2 two hold+del:%u:1", IDX, IDX));
	ASSERT_TRUE(start_send(&first, 1));
	ASSERT_TRUE(start_send(&second, 2));
	ASSERT_EQ(0, client("wait_running %u:1 1", IDX));
	ASSERT_EQ(0, client("wait_running %u:2 1", IDX));
	ASSERT_EQ(0, client("release %u:1", IDX));
	ASSERT_EQ(0, client("release %u:2", IDX));
	EXPECT_LT(0, finish(&first));
	EXPECT_LT(0, finish(&second));
	EXPECT_EQ(-ENODEV, client("send id=%u:1", IDX));
	EXPECT_EQ(-ENODEV, client("send id=%u:2", IDX));
}

/* One waits outside for a call that unregisters the same id inside. */
TEST_F(unregister, inside_and_outside_at_once)
{
	struct task sender, remover;

	ASSERT_EQ(0, client("add %u:1 suicidal hold+del-self", IDX));
	ASSERT_TRUE(start_send(&sender, 1));
	ASSERT_EQ(0, client("wait_running %u:1 1", IDX));
	ASSERT_TRUE(start_command(&remover, "del %u:1", IDX));
	ASSERT_TRUE(is_gone(1));
	ASSERT_EQ(0, client("release %u:1", IDX));
	EXPECT_LT(0, finish(&sender));
	EXPECT_EQ(0, finish(&remover));
}

/* After an unregistration inside, one outside has nothing to wait for. */
TEST_F(unregister, outside_after_inside)
{
	struct cn_packet p = { .id = { IDX, 1 } };

	ASSERT_EQ(0, client("add %u:1 suicidal del-self", IDX));
	ASSERT_LT(0, cn_send(self->fd, &p));
	EXPECT_EQ(0, client("del %u:1", IDX));
}

/* -- Storms -------------------------------------------------------------- */

static void *send_until_done(void *arg)
{
	struct task *storm = arg;
	struct cn_packet p = { .id = { IDX, 1 } };
	int fd = cn_open_in_group(0);

	while (!__atomic_load_n(&storm->done, __ATOMIC_SEQ_CST))
		cn_send(fd, &p);
	close(fd);
	return NULL;
}

#define STORM_MS 1000

TEST_F(unregister, storm_against_senders_makes_no_late_call)
{
	struct task storm;
	pthread_t senders[2];
	int i;

	/* There the outcome is a matter of luck. */
	SKIP_ON_C();
	ASSERT_TRUE(start_command(&storm, "storm %u:1 %u", IDX, STORM_MS));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&senders[i], NULL, send_until_done, &storm));
	EXPECT_EQ(0, finish(&storm));
	for (i = 0; i < 2; i++)
		pthread_join(senders[i], NULL);
	EXPECT_EQ(0, callback_value(IDX, 1, "late"));
	EXPECT_EQ(0, callback_value(IDX, 1, "running"));
	/* Otherwise the test has tried nothing. */
	EXPECT_LT(0, callback_value(IDX, 1, "calls"));
}

/* An entry is complete before it is found: its group is never missing. */
TEST_F(unregister, storm_shows_no_half_made_entry)
{
	int member = cn_open_in_group(IDX);
	int found = 0, ret;
	struct task storm;

	SKIP_ON_C();
	ASSERT_LE(0, member);
	ASSERT_TRUE(start_command(&storm, "storm %u:1 %u", IDX, STORM_MS));
	while (!__atomic_load_n(&storm.done, __ATOMIC_SEQ_CST)) {
		ret = client("send id=%u:1", IDX);
		EXPECT_TRUE(ret == 0 || ret == -ENODEV);
		found += !ret;
		cn_drain(member);
	}
	EXPECT_EQ(0, finish(&storm));
	EXPECT_LT(0, found);
	close(member);
}

/* -- A sender that dies -------------------------------------------------- */

TEST_F(unregister, sender_killed_in_its_call_leaves_nothing_behind)
{
	struct cn_packet p = { .id = { IDX, 1 } };
	pid_t child;
	int status;

	ASSERT_EQ(0, client("add %u:1 held hold", IDX));
	child = fork();
	if (!child) {
		cn_send(self->fd, &p);
		_exit(0);
	}
	ASSERT_EQ(0, client("wait_running %u:1 1", IDX));
	ASSERT_EQ(0, kill(child, SIGKILL));
	ASSERT_EQ(0, client("release %u:1", IDX));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(0, callback_value(IDX, 1, "running"));
	ASSERT_EQ(0, client("del %u:1", IDX));
}
