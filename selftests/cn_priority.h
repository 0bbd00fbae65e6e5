/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Processes with the highest priority for a processor, or with next to no time on it.
 */
#ifndef CN_PRIORITY_H
#define CN_PRIORITY_H

#include <sched.h>
#include <sys/resource.h>

#include "cn_privilege.h"

#ifndef SCHED_IDLE
#define SCHED_IDLE 5
#endif

static inline void stay_on(int processor)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(processor, &one);
	must(!sched_setaffinity(0, sizeof(one), &one), "affinity");
}

static inline void set_policy(int policy, int priority)
{
	struct sched_param param = { .sched_priority = priority };

	must(!sched_setscheduler(0, policy, &param), "policy");
}

/* Becomes an ordinary user on the first processor, with the lowest priority there. */
static inline void become_starved(void)
{
	become_user();
	stay_on(0);
	set_policy(SCHED_IDLE, 0);
}

static inline void raise_limit_of_files(int count)
{
	struct rlimit limit = { count + 200, count + 200 };

	must(!setrlimit(RLIMIT_NOFILE, &limit), "limit of files");
}

#endif
