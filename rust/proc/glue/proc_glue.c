// SPDX-License-Identifier: GPL-2.0
/*
 * What cannot be Rust in cn_proc.ko: the hooks, per-CPU numbers, a work item.
 *
 * Tracepoints are found by name, because they are not exported to modules. Where there is none, the
 * return of a function is probed: it is in the context of the task, and sleeps as little as its
 * caller. What runs at the entry of a probed function may interrupt anything, and only looks.
 */
#include <linux/cred.h>
#include <linux/jiffies.h>
#include <linux/kprobes.h>
#include <linux/list.h>
#include <linux/local_lock.h>
#include <linux/percpu.h>
#include <linux/pid.h>
#include <linux/proc_fs.h>
#include <linux/ptrace.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/tracepoint.h>
#include <linux/uidgid.h>
#include <linux/workqueue.h>
#include <net/net_namespace.h>
#include <trace/events/sched.h>
#include <trace/events/task.h>

#include "proc_glue.h"

static struct cn_proc_task ids_of(const struct task_struct *task)
{
	return (struct cn_proc_task){ .pid = task->pid, .tgid = task->tgid };
}

/* Zeroes for a task that was released already. */
static struct cn_proc_task parent_of(struct task_struct *task)
{
	struct cn_proc_task ids = {};

	rcu_read_lock();
	if (pid_alive(task))
		ids = ids_of(rcu_dereference(task->real_parent));
	rcu_read_unlock();
	return ids;
}

/* -- Tracepoints ---------------------------------------------------------- */

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

