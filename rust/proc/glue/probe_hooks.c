// SPDX-License-Identifier: GPL-2.0
/*
 * Hooks that are returns of functions, where there is no tracepoint. A handler of a return runs in
 * the context of the task, and may sleep only if its caller may. A handler of an entry may
 * interrupt anything, and only reads.
 */
#include <linux/cred.h>
#include <linux/kprobes.h>
#include <linux/pid.h>
#include <linux/ptrace.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/uidgid.h>

#include <asm/syscall.h>

#include "hooks.h"

/* With PREEMPT_RT, nothing can be sent where a probe runs. */
#if defined(CONFIG_KRETPROBES) && !defined(CONFIG_PREEMPT_RT)

/*
 * Calls that a probe can follow at one time; it misses those beyond. A task that is preempted in one
 * stays in it for as long as others keep it from running, and a program can repeat some, or sleep in
 * them.
 */
#define MAX_ACTIVE 128
#define MAX_ACTIVE_OF_PROGRAMS 1024

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

/*
 * Not followed are calls that fail, which a program can repeat without end. They are those of the
 * leader of a session, which stays one, and of the leader of a process group.
 */
static int on_setsid(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	struct task_struct *leader = current->group_leader;

	return leader->signal->leader || task_pgrp(leader) == task_pid(leader);
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

/* The numbers are looked up here: after the call, the task may have been released. */
static int record_tracee(struct kretprobe_instance *instance, long request, pid_t number)
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
	struct pt_regs *call = (struct pt_regs *)regs_get_kernel_argument(regs, 0);
	unsigned long arguments[6];

	syscall_get_arguments(current, call, arguments);
	return record_tracee(instance, arguments[0], arguments[1]);
}

static int after_ptrace(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	const struct tracee *tracee = (const struct tracee *)instance->data;
	struct cn_proc_task none = {};

	if (!regs_return_value(regs))
		cn_proc_traced(tracee->task, tracee->attached ? ids_of(current) : none);
	return 0;
}

static int after_coredump(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	cn_proc_dumps_core(ids_of(current), parent_of(current));
	return 0;
}

/* Delivers before the core is written, if the probe works without a trap; else afterwards. */
static int on_coredump(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	if (in_nmi() || irqs_disabled())
		return 0;
	after_coredump(instance, regs);
	return 1;
}

/* A fork() that failed calls one of the functions too, to free the stack; that is no exit. */
static int on_exit(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	return !READ_ONCE(current->exit_state);
}

static int after_exit(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	deliver_exit(current);
	return 0;
}

/*
 * What do_exit() calls when the parent can reap the thread, best first. The first is called with
 * preemption off, so that no more can be inside than there are processors.
 */
static const char * const exit_symbols[] = {
	"exit_rcu", "exit_task_stack_account", "exit_tasks_rcu_finish",
};

struct probe_hook {
	const char *symbol;
	kretprobe_handler_t entry;
	kretprobe_handler_t handler;
	size_t data_size;
	int max_active;
	struct kretprobe probe;
};

/*
 * The function of a system call: the functions that it calls may be inlined. It takes the
 * registers of the caller. On other processors it has another name or other parameters, so that
 * it is not found, and its events are missing.
 */
#if defined(CONFIG_X86_64)
#define SYSTEM_CALL(name) "__x64_sys_" #name
#elif defined(CONFIG_ARM64)
#define SYSTEM_CALL(name) "__arm64_sys_" #name
#elif defined(CONFIG_RISCV)
#define SYSTEM_CALL(name) "__riscv_sys_" #name
#elif defined(CONFIG_S390)
#define SYSTEM_CALL(name) "__s390x_sys_" #name
#else
#define SYSTEM_CALL(name) "(" #name ")"
#endif

static struct probe_hook probe_hooks[] = {
	[CN_PROC_HOOK_EXIT] = { NULL, on_exit, after_exit },
	[CN_PROC_HOOK_CREDENTIALS] = { "commit_creds", on_commit_creds, after_commit_creds,
				       sizeof(struct credentials), MAX_ACTIVE_OF_PROGRAMS },
	[CN_PROC_HOOK_SID] = { SYSTEM_CALL(setsid), on_setsid, after_setsid },
	[CN_PROC_HOOK_PTRACE] = { SYSTEM_CALL(ptrace), on_ptrace, after_ptrace,
				  sizeof(struct tracee), MAX_ACTIVE_OF_PROGRAMS },
	[CN_PROC_HOOK_COREDUMP] = { "vfs_coredump", on_coredump, after_coredump },
};

static u64 missed_before;

static int attach_probe(struct probe_hook *hook)
{
	/* The kernel refuses a structure with values of a former registration. */
	hook->probe = (struct kretprobe){
		.kp.symbol_name = hook->symbol,
		.entry_handler = hook->entry,
		.handler = hook->handler,
		.data_size = hook->data_size,
		.maxactive = hook->max_active ?: MAX_ACTIVE,
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

u64 probe_hook_missed(void)
{
	u64 missed = missed_before;
	int i;

	for (i = 0; i < ARRAY_SIZE(probe_hooks); i++)
		missed += missed_by(&probe_hooks[i]);
	return missed;
}

/* Only a probe shows whether a function can be probed; this one is never armed. */
static int try_symbol(const char *symbol)
{
	struct kprobe probe = { .flags = KPROBE_FLAG_DISABLED, .symbol_name = symbol };
	int ret = register_kprobe(&probe);

	if (!ret)
		unregister_kprobe(&probe);
	return ret;
}

static int try_exit_symbols(void)
{
	int i, ret = -ENOENT;

	for (i = 0; i < ARRAY_SIZE(exit_symbols); i++) {
		ret = try_symbol(exit_symbols[i]);
		if (!ret)
			probe_hooks[CN_PROC_HOOK_EXIT].symbol = exit_symbols[i];
		if (!ret || ret == -ENOMEM)
			break;
	}
	return ret;
}

int probe_hook_try(unsigned int hook)
{
	if (hook >= ARRAY_SIZE(probe_hooks))
		return -EINVAL;
	return hook == CN_PROC_HOOK_EXIT ? try_exit_symbols() : try_symbol(probe_hooks[hook].symbol);
}

int probe_hook_attach(unsigned int hook)
{
	return hook < ARRAY_SIZE(probe_hooks) ? attach_probe(&probe_hooks[hook]) : -EINVAL;
}

void probe_hook_detach(unsigned int hook)
{
	if (hook < ARRAY_SIZE(probe_hooks))
		detach_probe(&probe_hooks[hook]);
}

#else

u64 probe_hook_missed(void)
{
	return 0;
}

int probe_hook_try(unsigned int hook)
{
	return -ENOENT;
}

int probe_hook_attach(unsigned int hook)
{
	return -ENOENT;
}

void probe_hook_detach(unsigned int hook)
{
}

#endif
