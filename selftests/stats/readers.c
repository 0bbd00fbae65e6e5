// SPDX-License-Identifier: GPL-2.0
/*
 * Programs without rights read the files of many callbacks over and over, from the start or from a
 * large offset. Registering and grace periods still make progress.
 */
#include "kselftest_harness.h"
#include "cn_client.h"
#include "cn_module.h"
#include "cn_priority.h"
#include "cn_watchdog.h"

#define READERS_IDX 47
#define IDS 60000
/* The built-in connector looks at each before it registers another one. */
#define IDS_OF_GUEST 2000
#define READERS 16
#define ROUNDS 50
/* The average limit, for tasks of the highest priority. The whole of a file takes longer. */
#define MEAN_MS 30
#define UNLOADS 4
/* On average, for a module to be unloaded, which waits for a grace period. */
#define UNLOAD_MS 1500

FIXTURE(readers)
{
	pid_t children[READERS];
};

FIXTURE_VARIANT(readers)
{
	const char *path;
	/*
	 * If not 0, reads begin near the end, at this many bytes for each line. Each read then
	 * makes all earlier lines anew.
	 */
	off_t line;
};

FIXTURE_VARIANT_ADD(readers, connector) { .path = "/proc/net/connector" };
FIXTURE_VARIANT_ADD(readers, connector_stats) { .path = "/proc/net/connector_stats" };
FIXTURE_VARIANT_ADD(readers, far_in_connector) { .path = "/proc/net/connector", .line = 20 };
FIXTURE_VARIANT_ADD(readers, far_in_connector_stats) {
	.path = "/proc/net/connector_stats", .line = 70
};

static unsigned int ids(void)
{
	return cn_repeat(provider_is_guest() ? IDS_OF_GUEST : IDS);
}

static void read_for_ever(const char *path, off_t offset)
{
	static char text[1 << 20];
	int fd;

	become_user();
	for (;;) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			_exit(1);
		/* The offset is at the start: to read elsewhere is to begin there. */
		if (offset)
			while (pread(fd, text, 1, offset) == 1)
				;
		else
			while (read(fd, text, sizeof(text)) > 0)
				;
		close(fd);
	}
}

FIXTURE_SETUP(readers)
{
	int i;

	SKIP_ON_C();
	if (provider_is_guest() && !strstr(variant->path, "stats"))
		SKIP(return, "the file is that of the built-in connector");
	CN_NEEDS_CLIENT();
	ASSERT_EQ(0, client("add_many %u:1 %u", READERS_IDX, ids()));
	for (i = 0; i < READERS; i++) {
		self->children[i] = fork();
		if (!self->children[i])
			read_for_ever(variant->path, variant->line * ids());
	}
}

FIXTURE_TEARDOWN(readers)
{
	int i;

	for (i = 0; i < READERS; i++) {
		EXPECT_TRUE(is_running(self->children[i]));
		kill(self->children[i], SIGKILL);
		waitpid(self->children[i], NULL, 0);
	}
	client("clear");
}

/* With the highest priority, so that the time contains no wait for the scheduler. */
TEST_F(readers, hold_up_no_registration)
{
	long long begin, total = 0;
	int i, rounds = cn_repeat(ROUNDS);

	set_policy(SCHED_FIFO, 50);
	usleep(cn_limit(200) * 1000);
	for (i = 0; i < rounds; i++) {
		begin = watchdog_ms();
		ASSERT_EQ(0, client("add 48:1 x count"));
		ASSERT_EQ(0, client("del 48:1"));
		total += watchdog_ms() - begin;
		usleep(5000);
	}
	TH_LOG("%lld ms on average", total / rounds);
	EXPECT_GE(cn_limit(2 * MEAN_MS), total / rounds);
}

TEST_F(readers, hold_up_no_grace_period)
{
	long long begin, total = 0;
	int i;

	set_policy(SCHED_FIFO, 50);
	usleep(cn_limit(200) * 1000);
	for (i = 0; i < UNLOADS; i++) {
		ASSERT_EQ(0, module_load("cn_leaver_00", ""));
		begin = watchdog_ms();
		ASSERT_EQ(0, module_unload("cn_leaver_00"));
		total += watchdog_ms() - begin;
	}
	TH_LOG("%lld ms on average", total / UNLOADS);
	EXPECT_GE(cn_limit(UNLOAD_MS), total / UNLOADS);
}
