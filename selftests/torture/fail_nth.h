/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Lets an allocation of this thread fail, or a copy from or to user space
 * (/proc/thread-self/fail-nth). let_fail of torture.sh configures the operations that may fail.
 */
#ifndef FAIL_NTH_H
#define FAIL_NTH_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static __thread int fault_fd = -1;

/* From here on, the n-th point of this thread fails. */
static inline void fault_arm(int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", n);

	if (fault_fd < 0)
		fault_fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (fault_fd < 0 || pwrite(fault_fd, text, len, 0) != len) {
		perror("/proc/thread-self/fail-nth");
		exit(1);
	}
}

/* Ends it. True if a point failed in between. */
static inline bool fault_disarm(void)
{
	char text[16] = {};
	/* Reading is a point itself. */
	ssize_t len = pread(fault_fd, text, sizeof(text) - 1, 0);
	bool failed = len > 0 && atoi(text) == 0;

	while (pwrite(fault_fd, "0", 1, 0) != 1)
		;
	return failed;
}

static __thread int chance_fd = -1;

/*
 * Each allocation of this thread fails with the probability that torture.sh has set
 * (let_some_fail), or none fails.
 */
static inline void faults_by_chance(bool on)
{
	if (chance_fd < 0)
		chance_fd = open("/proc/thread-self/make-it-fail", O_WRONLY | O_CLOEXEC);
	if (chance_fd < 0) {
		perror("/proc/thread-self/make-it-fail");
		exit(1);
	}
	/* Writing allocates. */
	while (pwrite(chance_fd, on ? "1" : "0", 1, 0) != 1)
		;
}

/* From here on, the n-th point of this thread fails, and so does the next allocation after it. */
static inline void fault_arm_two(int n)
{
	static int times_fd = -1;

	if (times_fd < 0)
		times_fd = open("/sys/kernel/debug/failslab/times", O_WRONLY | O_CLOEXEC);
	/* Nothing fails by chance while points are counted. The point itself is one of the two. */
	fault_arm(1000000);
	faults_by_chance(true);
	if (times_fd < 0 || write(times_fd, "2", 1) != 1) {
		perror("/sys/kernel/debug/failslab/times");
		exit(1);
	}
	fault_arm(n);
}

/* Ends it. True if a point failed in between. */
static inline bool fault_disarm_two(void)
{
	bool failed = fault_disarm();

	faults_by_chance(false);
	return failed;
}

#endif