static void tell_of_end(struct task_struct *task)
{
	cn_proc_exits(ids_of(task), task->exit_code, task->exit_signal, parent_of(task));
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

/* No thread is noted any more. */
static void forget_ends(void)
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

static struct trace_hook trace_hooks[] = {
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

static bool has_tracepoint(struct trace_hook *hook)
{
	check_types();
	for_each_kernel_tracepoint(find_tracepoint, hook);
	return hook->tracepoint;
}

static int attach_trace(struct trace_hook *hook)
{
	if (!hook->tracepoint)
		return -ENOENT;
	return tracepoint_probe_register(hook->tracepoint, hook->probe, NULL);
}

static void detach_trace(struct trace_hook *hook)
{
	tracepoint_probe_unregister(hook->tracepoint, hook->probe, NULL);
}

/* -- Probes --------------------------------------------------------------- */

/* With PREEMPT_RT, nothing can be sent where a probe runs. */
#if defined(CONFIG_KRETPROBES) && !defined(CONFIG_PREEMPT_RT)

/* Calls that a probe can follow at one time, some of which sleep; it misses those beyond. */
#define MAX_ACTIVE 128

struct credentials {
	bool uid;
	bool gid;
};

static int on_commit_creds(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	const struct cred *new = (const struct cred *)regs_get_kernel_argument(regs, 0);
	const struct cred *old = current_real_cred();
	struct credentials *changed = (struct credentials *)instance->data;

	changed->uid = !uid_eq(new->uid, old->uid) || !uid_eq(new->euid, old->euid) ||
		       !uid_eq(new->suid, old->suid) || !uid_eq(new->fsuid, old->fsuid);
	changed->gid = !gid_eq(new->gid, old->gid) || !gid_eq(new->egid, old->egid) ||
		       !gid_eq(new->sgid, old->sgid) || !gid_eq(new->fsgid, old->fsgid);
	return !changed->uid && !changed->gid;
}

static int after_commit_creds(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	const struct credentials *changed = (const struct credentials *)instance->data;
	const struct cred *cred = current_real_cred();

	if (changed->uid)
		cn_proc_uid_changed(ids_of(current),
				    from_kuid_munged(&init_user_ns, cred->uid),
				    from_kuid_munged(&init_user_ns, cred->euid));
	if (changed->gid)
		cn_proc_gid_changed(ids_of(current),
				    from_kgid_munged(&init_user_ns, cred->gid),
				    from_kgid_munged(&init_user_ns, cred->egid));
	return 0;
}

static int after_setsid(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	if ((long)regs_return_value(regs) > 0)
		cn_proc_session_begun(ids_of(current->group_leader));
	return 0;
}

struct tracee {
	bool attached;
	struct cn_proc_task task;
};

/* The numbers are looked up here: after the call, the task may be gone. */
static int note_tracee(struct kretprobe_instance *instance, long request, pid_t number)
{
	struct tracee *tracee = (struct tracee *)instance->data;
	struct task_struct *task;

	if (request != PTRACE_ATTACH && request != PTRACE_SEIZE && request != PTRACE_DETACH)
		return 1;
	tracee->attached = request != PTRACE_DETACH;
	rcu_read_lock();
	task = pid_task(find_vpid(number), PIDTYPE_PID);
	if (task)
		tracee->task = ids_of(task);
	rcu_read_unlock();
	return !task;
}

static int on_ptrace(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	const struct pt_regs *call = (const struct pt_regs *)regs_get_kernel_argument(regs, 0);

	return note_tracee(instance, regs_get_kernel_argument((struct pt_regs *)call, 0),
			   regs_get_kernel_argument((struct pt_regs *)call, 1));
}

static int after_ptrace(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	const struct tracee *tracee = (const struct tracee *)instance->data;
	struct cn_proc_task nobody = {};

	if (!regs_return_value(regs))
		cn_proc_traced(tracee->task, tracee->attached ? ids_of(current) : nobody);
	return 0;
}

static int after_coredump(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	cn_proc_dumps_core(ids_of(current), parent_of(current));
	return 0;
}

/* Tells before the core is written, if the probe works without a trap; else afterwards. */
static int on_coredump(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	if (in_nmi() || irqs_disabled())
		return 0;
	after_coredump(instance, regs);
	return 1;
}

/* Not for what was made by a fork() that failed, whose stack one of the functions lets go of, too. */
static int on_end(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	return !READ_ONCE(current->exit_state);
}

static int after_end(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	tell_of_end(current);
	return 0;
}

/*
 * What do_exit() calls when the parent can reap the thread, best first. The first is called with
 * preemption off, so that no more can be inside than there are processors.
 */
static const char * const end_symbols[] = {
	"exit_rcu", "exit_task_stack_account", "exit_tasks_rcu_finish",
};

struct probe_hook {
	const char *symbol;
	kretprobe_handler_t entry;
	kretprobe_handler_t handler;
	size_t data_size;
	struct kretprobe probe;
};

/* The system calls by the names that they have here: what they call may be in line. */
static struct probe_hook probe_hooks[] = {
	[CN_PROC_HOOK_EXIT] = { NULL, on_end, after_end },
	[CN_PROC_HOOK_CREDENTIALS] = { "commit_creds", on_commit_creds, after_commit_creds,
				       sizeof(struct credentials) },
	[CN_PROC_HOOK_SID] = { "__x64_sys_setsid", NULL, after_setsid },
	[CN_PROC_HOOK_PTRACE] = { "__x64_sys_ptrace", on_ptrace, after_ptrace,
				  sizeof(struct tracee) },
	[CN_PROC_HOOK_COREDUMP] = { "vfs_coredump", on_coredump, after_coredump },
};

static u64 missed_before;

static int attach_probe(struct probe_hook *hook)
{
	/* What a former registration has left there would be refused. */
	hook->probe = (struct kretprobe){
		.kp.symbol_name = hook->symbol,
		.entry_handler = hook->entry,
		.handler = hook->handler,
		.data_size = hook->data_size,
		.maxactive = MAX_ACTIVE,
	};
	return register_kretprobe(&hook->probe);
}

static u64 missed_by(const struct probe_hook *hook)
{
	return READ_ONCE(hook->probe.nmissed) + READ_ONCE(hook->probe.kp.nmissed);
}

static void detach_probe(struct probe_hook *hook)
{
	unregister_kretprobe(&hook->probe);
	missed_before += missed_by(hook);
	hook->probe.nmissed = 0;
	hook->probe.kp.nmissed = 0;
}

static u64 missed_by_probes(void)
{
	u64 missed = missed_before;
	int i;

	for (i = 0; i < ARRAY_SIZE(probe_hooks); i++)
		missed += missed_by(&probe_hooks[i]);
	return missed;
}

/* A probe is tried, since nobody else says whether a function can be probed; it is never armed. */
static int try_symbol(const char *symbol)
{
	struct kprobe probe = { .flags = KPROBE_FLAG_DISABLED, .symbol_name = symbol };
	int ret = register_kprobe(&probe);

	if (!ret)
		unregister_kprobe(&probe);
	return ret;
}

static int try_end_symbols(void)
{
	int i, ret = -ENOENT;

	for (i = 0; i < ARRAY_SIZE(end_symbols); i++) {
		ret = try_symbol(end_symbols[i]);
		if (!ret)
			probe_hooks[CN_PROC_HOOK_EXIT].symbol = end_symbols[i];
		if (!ret || ret == -ENOMEM)
			break;
	}
	return ret;
}

static int try_probe_number(unsigned int hook)
{
	if (hook >= ARRAY_SIZE(probe_hooks))
		return -EINVAL;
	return hook == CN_PROC_HOOK_EXIT ? try_end_symbols() : try_symbol(probe_hooks[hook].symbol);
}

static int attach_probe_number(unsigned int hook)
{
	return hook < ARRAY_SIZE(probe_hooks) ? attach_probe(&probe_hooks[hook]) : -EINVAL;
}

static void detach_probe_number(unsigned int hook)
{
	if (hook < ARRAY_SIZE(probe_hooks))
		detach_probe(&probe_hooks[hook]);
}

#else

static u64 missed_by_probes(void)
{
	return 0;
}

static int try_probe_number(unsigned int hook)
{
	return -ENOENT;
}

static int attach_probe_number(unsigned int hook)
{
	return -ENOENT;
}

static void detach_probe_number(unsigned int hook)
{
}

#endif

/* -- Hooks of both kinds -------------------------------------------------- */

static bool may_probe;
static bool ends_are_probed;

void cn_proc_glue_allow_probes(bool allowed)
{
	may_probe = allowed;
}

bool cn_proc_glue_ends_are_late(void)
{
	return !ends_are_probed;
}

static bool is_traced(unsigned int hook)
{
	return hook < ARRAY_SIZE(trace_hooks) && !(hook == CN_PROC_HOOK_EXIT && ends_are_probed);
}

int cn_proc_glue_try(unsigned int hook)
{
	int ret;

	if (hook < ARRAY_SIZE(trace_hooks) && hook != CN_PROC_HOOK_EXIT)
		return has_tracepoint(&trace_hooks[hook]) ? 0 : -ENOENT;
	ret = may_probe ? try_probe_number(hook) : -ENOENT;
	if (hook != CN_PROC_HOOK_EXIT || ret == -ENOMEM)
		return ret;
	ends_are_probed = !ret;
	return ends_are_probed || has_tracepoint(&trace_hooks[hook]) ? 0 : -ENOENT;
}

int cn_proc_glue_attach(unsigned int hook)
{
	return is_traced(hook) ? attach_trace(&trace_hooks[hook]) : attach_probe_number(hook);
}

void cn_proc_glue_detach(unsigned int hook)
{
	if (is_traced(hook))
		detach_trace(&trace_hooks[hook]);
	else
		detach_probe_number(hook);
}

u64 cn_proc_glue_missed(void)
{
	return missed_by_probes() + READ_ONCE(ends_lost);
}

void cn_proc_glue_quiesce(void)
{
	tracepoint_synchronize_unregister();
	forget_ends();
}

/* -- Numbers -------------------------------------------------------------- */

struct numbers {
	local_lock_t lock;
	u32 next;
};

/* An acknowledgement before the first event has 0. */
static DEFINE_PER_CPU(struct numbers, numbers) = {
	.lock = INIT_LOCAL_LOCK(lock),
	.next = 1,
};

u32 cn_proc_glue_begin(u32 *cpu)
{
	local_lock(&numbers.lock);
	*cpu = smp_processor_id();
	return __this_cpu_inc_return(numbers.next) - 1;
}

void cn_proc_glue_end(void)
{
	local_unlock(&numbers.lock);
}

u32 cn_proc_glue_begin_again(u32 *cpu)
{
	local_lock(&numbers.lock);
	*cpu = smp_processor_id();
	return __this_cpu_read(numbers.next) - 1;
}

u64 cn_proc_glue_now(void)
{
	return ktime_get_ns();
}

/* -- Work ----------------------------------------------------------------- */

static void settle(struct work_struct *work)
{
	cn_proc_settle();
}

static DECLARE_DELAYED_WORK(settle_work, settle);

/* If it is due earlier already, it stays so. */
void cn_proc_glue_later(unsigned int milliseconds)
{
	if (milliseconds)
		schedule_delayed_work(&settle_work, msecs_to_jiffies(milliseconds));
	else
		mod_delayed_work(system_percpu_wq, &settle_work, 0);
}

/* Whoever asks for the work after this is not heard. */
void cn_proc_glue_end_work(void)
{
	disable_delayed_work_sync(&settle_work);
}

/* -- File ----------------------------------------------------------------- */

bool cn_proc_glue_file_create(int (*show)(struct seq_file *m, void *v))
{
	return proc_create_single("cn_proc", 0444, init_net.proc_net, show);
}

void cn_proc_glue_file_remove(void)
{
	remove_proc_entry("cn_proc", init_net.proc_net);
}
