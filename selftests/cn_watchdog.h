/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Runs an operation that may never end in a process of its own, which is left behind at the time
 * limit. The test fails then, and the next one begins.
 */
#ifndef CN_WATCHDOG_H
#define CN_WATCHDOG_H

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cn_socket.h"

/* The limit for unloading, and for other operations that must not wait. */
#define SOON_MS 5000

static inline long long watchdog_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Starts the operation, which returns 0 or a negative errno. */
static inline pid_t begin_process(int (*run)(const void *), const void *arg)
{
	pid_t child = fork();

	if (!child) {
		/* A reader that waits for the end of our output does not wait for this process. */
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		dup2(null, 1);
		dup2(null, 2);
		_exit(-run(arg) & 0xff);
	}
	return child;
}

/*
 * Waits for the end of the process and returns its result. At the limit it kills the process and
 * returns -ETIMEDOUT.
 */
static inline int end_process(pid_t child, int limit_ms)
{
	long long end = watchdog_ms() + cn_limit(limit_ms);
	int status;

	if (child < 0)
		return -EAGAIN;
	while (watchdog_ms() < end) {
		if (waitpid(child, &status, WNOHANG) == child)
			return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
		usleep(1000);
	}
	kill(child, SIGKILL);
	return -ETIMEDOUT;
}

static inline int run_within(int limit_ms, int (*run)(const void *), const void *arg)
{
	return end_process(begin_process(run, arg), limit_ms);
}

static inline bool is_running(pid_t child)
{
	siginfo_t info = {};

	return !waitid(P_PID, child, &info, WEXITED | WNOHANG | WNOWAIT) && !info.si_pid;
}

/*
 * A socket that is opened, joins, leaves, and is closed. For a guest, which knows no other sockets,
 * it sends something, to the notification channel.
 */
static inline int use_a_socket(const void *arg)
{
	struct cn_packet p = { .id = { 0xffffffff, 0xffffffff } };
	int fd = cn_open_in_group(1);

	if (fd < 0)
		return fd;
	if (provider_is_guest())
		cn_send(fd, &p);
	return close(fd) ? -errno : 0;
}

#ifdef CN_MODULE_H
static inline int unload_named(const void *name)
{
	return module_unload_soon(name);
}

/* Unloads a module, or returns -ETIMEDOUT. */
static inline int unload_within(const char *name)
{
	return run_within(SOON_MS, unload_named, name);
}

static inline int load_named(const void *words)
{
	const char * const *word = words;

	return module_load(word[0], word[1]);
}

/* Loads a test module with parameters, or returns -ETIMEDOUT. */
static inline int load_within(const char *name, const char *params)
{
	const char *words[] = { name, params };

	return run_within(SOON_MS, load_named, words);
}
#endif

/* Does a line of the files in /proc/net have this text? */
static inline bool is_shown(const char *word)
{
	static const char * const files[] = { "/proc/net/connector", "/proc/net/connector_stats" };
	bool found = false;
	char *text;
	int i;

	for (i = 0; i < 2; i++) {
		text = read_file(files[i]);
		found |= text && strstr(text, word);
		free(text);
	}
	return found;
}

#endif
