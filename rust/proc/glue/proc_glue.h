/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What crosses between C and Rust inside cn_proc.ko.
 *
 * bindgen reads this file, so that each prototype is written once: the Rust definitions are
 * compared with what is declared here when they are compiled.
 */
#ifndef _PROC_GLUE_H
#define _PROC_GLUE_H

#include <linux/cn_proc.h>
#include <linux/sched.h>
#include <linux/types.h>

/* A thread and its process, as numbers of the initial pid namespace. */
struct cn_proc_task {
	s32 pid;
	s32 tgid;
};

/* The name of a thread, zeroes behind it. */
struct cn_proc_name {
	u8 bytes[TASK_COMM_LEN];
};

/*
 * Called by the hooks, in the context of the task in question; cn_proc_exits() also in that of a
 * work item. Defined in glue.rs. They do not sleep, and may be called with preemption off, but not
 * from interrupts.
 */
void cn_proc_forked(struct cn_proc_task parent, struct cn_proc_task child);
void cn_proc_executed(struct cn_proc_task task);
void cn_proc_renamed(struct cn_proc_task task, struct cn_proc_name name);
void cn_proc_uid_changed(struct cn_proc_task task, u32 real, u32 effective);
void cn_proc_gid_changed(struct cn_proc_task task, u32 real, u32 effective);
void cn_proc_session_begun(struct cn_proc_task task);
void cn_proc_traced(struct cn_proc_task task, struct cn_proc_task tracer);
void cn_proc_dumps_core(struct cn_proc_task task, struct cn_proc_task parent);
void cn_proc_exits(struct cn_proc_task task, u32 code, u32 signal, struct cn_proc_task parent);

/* Called by work items; may sleep. One task at a time is in the first two, and one in the last. */
void cn_proc_attach(void);	/* the hooks that are needed */
void cn_proc_detach_idle(void);	/* the hooks that have been idle for long enough */
void cn_proc_visit(void);	/* the members of the group */

/* The hooks: the sources of events. */
enum {
	CN_PROC_HOOK_FORK,
	CN_PROC_HOOK_EXEC,
	CN_PROC_HOOK_EXIT,
	CN_PROC_HOOK_COMM,
	CN_PROC_HOOK_CREDENTIALS,
	CN_PROC_HOOK_SID,
	CN_PROC_HOOK_PTRACE,
	CN_PROC_HOOK_COREDUMP,
	CN_PROC_HOOKS,		/* how many there are */
};

/* Constants under a name that bindgen keeps. */
enum {
	CN_PROC_EVENTS = (u32)PROC_EVENT_ALL,
};

/*
 * Whether this kernel has what the hook needs: 0, -ENOMEM if that can't be found out, or another
 * error. May sleep.
 */
int cn_proc_glue_try(unsigned int hook);
int cn_proc_glue_attach(unsigned int hook);
void cn_proc_glue_detach(unsigned int hook);
/* Whether a work item delivers exits, because their function cannot be probed. */
bool cn_proc_glue_exits_are_delayed(void);
/* When all hooks are detached: waits until none is running, and discards pending exits. */
void cn_proc_glue_synchronize(void);
/* How many events the hooks have missed since they were first attached. */
u64 cn_proc_glue_missed(void);

/* The next number of this processor; the task stays on it until cn_proc_glue_put_number(). */
u32 cn_proc_glue_next_number(u32 *cpu);
/* The same with the last number of this processor. */
u32 cn_proc_glue_last_number(u32 *cpu);
void cn_proc_glue_put_number(void);
u64 cn_proc_glue_now(void);

/* Schedules cn_proc_attach() and cn_proc_detach_idle() in so many milliseconds. */
void cn_proc_glue_update_hooks_in(unsigned int milliseconds);
/*
 * Wait until cn_proc_attach() or cn_proc_visit() was called after this; or, for a second at most,
 * until cn_proc_glue_close_delivered() was called for all closed sockets. Return 0, or an error if
 * the task is killed.
 */
int cn_proc_glue_wait_attached(void);
int cn_proc_glue_wait_visited(void);
int cn_proc_glue_wait_closes(void);
/* The service has removed this closed socket. */
void cn_proc_glue_close_delivered(u64 socket);
int cn_proc_glue_start_work(void);
void cn_proc_glue_stop_work(void);

#endif /* _PROC_GLUE_H */
