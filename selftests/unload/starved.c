// SPDX-License-Identifier: GPL-2.0
/*
 * The connector is unloaded beside a program without rights that sends, has the lowest priority, and
 * gets next to no processor time. It can be anywhere in its code. If it is in a module, or holds
 * one, that is in use; in no case does unloading wait for the program.
 *
 * But the unloading of every module waits for a grace period of RCU, and a program that was preempted
 * while netlink looked for a socket delays those, with and without a connector: about once in ten
 * rounds. Such a round says nothing, and is done again. That it is one, another user of RCU shows,
 * which has nothing to do with modules: it waits as well.
 */
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>

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
/* The same for a grace period alone. */
#define GRACE_MS 3000
/* Rounds that may say nothing. More of them are no chance: what was preempted is the connector. */
#define DELAYED_MOST (ROUNDS / 2)

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
	/* The test itself would starve. */
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "not on this machine: a second processor");
	CN_NEEDS_NO_CONNECTOR();
	ASSERT_EQ(0, module_load("cn", ""));
	self->sent = mmap(NULL, sizeof(*self->sent), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->sent);
	self->sender = fork();
	if (!self->sender)
		send_without_end(self->sent, variant->messages);
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

/* Unmounting waits for a grace period. */
static int wait_for_grace_period(const void *arg)
{
	static const char folder[] = "/tmp/grace";

	if (mkdir(folder, 0700) && errno != EEXIST)
		return -errno;
	if (mount("none", folder, "tmpfs", 0, NULL) || umount2(folder, MNT_DETACH))
		return -errno;
	return 0;
}

/* Returns the result, or -ETIMEDOUT; then it has not ended. */
static int wait_for(pid_t process, int limit_ms)
{
	long long end = watchdog_ms() + limit_ms;
	int status;

	do {
		if (waitpid(process, &status, WNOHANG) == process)
			return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
		usleep(1000);
	} while (watchdog_ms() < end);
	return -ETIMEDOUT;
}

TEST_F_TIMEOUT(starved_sender, does_not_delay_unloading, cn_limit(200))
{
	int round, i, ret, grace, done = 0, in_use = 0, delayed = 0;
	pid_t unloader, other;

	for (round = 0; done + in_use < ROUNDS && delayed <= DELAYED_MOST; round++) {
		if (!module_is_loaded("cn"))
			ASSERT_EQ(0, module_load("cn", ""));
		ASSERT_TRUE(is_sending(self->sent, cn_timeout()));
		/* Another point of its code each time. */
		usleep(200 + 370 * round);
		for (i = 0; i < SPINNERS; i++)
			self->spinners[i] = begin_spinner();
		for (i = 0; i < 100 && is_sending(self->sent, 20); i++)
			;
		grace = other = 0;
		unloader = begin_process(unload_now, NULL);
		ret = wait_for(unloader, LIMIT_MS);
		if (ret == -ETIMEDOUT) {
			other = begin_process(wait_for_grace_period, NULL);
			grace = wait_for(other, GRACE_MS);
			/* If the grace period that it waits for has ended by now, it ends as well. */
			ret = wait_for(unloader, grace ? 0 : GRACE_MS);
		}
		for (i = 0; i < SPINNERS; i++)
			end_one(&self->spinners[i]);
		if (other) {
			delayed++;
			EXPECT_TRUE(!grace || grace == -ETIMEDOUT);
			EXPECT_FALSE(!grace && ret == -ETIMEDOUT)
				TH_LOG("unloading waits, and not for RCU");
		}
		if (grace == -ETIMEDOUT)
			EXPECT_EQ(0, wait_for(other, cn_timeout()));
		if (ret == -ETIMEDOUT)
			ret = wait_for(unloader, cn_timeout());
		EXPECT_TRUE(!ret || ret == -EWOULDBLOCK)
			TH_LOG("unloading: %d", ret);
		if (other)
			continue;
		done += !ret;
		in_use += !!ret;
	}
	TH_LOG("unloaded %d times, in use %d times, delayed by RCU %d times", done, in_use,
	       delayed);
	EXPECT_GE(DELAYED_MOST, delayed);
	if (!provider_is_guest()) {
		/* A socket holds a connector that has the protocol to itself. */
		EXPECT_EQ(ROUNDS, in_use);
		EXPECT_EQ(0, delayed);
	} else if (variant->messages == 1) {
		EXPECT_LT(0, done);
	} else {
		EXPECT_LT(0, in_use);
	}
}
