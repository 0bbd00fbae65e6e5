// SPDX-License-Identifier: GPL-2.0
/*
 * Hooks that are tracepoints. They are found by name, because they are not exported to modules.
 */
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <linux/workqueue.h>
#include <trace/events/sched.h>
#include <trace/events/task.h>

#include "hooks.h"

/* Not sched_process_fork, which leaves out threads that the kernel makes for a process. */
static void on_newtask(void *data, struct task_struct *task, u64 clone_flags)
{
	struct cn_proc_task parent;

	rcu_read_lock();
	parent = ids_of(rcu_dereference(task->real_parent));
	rcu_read_unlock();
	cn_proc_forked(parent, ids_of(task));
}

static void on_exec(void *data, struct task_struct *task, pid_t old_pid,
		    struct linux_binprm *bprm)
{
	cn_proc_executed(ids_of(task));
}

/*
 * Ends, where the return of a function cannot be probed. The tracepoint is long before the parent
 * can reap the thread, so it is noted here, and told by a work item when it has got so far.
 */
struct end {
	struct list_head list;
	struct task_struct *task;
};

static LIST_HEAD(ends);
static DEFINE_RAW_SPINLOCK(ends_lock);
static u64 ends_lost;
/* When the last one was noted. As a thread can stay halfway for long, it is looked less often then. */
static unsigned long ends_noted;
static bool is_slow;

static void tell_of_ends(struct work_struct *work);
static DECLARE_DELAYED_WORK(ends_work, tell_of_ends);

static void on_exit(void *data, struct task_struct *task, bool group_dead)
{
	struct end *end = kmalloc(sizeof(*end), GFP_NOWAIT);
	unsigned long flags;
	bool was_slow;

	if (end)
		end->task = get_task_struct(task);
	raw_spin_lock_irqsave(&ends_lock, flags);
	was_slow = is_slow;
	is_slow = false;
	ends_noted = jiffies;
	if (end)
		list_add_tail(&end->list, &ends);
	else
		ends_lost++;
	raw_spin_unlock_irqrestore(&ends_lock, flags);
	if (was_slow)
		mod_delayed_work(system_percpu_wq, &ends_work, 1);
	else
		schedule_delayed_work(&ends_work, 1);
}

static void forget_end(struct end *end)
{
	put_task_struct(end->task);
	kfree(end);
}

static void take_ends(struct list_head *taken)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&ends_lock, flags);
	list_splice_tail_init(&ends, taken);
	raw_spin_unlock_irqrestore(&ends_lock, flags);
}

static void tell_of_ends(struct work_struct *work)
{
	struct end *end, *next;
	unsigned long flags;
	LIST_HEAD(taken);
	unsigned long delay;
	bool is_over;

	take_ends(&taken);
	list_for_each_entry_safe(end, next, &taken, list) {
		if (!READ_ONCE(end->task->exit_state))
			continue;
		list_del(&end->list);
		tell_of_end(end->task);
		forget_end(end);
	}
	raw_spin_lock_irqsave(&ends_lock, flags);
	list_splice(&taken, &ends);
	is_over = list_empty(&ends);
	is_slow = !is_over && time_after(jiffies, ends_noted + HZ);
	delay = is_slow ? HZ / 10 : 1;
	raw_spin_unlock_irqrestore(&ends_lock, flags);
	if (!is_over)
		schedule_delayed_work(&ends_work, delay);
}

u64 trace_hook_ends_lost(void)
{
	return READ_ONCE(ends_lost);
}

/* No thread is noted any more. */
void trace_hook_forget_ends(void)
{
	struct end *end, *next;
	LIST_HEAD(taken);

	cancel_delayed_work_sync(&ends_work);
	take_ends(&taken);
	list_for_each_entry_safe(end, next, &taken, list)
		forget_end(end);
}

/* Names that programs ask for; not those that exec and the kernel give. */
static void on_rename(void *data, struct task_struct *task, const char *comm)
{
	struct cn_proc_name name;

	if (current->in_execve || current->flags & PF_USER_WORKER || task->flags & PF_KTHREAD)
		return;
	strscpy_pad((char *)name.bytes, comm, sizeof(name.bytes));
	cn_proc_renamed(ids_of(task), &name);
}

struct trace_hook {
	const char *name;
	void *probe;
	struct tracepoint *tracepoint;
};

static struct trace_hook trace_hooks[TRACE_HOOKS] = {
	[CN_PROC_HOOK_FORK] = { "task_newtask", on_newtask },
	[CN_PROC_HOOK_EXEC] = { "sched_process_exec", on_exec },
	[CN_PROC_HOOK_EXIT] = { "sched_process_exit", on_exit },
	[CN_PROC_HOOK_COMM] = { "task_rename", on_rename },
};

static void check_types(void)
{
	check_trace_callback_type_task_newtask(on_newtask);
	check_trace_callback_type_sched_process_exec(on_exec);
	check_trace_callback_type_sched_process_exit(on_exit);
	check_trace_callback_type_task_rename(on_rename);
}

static void find_tracepoint(struct tracepoint *tracepoint, void *data)
{
	struct trace_hook *hook = data;

	if (!strcmp(tracepoint->name, hook->name))
		hook->tracepoint = tracepoint;
}

int trace_hook_try(unsigned int number)
{
	struct trace_hook *hook;

	check_types();
	if (number >= ARRAY_SIZE(trace_hooks))
		return -ENOENT;
	hook = &trace_hooks[number];
	for_each_kernel_tracepoint(find_tracepoint, hook);
	return hook->tracepoint ? 0 : -ENOENT;
}

int trace_hook_attach(unsigned int number)
{
	struct trace_hook *hook = &trace_hooks[number];

	if (!hook->tracepoint)
		return -ENOENT;
	return tracepoint_probe_register(hook->tracepoint, hook->probe, NULL);
}

void trace_hook_detach(unsigned int number)
{
	struct trace_hook *hook = &trace_hooks[number];

	tracepoint_probe_unregister(hook->tracepoint, hook->probe, NULL);
}
