// SPDX-License-Identifier: GPL-2.0
/*
 * The connector is unloaded beside a program without rights that sends, has the lowest priority, and
 * gets next to no processor time. It can be anywhere in its code. If it is in a module, or holds
 * one, that is in use; in no case does unloading wait for the program.
 */
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "cn_module.h"
#include "cn_priority.h"
#include "cn_watchdog.h"

#define ROUNDS 10
#define SPINNERS 4
/*
 * The same on slow kernels: much more than unloading takes, and less than the kernel takes to
 * complain about a task that delays grace periods of RCU.
 */
#define LIMIT_MS 8000
/*
 * A program that was preempted under the RCU read lock of netlink delays the grace periods that the
 * unloading of every module waits for: about once in ten rounds.
 */
#define TOO_LONG_MOST (ROUNDS / 2)

FIXTURE(starved_sender)
{
	unsigned long *sent;
	pid_t sender;
	pid_t spinners[SPINNERS];
};

FIXTURE_VARIANT(starved_sender)
{
	int messages;
};

/* Most of the time on its way to the connector, or most of the time in it. */
FIXTURE_VARIANT_ADD(starved_sender, of_one_message) { .messages = 1 };
FIXTURE_VARIANT_ADD(starved_sender, of_many_messages) { .messages = 1000 };

/* To the notification channel, which refuses them. */
static void send_without_end(unsigned long *sent, int messages)
{
	static uint8_t datagram[64 * 1024];
	struct cn_packet p = { .id = { 0xffffffff, 0xffffffff } };
	size_t len = 0;
	int fd;

	while (messages--)
		len += NLMSG_ALIGN(cn_build(datagram + len, &p));
	become_starved();
	fd = cn_open();
	while (cn_send_raw(fd, datagram, len) > 0)
		__atomic_add_fetch(sent, 1, __ATOMIC_SEQ_CST);
	_exit(1);
}

/* A high priority does what many ordinary processes would. */
static pid_t begin_spinner(void)
{
	pid_t child = fork();

	if (child)
		return child;
	must(!setpriority(PRIO_PROCESS, 0, -20), "priority");
	stay_on(0);
	for (;;)
		;
}

static void end_one(pid_t *child)
{
	if (*child > 0) {
		kill(*child, SIGKILL);
		waitpid(*child, NULL, 0);
	}
	*child = 0;
}

FIXTURE_SETUP(starved_sender)
{
	CN_NEEDS_NO_CONNECTOR();
	ASSERT_EQ(0, module_load("cn", ""));
	self->sent = mmap(NULL, sizeof(*self->sent), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->sent);
	self->sender = fork();
	if (!self->sender)
		send_without_end(self->sent, variant->messages);
	if (sysconf(_SC_NPROCESSORS_ONLN) > 1)
		stay_on(1);
}

FIXTURE_TEARDOWN(starved_sender)
{
	int i;

	for (i = 0; i < SPINNERS; i++)
		end_one(&self->spinners[i]);
	end_one(&self->sender);
	if (module_is_loaded("cn"))
		EXPECT_EQ(0, module_unload_soon("cn"));
}

static bool is_sending(unsigned long *sent, int milliseconds)
{
	unsigned long before = __atomic_load_n(sent, __ATOMIC_SEQ_CST);

	for (; milliseconds; milliseconds--) {
		usleep(1000);
		if (__atomic_load_n(sent, __ATOMIC_SEQ_CST) != before)
			return true;
	}
	return false;
}

static int unload_now(const void *arg)
{
	return module_unload("cn");
}

/* Returns the result, or -ETIMEDOUT; then it has not ended. */
static int wait_for(pid_t unloader)
{
	long long end = watchdog_ms() + LIMIT_MS;
	int status;

	while (watchdog_ms() < end) {
		if (waitpid(unloader, &status, WNOHANG) == unloader)
			return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
		usleep(1000);
	}
	return -ETIMEDOUT;
}

TEST_F_TIMEOUT(starved_sender, does_not_delay_unloading, cn_limit(200))
{
	int round, i, ret, done = 0, too_long = 0;
	pid_t unloader;

	/* With one processor, the test itself would starve. */
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		return;
	for (round = 0; round < ROUNDS; round++) {
		if (!module_is_loaded("cn"))
			ASSERT_EQ(0, module_load("cn", ""));
		ASSERT_TRUE(is_sending(self->sent, cn_timeout()));
		/* Another point of its code each time. */
		usleep(200 + 370 * round);
		for (i = 0; i < SPINNERS; i++)
			self->spinners[i] = begin_spinner();
		for (i = 0; i < 100 && is_sending(self->sent, 20); i++)
			;
		unloader = begin_process(unload_now, NULL);
		ret = wait_for(unloader);
		for (i = 0; i < SPINNERS; i++)
			end_one(&self->spinners[i]);
		if (ret == -ETIMEDOUT) {
			too_long++;
			waitpid(unloader, NULL, 0);
			continue;
		}
		EXPECT_TRUE(!ret || ret == -EWOULDBLOCK);
		done += !ret;
	}
	TH_LOG("unloaded %d times, in use %d times, too long %d times", done,
	       ROUNDS - done - too_long, too_long);
	EXPECT_GE(TOO_LONG_MOST, too_long);
	/* A socket holds a connector that has the protocol to itself. */
	if (provider_is_guest() && variant->messages == 1)
		EXPECT_LT(0, done);
}
