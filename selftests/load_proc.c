// SPDX-License-Identifier: GPL-2.0
/*
 * The provider of process events comes and goes, with and without listeners. Starts with nothing loaded
 * and leaves nothing.
 */
#include <sched.h>

#include "kselftest_harness.h"
#include "cn_module.h"
#include "cn_process.h"

SKIP_PROGRAM_ON_C()

static int provider_load(void)
{
	return module_load_from(module_folder("CN_MODULE_DIR", "/lib/modules/rust"), "cn_proc", "");
}

FIXTURE(load)
{
	int klog;
};

FIXTURE_SETUP(load)
{
	ASSERT_FALSE(module_is_loaded("cn_proc"));
	ASSERT_FALSE(module_is_loaded("cn"));
	ASSERT_EQ(0, connector_load(""));
	self->klog = klog_mark();
	ASSERT_LE(0, self->klog);
}

FIXTURE_TEARDOWN(load)
{
	close(self->klog);
	if (module_is_loaded("cn_proc"))
		EXPECT_EQ(0, module_unload("cn_proc"));
	if (module_is_loaded("cn"))
		EXPECT_EQ(0, module_unload_soon("cn"));
}

TEST_F(load, says_which_events_there_are)
{
	ASSERT_EQ(0, provider_load());
	EXPECT_TRUE(KLOG_HAS(self->klog, "cn_proc: events: fork exec exit comm"));
	EXPECT_TRUE(process_events_are_provided());
}

TEST_F(load, needs_the_connector)
{
	ASSERT_EQ(0, module_unload_soon("cn"));
	EXPECT_EQ(-ENOENT, provider_load());
}

TEST_F(load, holds_the_connector)
{
	ASSERT_EQ(0, provider_load());
	EXPECT_EQ(-EWOULDBLOCK, module_unload("cn"));
}

TEST_F(load, unloads_while_somebody_listens)
{
	int fd, i;

	for (i = 0; i < cn_repeat(3); i++) {
		ASSERT_EQ(0, provider_load());
		fd = process_open(0);
		ASSERT_LE(0, fd);
		EXPECT_TRUE(process_hears(fd));
		ASSERT_EQ(0, module_unload("cn_proc"));
		EXPECT_EQ(-1, access(PROCESS_FILE, F_OK));
		EXPECT_FALSE(process_hears(fd));
		/* Who asked before has to ask again. */
		ASSERT_EQ(0, provider_load());
		EXPECT_FALSE(process_hears(fd));
		EXPECT_EQ(0, process_listen(fd));
		EXPECT_TRUE(process_hears(fd));
		close(fd);
		ASSERT_EQ(0, module_unload("cn_proc"));
	}
}

/*
 * QEMU without hardware virtualisation may run a breakpoint that the kernel has already taken away again, where one
 * processor changes the code that another one runs, as attaching to tracepoints does; so there all is on one processor.
 */
static void stay_where_code_changes(void)
{
	char *info = read_file("/proc/cpuinfo");
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	if (info && strstr(info, "QEMU Virtual CPU") && sched_setaffinity(0, sizeof(one), &one))
		perror("sched_setaffinity");
	free(info);
}

/* Processes come and go, and listeners too, while the module does. */
TEST_F(load, comes_and_goes_among_processes)
{
	int i, fd, child;

	stay_where_code_changes();
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		for (;;)
			process_make(0);
	}
	for (i = 0; i < cn_repeat(10); i++) {
		ASSERT_EQ(0, provider_load());
		fd = process_open(i % 2 ? 0 : (uint32_t)PROC_EVENT_EXIT);
		ASSERT_LE(0, fd);
		if (i % 3)
			close(fd);
		ASSERT_EQ(0, module_unload("cn_proc"));
		if (!(i % 3))
			close(fd);
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

TEST_HARNESS_MAIN
