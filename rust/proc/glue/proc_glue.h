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
#include <linux/seq_file.h>
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
 * Told by the hooks, in the context of the task in question, or, of ends, in that of a work item;
 * defined in source.rs. They don't sleep, and may be called with preemption off, but not from
 * interrupts.
 */
void cn_proc_forked(struct cn_proc_task parent, struct cn_proc_task child);
void cn_proc_executed(struct cn_proc_task task);
void cn_proc_renamed(struct cn_proc_task task, const struct cn_proc_name *name);
void cn_proc_uid_changed(struct cn_proc_task task, u32 real, u32 effective);
void cn_proc_gid_changed(struct cn_proc_task task, u32 real, u32 effective);
void cn_proc_session_begun(struct cn_proc_task task);
void cn_proc_traced(struct cn_proc_task task, struct cn_proc_task tracer);
void cn_proc_dumps_core(struct cn_proc_task task, struct cn_proc_task parent);
void cn_proc_exits(struct cn_proc_task task, u32 code, u32 signal, struct cn_proc_task parent);

/* Done by work items; may sleep. Each runs once at a time, and the first two not beside each other. */
void cn_proc_attach(void);	/* what is wanted */
void cn_proc_settle(void);	/* detaches what nobody has needed for a while */
void cn_proc_visit(void);	/* the members of the group */

/* Where events come from. */
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

/* Constants under a name that bindgen is told to keep. */
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
/* Once, before the first hook is tried: whether functions of the kernel may be probed. */
void cn_proc_glue_allow_probes(bool allowed);
/* Whether ends are told from a work item, as the place where they happen cannot be probed. */
bool cn_proc_glue_ends_are_late(void);
/* When all are detached: waits until none is running, and forgets what is not told yet. */
void cn_proc_glue_quiesce(void);
/* How many events hooks could not see since they were first attached. */
u64 cn_proc_glue_missed(void);

/* The next number of this processor; it stays on it until cn_proc_glue_end(). */
u32 cn_proc_glue_begin(u32 *cpu);
/* The same with the number that this processor gave last. */
u32 cn_proc_glue_begin_again(u32 *cpu);
void cn_proc_glue_end(void);
u64 cn_proc_glue_now(void);

/* Have cn_proc_attach() and cn_proc_settle() called in so many milliseconds. */
void cn_proc_glue_later(unsigned int milliseconds);
/*
 * Wait until cn_proc_attach() or cn_proc_visit() was called after this, or until it was told of all
 * sockets that are closed; of the last, for a second at most. 0, or an error if the task is killed.
 */
int cn_proc_glue_await_attached(void);
int cn_proc_glue_await_visit(void);
int cn_proc_glue_await_closes(void);
/* It was told that this socket is closed. */
void cn_proc_glue_closed(u64 socket);
int cn_proc_glue_begin_work(void);
void cn_proc_glue_end_work(void);

/* How far a reader of the file has come. */
struct cn_proc_cursor {
	u64 pass;		/* over the members of the group, with which it began */
	u64 socket;		/* the number of a listener, or 0: the head */
};

/* Each open file has a cursor of its own (seq_file.private), which is zero at first. */
bool cn_proc_glue_file_create(const struct seq_operations *operations);
void cn_proc_glue_file_remove(void);

#endif /* _PROC_GLUE_H */
