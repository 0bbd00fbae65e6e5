// SPDX-License-Identifier: GPL-2.0
/*
 * The provider of process events is loaded and unloaded, with and without listeners. Starts with
 * nothing loaded and leaves nothing.
 */
#include <sys/stat.h>
#include <sys/utsname.h>

#include "kselftest_harness.h"
#include "cn_module.h"
#include "cn_priority.h"
#include "cn_process.h"

static int provider_load_with(const char *parameters)
{
	return module_load("cn_proc", parameters);
}

static int provider_load(void)
{
	return provider_load_with("");
}

FIXTURE(process_events)
{
	int klog;
};

FIXTURE_SETUP(process_events)
{
	SKIP_ON_C();
	SKIP_ON_GUEST();
	CN_NEEDS_NO_CONNECTOR();
	ASSERT_EQ(0, module_load("cn", ""));
	self->klog = klog_mark();
	ASSERT_LE(0, self->klog);
}

FIXTURE_TEARDOWN(process_events)
{
	close(self->klog);
	if (module_is_loaded("cn_proc"))
		EXPECT_EQ(0, module_unload("cn_proc"));
	if (module_is_loaded("cn"))
		EXPECT_EQ(0, module_unload_soon("cn"));
}

TEST_F(process_events, says_which_events_there_are)
{
	ASSERT_EQ(0, provider_load());
	EXPECT_TRUE(KLOG_HAS(self->klog, "cn_proc: events: fork exec exit comm"));
	EXPECT_TRUE(process_events_are_provided());
}

/*
 * Attaching to tracepoints changes code that another processor runs. There, QEMU without hardware
 * virtualisation may run a breakpoint that the kernel has already removed. So all processes run on
 * one processor in that case.
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

/* As on kernels that cannot probe functions, or cannot send from there. */
TEST_F(process_events, exits_are_delivered_without_probes)
{
	int fd, i, child;

	ASSERT_EQ(0, provider_load_with("probe=0"));
	EXPECT_TRUE(KLOG_HAS(self->klog,
			     "cn_proc: events: fork exec exit comm; not on this kernel: uid gid sid ptrace coredump; exits are delivered a moment later"));
	fd = process_open(0);
	ASSERT_LE(0, fd);
	for (i = 0; i < cn_repeat(50); i++) {
		child = fork();
		ASSERT_LE(0, child);
		if (!child) {
			usleep(1000);
			_exit(7);
		}
		ASSERT_EQ(0, process_wait_for_end(fd, child));
		ASSERT_EQ(7, process_reap_now(child));
	}
	close(fd);
}

/* A process that is recorded, but not reported: it is closing a file, which takes a while. */
TEST_F(process_events, unloads_while_an_end_is_under_way)
{
	int fd, i, k, child;

	stay_where_code_changes();
	for (i = 0; i < cn_repeat(10); i++) {
		ASSERT_EQ(0, provider_load_with("probe=0"));
		fd = process_open(0);
		ASSERT_LE(0, fd);
		for (k = 0; k < 10; k++) {
			child = fork();
			ASSERT_LE(0, child);
			if (!child)
				_exit(0);
		}
		ASSERT_EQ(0, module_unload("cn_proc"));
		while (waitpid(-1, NULL, 0) > 0)
			;
		close(fd);
	}
}

TEST_F(process_events, needs_the_connector)
{
	ASSERT_EQ(0, module_unload_soon("cn"));
	EXPECT_EQ(-ENOENT, provider_load());
}

TEST_F(process_events, holds_the_connector)
{
	ASSERT_EQ(0, provider_load());
	EXPECT_EQ(-EWOULDBLOCK, module_unload("cn"));
}

TEST_F(process_events, unloads_while_somebody_listens)
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
		/* A program that sent its request earlier has to repeat it. */
		ASSERT_EQ(0, provider_load());
		EXPECT_FALSE(process_hears(fd));
		EXPECT_EQ(0, process_listen(fd));
		EXPECT_TRUE(process_hears(fd));
		close(fd);
		ASSERT_EQ(0, module_unload("cn_proc"));
	}
}

