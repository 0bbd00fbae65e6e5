// SPDX-License-Identifier: GPL-2.0
/*
 * Process events are unloaded right after a program was killed whose request waits: its user has
 * reached the limit, and a work item finds out whether one of the user's sockets is closed already.
 * Nobody is left who needs the answer, so unloading does not wait for it.
 *
 * The work item asks by a socket that it closes, and the connector answers a moment later, by another
 * work item. To unload in between, the test keeps both on its own processor, where it has the
 * highest priority. It wakes up at some time, and sleeps no more until it unloads.
 */
#include "kselftest_harness.h"
#include "cn_priority.h"
#include "cn_process.h"
#include "cn_watchdog.h"

#define ROUNDS 40
/* Much more than unloading takes, also on slow kernels, and less than the work item waits. */
#define UNLOAD_MS 8000
#define PROCESSORS_OF_WORK "/sys/devices/virtual/workqueue/cpumask"

FIXTURE(stopping)
{
	pid_t program;
	char *processors;
};

FIXTURE_SETUP(stopping)
{
	CN_NEEDS_PROCESS_EVENTS();
	SKIP_WITHOUT_PROCESS_FILE();
	if (!module_is_loaded("cn_proc"))
		SKIP(return, "process events are built in");
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "not on this machine: a second processor");
	self->processors = read_file(PROCESSORS_OF_WORK);
	if (!self->processors)
		SKIP(return, "not on this machine: a choice of processors for work items");
	write_to(PROCESSORS_OF_WORK, "1");
	ASSERT_EQ(0, module_unload("cn_proc"));
	stay_on(0);
	set_policy(SCHED_FIFO, 1);
}

FIXTURE_TEARDOWN(stopping)
{
	if (self->program > 0)
		kill(self->program, SIGKILL);
	if (self->processors)
		write_to(PROCESSORS_OF_WORK, self->processors);
	/* Not with the parameter of this test. */
	if (self->processors && module_is_loaded("cn_proc"))
		EXPECT_EQ(0, module_unload("cn_proc"));
}

/* Sends requests for which its user has no room. */
static pid_t begin_refused(void)
{
	pid_t child = fork();
	int fd;

	if (child)
		return child;
	set_policy(SCHED_OTHER, 0);
	stay_on(1);
	become_user();
	fd = cn_open_in_group(0);
	while (process_filtered(fd, PROC_CN_MCAST_LISTEN, PROC_EVENT_SID, 1, 1) > 0)
		;
	_exit(1);
}

/* Waits until it was refused, and hence will be again. */
static bool is_refused(long long before)
{
	int tries;

	for (tries = 0; tries < cn_timeout(); tries++) {
		if (read_counter(PROCESS_FILE, "refused") > before)
			return true;
		usleep(1000);
	}
	return false;
}

/* The module may be in use for a moment; no sleep gives the work item time. */
static int unload_without_sleep(void)
{
	long long end = watchdog_ms() + UNLOAD_MS;
	int ret;

	do {
		ret = module_unload("cn_proc");
	} while (ret == -EWOULDBLOCK && watchdog_ms() < end);
	return ret;
}

TEST_F_TIMEOUT(stopping, does_not_wait_for_an_answer_that_nobody_needs, cn_limit(120))
{
	long long begin, took, longest = 0;
	int round;

	for (round = 0; round < ROUNDS && longest < UNLOAD_MS; round++) {
		ASSERT_EQ(0, module_load("cn_proc", "listeners_per_user=0"));
		self->program = begin_refused();
		ASSERT_TRUE(is_refused(0));
		/* Another point of the work each time. */
		usleep(100 + 37 * round);
		kill(self->program, SIGKILL);
		while (waitpid(self->program, NULL, WNOHANG) != self->program)
			;
		self->program = 0;
		begin = watchdog_ms();
		ASSERT_EQ(0, unload_without_sleep());
		took = watchdog_ms() - begin;
		longest = took > longest ? took : longest;
	}
	TH_LOG("unloaded %d times, in %lld ms at most", round, longest);
	EXPECT_GT(UNLOAD_MS, longest);
}
