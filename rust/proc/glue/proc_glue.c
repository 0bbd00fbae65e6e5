// SPDX-License-Identifier: GPL-2.0
/*
 * What cannot be Rust in cn_proc.ko, except the hooks themselves: the kind of each hook, per-CPU
 * sequence numbers, work items.
 */
#include <linux/jiffies.h>
#include <linux/local_lock.h>
#include <linux/net.h>
#include <linux/percpu.h>
#include <linux/sock_diag.h>
#include <linux/timekeeping.h>
#include <linux/tracepoint.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "../../glue/cn_switch.h"
#include "hooks.h"

/* -- Hooks --------------------------------------------------------------- */

CN_SWITCH(probe, true,
	  "Whether functions of the kernel are probed; if not, there are fewer events, and exits are delivered a moment later (default true)");

static bool exits_are_probed;

bool cn_proc_glue_exits_are_delayed(void)
{
	return !exits_are_probed;
}

static bool is_traced(unsigned int hook)
{
	return hook < TRACE_HOOKS && !(hook == CN_PROC_HOOK_EXIT && exits_are_probed);
}

int cn_proc_glue_try(unsigned int hook)
{
	int ret;

	if (hook < TRACE_HOOKS && hook != CN_PROC_HOOK_EXIT)
		return trace_hook_try(hook);
	ret = probe.on ? probe_hook_try(hook) : -ENOENT;
	if (hook != CN_PROC_HOOK_EXIT || ret == -ENOMEM)
		return ret;
	exits_are_probed = !ret;
	return exits_are_probed ? 0 : trace_hook_try(hook);
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
	return probe_hook_missed() + trace_hook_lost_exits();
}

void cn_proc_glue_synchronize(void)
{
	tracepoint_synchronize_unregister();
	trace_hook_discard_exits();
}

/* -- Sequence numbers ---------------------------------------------------- */

struct numbers {
	local_lock_t lock;
	u32 next;
};

/* An acknowledgement before the first event has 0. */
static DEFINE_PER_CPU(struct numbers, numbers) = {
	.lock = INIT_LOCAL_LOCK(lock),
	.next = 1,
};

u32 cn_proc_glue_next_number(u32 *cpu)
{
	local_lock(&numbers.lock);
	*cpu = smp_processor_id();
	return __this_cpu_inc_return(numbers.next) - 1;
}

void cn_proc_glue_put_number(void)
{
	local_unlock(&numbers.lock);
}

u32 cn_proc_glue_last_number(u32 *cpu)
{
	local_lock(&numbers.lock);
	*cpu = smp_processor_id();
	return __this_cpu_read(numbers.next) - 1;
}

u64 cn_proc_glue_now(void)
{
	return ktime_get_ns();
}

/* -- Work items ----------------------------------------------------------- */

/*
 * Work items do what programs wait for, so that a task whose priority a program has chosen holds
 * nothing. A work item runs in rounds. Each request waits for a round that begins after it, and all
 * requests of the meantime share that round.
 */
struct rounds {
	struct delayed_work work;
	wait_queue_head_t over;
	atomic64_t requested;	/* the number of the last request */
	s64 done;		/* all requests up to this number are done */
};

#define ROUNDS(name, work_fn) {							\
	.work = __DELAYED_WORK_INITIALIZER((name).work, work_fn, 0),		\
	.over = __WAIT_QUEUE_HEAD_INITIALIZER((name).over),			\
	.requested = ATOMIC64_INIT(0),						\
}

static struct workqueue_struct *workqueue;

/* Returns the number of the last request that this round serves. */
static s64 begin_round(const struct rounds *rounds)
{
	/* A: pairs with wait_round(). */
	return atomic64_read(&rounds->requested);
}

static void end_round(struct rounds *rounds, s64 served)
{
	/* B: pairs with is_done(); the waiter sees what the round has done. */
	smp_store_release(&rounds->done, served);
	wake_up_all(&rounds->over);
}

static bool is_done(const struct rounds *rounds, s64 number)
{
	/* B: pairs with end_round(). */
	return smp_load_acquire(&rounds->done) >= number;
}

