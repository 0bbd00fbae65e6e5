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
 * Exits, where the return of a function cannot be probed. The tracepoint is long before the parent
 * can reap the thread. So the exit is queued here, and a work item delivers it when the parent can.
 */
struct exit {
	struct list_head list;
	struct task_struct *task;
};

static LIST_HEAD(exits);
static DEFINE_RAW_SPINLOCK(exits_lock);
static u64 lost_exits;
/* When the last one was queued. If a thread takes long to exit, the work item runs less often. */
static unsigned long exits_queued;
static bool is_slow;

static void deliver_exits(struct work_struct *work);
static DECLARE_DELAYED_WORK(exits_work, deliver_exits);

static void on_exit(void *data, struct task_struct *task, bool group_dead)
{
	struct exit *exit = kmalloc(sizeof(*exit), GFP_NOWAIT);
	unsigned long flags;
	bool was_slow;

	if (exit)
		exit->task = get_task_struct(task);
	raw_spin_lock_irqsave(&exits_lock, flags);
	was_slow = is_slow;
	is_slow = false;
	exits_queued = jiffies;
	if (exit)
		list_add_tail(&exit->list, &exits);
	else
		lost_exits++;
	raw_spin_unlock_irqrestore(&exits_lock, flags);
	if (was_slow)
		mod_delayed_work(system_percpu_wq, &exits_work, 1);
	else
		schedule_delayed_work(&exits_work, 1);
}

static void free_exit(struct exit *exit)
{
	put_task_struct(exit->task);
	kfree(exit);
}

static void take_exits(struct list_head *taken)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&exits_lock, flags);
	list_splice_tail_init(&exits, taken);
	raw_spin_unlock_irqrestore(&exits_lock, flags);
}

static void deliver_exits(struct work_struct *work)
{
	struct exit *exit, *next;
	unsigned long flags;
	LIST_HEAD(taken);
	unsigned long delay;
	bool is_over;

	take_exits(&taken);
	list_for_each_entry_safe(exit, next, &taken, list) {
		if (!READ_ONCE(exit->task->exit_state))
			continue;
		list_del(&exit->list);
		deliver_exit(exit->task);
		free_exit(exit);
	}
	raw_spin_lock_irqsave(&exits_lock, flags);
	list_splice(&taken, &exits);
	is_over = list_empty(&exits);
	is_slow = !is_over && time_after(jiffies, exits_queued + HZ);
	delay = is_slow ? HZ / 10 : 1;
	raw_spin_unlock_irqrestore(&exits_lock, flags);
	if (!is_over)
		schedule_delayed_work(&exits_work, delay);
}

u64 trace_hook_lost_exits(void)
{
	return READ_ONCE(lost_exits);
}

/* No exit is queued any more. */
void trace_hook_discard_exits(void)
{
	struct exit *exit, *next;
	LIST_HEAD(taken);

	cancel_delayed_work_sync(&exits_work);
	take_exits(&taken);
	list_for_each_entry_safe(exit, next, &taken, list)
		free_exit(exit);
}

/* Names that programs ask for; not those that exec and the kernel give. */
static void on_rename(void *data, struct task_struct *task, const char *comm)
{
	struct cn_proc_name name;

	if (current->in_execve || current->flags & PF_USER_WORKER || task->flags & PF_KTHREAD)
		return;
	strscpy_pad((char *)name.bytes, comm, sizeof(name.bytes));
	cn_proc_renamed(ids_of(task), name);
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
