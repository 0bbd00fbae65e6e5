// SPDX-License-Identifier: GPL-2.0
/*
 * What cannot be Rust in cn_proc.ko, but for the hooks themselves: which kind a hook is of, per-CPU
 * numbers, a work item, the file.
 */
#include <linux/jiffies.h>
#include <linux/local_lock.h>
#include <linux/percpu.h>
#include <linux/proc_fs.h>
#include <linux/timekeeping.h>
#include <linux/tracepoint.h>
#include <linux/workqueue.h>
#include <net/net_namespace.h>

#include "hooks.h"

/* -- Hooks --------------------------------------------------------------- */

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
	return hook < TRACE_HOOKS && !(hook == CN_PROC_HOOK_EXIT && ends_are_probed);
}

int cn_proc_glue_try(unsigned int hook)
{
	int ret;

	if (hook < TRACE_HOOKS && hook != CN_PROC_HOOK_EXIT)
		return trace_hook_try(hook);
	ret = may_probe ? probe_hook_try(hook) : -ENOENT;
	if (hook != CN_PROC_HOOK_EXIT || ret == -ENOMEM)
		return ret;
	ends_are_probed = !ret;
	return ends_are_probed ? 0 : trace_hook_try(hook);
}

int cn_proc_glue_attach(unsigned int hook)
{
	return is_traced(hook) ? trace_hook_attach(hook) : probe_hook_attach(hook);
}

void cn_proc_glue_detach(unsigned int hook)
{
	if (is_traced(hook))
		trace_hook_detach(hook);
	else
		probe_hook_detach(hook);
}

u64 cn_proc_glue_missed(void)
{
	return probe_hook_missed() + trace_hook_ends_lost();
}

void cn_proc_glue_quiesce(void)
{
	tracepoint_synchronize_unregister();
	trace_hook_forget_ends();
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

bool cn_proc_glue_file_create(const struct seq_operations *operations)
{
	return proc_create_seq_private("cn_proc", 0444, init_net.proc_net, operations,
				       sizeof(struct cn_proc_cursor), NULL);
}

void cn_proc_glue_file_remove(void)
{
	remove_proc_entry("cn_proc", init_net.proc_net);
}