/* Requests a round, and waits for its end: 0, or an error if the task is killed. */
static int wait_round(struct rounds *rounds, bool at_once)
{
	/* A: a full barrier. The round that reads the number sees what was written before. */
	s64 number = atomic64_inc_return(&rounds->requested);

	if (at_once)
		mod_delayed_work(workqueue, &rounds->work, 0);
	else
		queue_delayed_work(workqueue, &rounds->work, 0);
	return wait_event_killable(rounds->over, is_done(rounds, number));
}

static void update_hooks(struct work_struct *work);
static struct rounds updating = ROUNDS(updating, update_hooks);

static void update_hooks(struct work_struct *work)
{
	s64 served = begin_round(&updating);

	cn_proc_attach();
	end_round(&updating, served);
	cn_proc_detach_idle();
}

int cn_proc_glue_wait_attached(void)
{
	return wait_round(&updating, true);
}

/* A work item that is due earlier stays so. */
void cn_proc_glue_update_hooks_in(unsigned int milliseconds)
{
	if (milliseconds)
		queue_delayed_work(workqueue, &updating.work, msecs_to_jiffies(milliseconds));
	else
		mod_delayed_work(workqueue, &updating.work, 0);
}

/*
 * While netlink shows the members of a group, no netlink socket can be opened or closed. So a visit
 * is followed by a rest of some times its duration, up to a limit. Readers share what it finds.
 */
#define VISIT_REST	9
#define VISIT_REST_MAX	(100 * NSEC_PER_MSEC)

static void visit(struct work_struct *work);
static struct rounds visiting = ROUNDS(visiting, visit);
static u64 visit_from;	/* the end of the rest */

static void visit(struct work_struct *work)
{
	u64 begin = ktime_get_ns(), end;
	s64 served;

	if (begin < visit_from) {
		queue_delayed_work(workqueue, &visiting.work,
				   nsecs_to_jiffies(visit_from - begin) + 1);
		return;
	}
	served = begin_round(&visiting);
	cn_proc_visit();
	end = ktime_get_ns();
	visit_from = end + min_t(u64, VISIT_REST * (end - begin), VISIT_REST_MAX);
	end_round(&visiting, served);
}

int cn_proc_glue_wait_visited(void)
{
	return wait_round(&visiting, false);
}

/*
 * The service is notified of closed sockets in order, a moment later. So when it has removed one
 * that is closed here, it has removed all that were closed before.
 */
#define CLOSES_MAX	(10 * HZ)

static void close_one(struct work_struct *work);
static struct rounds closing = ROUNDS(closing, close_one);
static DECLARE_WAIT_QUEUE_HEAD(close_is_delivered);
static u64 closed;	/* the number of the socket, or 0 */
static bool stopping;	/* the service is not notified any more */

static void close_one(struct work_struct *work)
{
	s64 served = begin_round(&closing);
	struct socket *socket;
	u32 cookie[2];

	/* As programs do it: there is no notification of the kernel's own sockets. */
	if (!sock_create(PF_NETLINK, SOCK_DGRAM, NETLINK_CONNECTOR, &socket)) {
		sock_diag_save_cookie(socket->sk, cookie);
		WRITE_ONCE(closed, (u64)cookie[1] << 32 | cookie[0]);
		sock_release(socket);
		wait_event_timeout(close_is_delivered,
				   !READ_ONCE(closed) || READ_ONCE(stopping), CLOSES_MAX);
		WRITE_ONCE(closed, 0);
	}
	end_round(&closing, served);
}

int cn_proc_glue_wait_closes(void)
{
	return wait_round(&closing, false);
}

void cn_proc_glue_close_delivered(u64 socket)
{
	if (READ_ONCE(closed) != socket)
		return;
	WRITE_ONCE(closed, 0);
	wake_up_all(&close_is_delivered);
}

int cn_proc_glue_start_work(void)
{
	workqueue = alloc_workqueue("cn_proc", WQ_UNBOUND, 0);
	return workqueue ? 0 : -ENOMEM;
}

/*
 * Work that is scheduled after this does not run; no task waits any more. A killed task may have left
 * a round behind, which waits for a notification that does not come any more.
 */
void cn_proc_glue_stop_work(void)
{
	WRITE_ONCE(stopping, true);
	wake_up_all(&close_is_delivered);
	disable_delayed_work_sync(&updating.work);
	disable_delayed_work_sync(&visiting.work);
	disable_delayed_work_sync(&closing.work);
	destroy_workqueue(workqueue);
}
