/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A thread on the last processor that works without pause until it is stopped.
 */
#ifndef BENCH_STORM_H
#define BENCH_STORM_H

#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/kthread.h>

static inline int bench_storm_start(struct task_struct **storm, int (*run)(void *unused))
{
	struct task_struct *thread;

	if (*storm)
		return -EBUSY;
	thread = kthread_run_on_cpu(run, NULL, num_online_cpus() - 1, "bench_storm/%u");
	if (IS_ERR(thread))
		return PTR_ERR(thread);
	*storm = thread;
	return 0;
}

static inline int bench_storm_stop(struct task_struct **storm)
{
	struct task_struct *thread = *storm;

	*storm = NULL;
	return thread ? kthread_stop(thread) : 0;
}

#endif