/* Processes and listeners start and end while the module is loaded and unloaded. */
TEST_F(process_events, is_loaded_and_unloaded_among_processes)
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

/* -- Loaded by the first request --------------------------------------------------------- */

#define MODPROBE_SETTING "/proc/sys/kernel/modprobe"
/* The tests' own, and what it leaves when it was called. */
#define MODPROBE "/tmp/modprobe"
#define REQUESTS "/tmp/requests"

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	ssize_t len = strlen(text);
	int ret = fd < 0 || write(fd, text, len) != len ? -errno : 0;

	close(fd);
	return ret;
}

/* From here on, the kernel calls this script. */
static int set_modprobe(const char *script)
{
	int ret = write_file(MODPROBE, script);

	unlink(REQUESTS);
	if (!ret && chmod(MODPROBE, 0755))
		ret = -errno;
	return ret ? ret : write_file(MODPROBE_SETTING, MODPROBE);
}

/* What the setting was, for the end of each test. */
static void save_setting(char *setting, size_t size)
{
	char *text = read_file(MODPROBE_SETTING);

	snprintf(setting, size, "%s", text ? text : "");
	free(text);
}

FIXTURE(autoload_proc)
{
	char setting[256];
};

FIXTURE_SETUP(autoload_proc)
{
	char path[256];
	struct utsname name;

	SKIP_ON_C();
	ASSERT_EQ(0, uname(&name));
	snprintf(path, sizeof(path), "/lib/modules/%s/modules.dep", name.release);
	if (access(path, R_OK) || access("/sbin/modprobe", X_OK))
		SKIP(return, "no modprobe, or no modules for it");
	SKIP_ON_GUEST();
	CN_NEEDS_NO_CONNECTOR();
	save_setting(self->setting, sizeof(self->setting));
	ASSERT_NE('\0', self->setting[0]);
}

/* In the parent, which has kept its rights, and goes on if the test is killed. */
FIXTURE_TEARDOWN_PARENT(autoload_proc)
{
	EXPECT_EQ(0, write_file(MODPROBE_SETTING, self->setting));
	if (module_is_loaded("cn_proc"))
		EXPECT_EQ(0, module_unload_soon("cn_proc"));
	if (module_is_loaded("cn"))
		EXPECT_EQ(0, module_unload_soon("cn"));
}

TEST_F(autoload_proc, request_loads)
{
	int fd = process_open(0);

	ASSERT_LE(0, fd);
	EXPECT_TRUE(module_is_loaded("cn_proc"));
	EXPECT_TRUE(process_hears(fd));
	close(fd);
}

TEST_F(autoload_proc, request_of_a_user_loads)
{
	int fd;

	become_user();
	fd = process_open(0);
	ASSERT_LE(0, fd);
	EXPECT_TRUE(process_hears(fd));
	close(fd);
}

TEST_F(autoload_proc, socket_and_other_ids_do_not)
{
	static const struct cb_id others[] = { { 1, 2 }, { 2, 1 }, { 0, 1 }, { 5, 1 } };
	int fd = cn_open_in_group(CN_IDX_PROC), i;

	ASSERT_LE(0, fd);
	for (i = 0; i < ARRAY_SIZE(others); i++) {
		struct cn_packet p = { .id = others[i] };

		ASSERT_LT(0, cn_send(fd, &p));
	}
	EXPECT_FALSE(module_is_loaded("cn_proc"));
	close(fd);
}

/* A request where nothing can be loaded does not start a program each time. */
TEST_F(autoload_proc, not_over_and_over)
{
	int fd = cn_open_in_group(CN_IDX_PROC), i;
	struct stat requests;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, set_modprobe("#!/bin/sh\necho >>" REQUESTS "\n"));
	for (i = 0; i < 100; i++)
		process_operation(fd, PROC_CN_MCAST_LISTEN, 1, 1);
	ASSERT_EQ(0, stat(REQUESTS, &requests));
	EXPECT_EQ(1, requests.st_size);
	close(fd);
}

