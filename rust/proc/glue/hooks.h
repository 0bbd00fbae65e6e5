/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the C files of cn_proc.ko share: hooks of both kinds, by the numbers of proc_glue.h.
 */
#ifndef _HOOKS_H
#define _HOOKS_H

#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "proc_glue.h"

/* Hooks with lower numbers may be tracepoints. */
#define TRACE_HOOKS (CN_PROC_HOOK_COMM + 1)

/* As the functions cn_proc_glue_try() and so on; a hook is tried before it is attached. */
int trace_hook_try(unsigned int number);
int trace_hook_attach(unsigned int number);
void trace_hook_detach(unsigned int number);
/* Exits that were lost because there was no memory. */
u64 trace_hook_lost_exits(void);
/* Discards the exits that are not delivered yet. */
void trace_hook_discard_exits(void);

int probe_hook_try(unsigned int hook);
int probe_hook_attach(unsigned int hook);
void probe_hook_detach(unsigned int hook);
u64 probe_hook_missed(void);

static inline struct cn_proc_task ids_of(const struct task_struct *task)
{
	return (struct cn_proc_task){ .pid = task->pid, .tgid = task->tgid };
}

/* Zeroes for a task that was released already. */
static inline struct cn_proc_task parent_of(struct task_struct *task)
{
	struct cn_proc_task ids = {};

	rcu_read_lock();
	if (pid_alive(task))
		ids = ids_of(rcu_dereference(task->real_parent));
	rcu_read_unlock();
	return ids;
}

static inline void deliver_exit(struct task_struct *task)
{
	cn_proc_exits(ids_of(task), task->exit_code, task->exit_signal, parent_of(task));
}

#endif /* _HOOKS_H */
