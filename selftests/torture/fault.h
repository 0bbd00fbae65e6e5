/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Lets an operation fail at its first allocation, at its second, and so on to the end. Copies from
 * and to user space are points as well.
 */
#ifndef FAULT_H
#define FAULT_H

#include <stdarg.h>
#include <sys/mman.h>

#include "../cn_module.h"
#include "fail_nth.h"

#define STATS "/proc/net/connector_stats"
/* More than any operation here has: the sweep has no end. */
#define FAULT_POINTS_MAX 5000

static int faults_wrong;
static const char *fault_name = "";
static int fault_point;

/* Something that must hold at every point. */
static inline __attribute__((format(printf, 2, 3)))
bool expect(bool holds, const char *format, ...)
{
	va_list args;

	if (holds)
		return true;
	faults_wrong++;
	printf("%s, point %d: ", fault_name, fault_point);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	return false;
}

/* The errors of a failed allocation, and of a failed copy to or from the program. */
static inline bool is_fault_error(int ret)
{
	return ret == -ENOMEM || ret == -EFAULT || ret == -ENOBUFS;
}

struct sweep {
	const char *name;
	/* The operation; 0 or more, or an error. */
	int (*attempt)(void);
	/* Checks the state after the attempt, and undoes it. */
	void (*check)(int ret, bool failed);
	/* Another error that means lack of memory, or 0. */
	int error;
	/* The allocation after the point fails, too. */
	bool two;
	/* Points, errors, and points that did no harm. */
	int points, errors, harmless;
};

static inline void sweep(struct sweep *s)
{
	bool failed = true;
	int ret;

	fault_name = s->name;
	/* First without a fault, so that one-time work is done. */
	fault_point = 0;
	ret = s->attempt();
	expect(ret >= 0, "without a fault: %d", ret);
	s->check(ret, false);
	for (fault_point = 1; failed && faults_wrong < 10; fault_point++) {
		if (s->two)
			fault_arm_two(fault_point);
		else
			fault_arm(fault_point);
		ret = s->attempt();
		failed = s->two ? fault_disarm_two() : fault_disarm();
		expect(ret >= 0 || failed, "no fault, and still %d", ret);
		expect(ret >= 0 || is_fault_error(ret) || ret == s->error, "the error is %d", ret);
		s->check(ret, failed);
		s->points += failed;
		s->errors += failed && ret < 0;
		s->harmless += failed && ret >= 0;
		if (!expect(fault_point < FAULT_POINTS_MAX, "there is no end"))
			return;
	}
}

/* The figure, and the result of the program. */
static inline int sweeps_end(const struct sweep *s, size_t n)
{
	int points = 0, errors = 0;

	for (; n; n--, s++) {
		printf("%s: %d points, %d errors, %d without\n", s->name, s->points, s->errors,
		       s->harmless);
		points += s->points;
		errors += s->errors;
		fault_name = s->name;
		fault_point = 0;
		expect(s->points, "no point at all");
	}
	printf("%d points, %d errors, %d unexpected\n", points, errors, faults_wrong);
	return faults_wrong ? 1 : 0;
}

static inline void faults_begin(void)
{
	/* Page faults would be points. */
	mlockall(MCL_CURRENT | MCL_FUTURE);
	setvbuf(stdout, NULL, _IOLBF, 0);
}

#endif