/*
 * A user's process on the first processor that spins, or sends requests with the lowest priority.
 */
static pid_t begin_user(bool asks)
{
	pid_t child = fork();

	if (child)
		return child;
	if (asks) {
		become_starved();
		process_operation(cn_open_in_group(CN_IDX_PROC), PROC_CN_MCAST_LISTEN, 1, 1);
		pause();
	}
	become_user();
	stay_on(0);
	for (;;)
		;
}

/*
 * A requester with next to no processor time is served when the module is loaded for another one.
 */
TEST_F(autoload_proc, whoever_has_sent_the_first_request)
{
	pid_t children[4];
	int fd, i;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "not on this machine: a second processor");
	fd = cn_open_in_group(CN_IDX_PROC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, set_modprobe("#!/bin/sh\n>" REQUESTS "\n/sbin/modprobe \"$@\"\n"));
	for (i = 0; i < ARRAY_SIZE(children); i++)
		children[i] = begin_user(i == ARRAY_SIZE(children) - 1);
	stay_on(1);
	for (i = 0; access(REQUESTS, F_OK) && i < cn_timeout() / 10; i++)
		usleep(10 * 1000);
	EXPECT_EQ(0, access(REQUESTS, F_OK));
	EXPECT_EQ(0, process_listen(fd));
	for (i = 0; i < ARRAY_SIZE(children); i++) {
		kill(children[i], SIGKILL);
		waitpid(children[i], NULL, 0);
	}
	close(fd);
}

/*
 * No other message of any program starts modprobe, and none at all where the kernel has process
 * events: not a single one, and not one behind a message to the notification channel, which a guest
 * gets with it.
 */
FIXTURE(no_autoload)
{
	char setting[256];
};

FIXTURE_SETUP(no_autoload)
{
	CN_NEEDS();
	save_setting(self->setting, sizeof(self->setting));
	ASSERT_NE('\0', self->setting[0]);
}

FIXTURE_TEARDOWN_PARENT(no_autoload)
{
	EXPECT_EQ(0, write_file(MODPROBE_SETTING, self->setting));
}

TEST_F(no_autoload, by_other_messages)
{
	static const struct cb_id all[] = { { 1, 1 }, { 1, 2 }, { 5, 1 } };
	bool in_kernel = provider_is_guest() || provider_is_c();
	const struct cb_id *ids = in_kernel ? all : all + 1;
	int count = in_kernel ? ARRAY_SIZE(all) : ARRAY_SIZE(all) - 1;
	struct cn_packet first = { .id = { 0xffffffff, 0xffffffff } };
	uint8_t datagram[200];
	size_t len = 0;
	pid_t child;
	int fd, i;

	ASSERT_EQ(0, set_modprobe("#!/bin/sh\necho >>" REQUESTS "\n"));
	/* Another protocol of netlink, which nobody has, does start it. */
	ASSERT_EQ(-1, socket(AF_NETLINK, SOCK_DGRAM, MAX_LINKS - 1));
	ASSERT_EQ(0, access(REQUESTS, F_OK));
	ASSERT_EQ(0, unlink(REQUESTS));
	len = NLMSG_ALIGN(cn_build(datagram, &first));
	for (i = 0; i < count; i++) {
		struct cn_packet p = { .id = ids[i] };

		len += NLMSG_ALIGN(cn_build(datagram + len, &p));
	}
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		become_user();
		fd = cn_open();
		must(cn_send_raw(fd, datagram, len) > 0, "send");
		for (i = 0; i < count; i++) {
			struct cn_packet p = { .id = ids[i] };

			must(cn_send(fd, &p) > 0, "send");
		}
		_exit(0);
	}
	EXPECT_EQ(child, waitpid(child, &i, 0));
	EXPECT_EQ(0, i);
	EXPECT_EQ(-1, access(REQUESTS, F_OK));
	EXPECT_EQ(ENOENT, errno);
}
