// SPDX-License-Identifier: GPL-2.0
/*
 * What cannot be Rust in cn_proc.ko, but for the hooks themselves: which kind a hook is of, per-CPU
 * numbers, work items, the file.
 */
#include <linux/jiffies.h>
#include <linux/local_lock.h>
#include <linux/net.h>
#include <linux/percpu.h>
#include <linux/proc_fs.h>
#include <linux/sock_diag.h>
#include <linux/timekeeping.h>
#include <linux/tracepoint.h>
#include <linux/wait.h>
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

/*
 * What programs wait for is done by work items, so that nothing is held by a task whose priority a
 * program has chosen. Work is done in rounds; whoever asks waits for one that begins after that, and
 * all who ask meanwhile share it.
 */
struct rounds {
	struct delayed_work work;
	wait_queue_head_t over;
	atomic64_t asked;	/* the number of the last who has asked */
	s64 done;		/* all up to this number have got what they asked for */
};

#define ROUNDS(name, work_fn) {							\
	.work = __DELAYED_WORK_INITIALIZER((name).work, work_fn, 0),		\
	.over = __WAIT_QUEUE_HEAD_INITIALIZER((name).over),			\
	.asked = ATOMIC64_INIT(0),						\
}

static struct workqueue_struct *workqueue;

/* Those who have asked before this are served by what follows. */
static s64 begin_round(const struct rounds *rounds)
{
	return atomic64_read(&rounds->asked);
}

static void end_round(struct rounds *rounds, s64 served)
{
	smp_store_release(&rounds->done, served);
	wake_up_all(&rounds->over);
}

static bool is_served(const struct rounds *rounds, s64 number)
{
	return smp_load_acquire(&rounds->done) >= number;
}

/* Has the work done, and waits for that: 0, or an error if the task is killed. */
static int await_round(struct rounds *rounds, bool at_once)
{
	/* A full barrier: what was written before is seen by the round that finds the number. */
	s64 number = atomic64_inc_return(&rounds->asked);

	if (at_once)
		mod_delayed_work(workqueue, &rounds->work, 0);
	else
		queue_delayed_work(workqueue, &rounds->work, 0);
	return wait_event_killable(rounds->over, is_served(rounds, number));
}

static void settle(struct work_struct *work);
static struct rounds settling = ROUNDS(settling, settle);

static void settle(struct work_struct *work)
{
	s64 served = begin_round(&settling);

	cn_proc_attach();
	end_round(&settling, served);
	cn_proc_settle();
}

int cn_proc_glue_await_attached(void)
{
	return await_round(&settling, true);
}

/* If it is due earlier already, it stays so. */
void cn_proc_glue_later(unsigned int milliseconds)
{
	if (milliseconds)
		queue_delayed_work(workqueue, &settling.work, msecs_to_jiffies(milliseconds));
	else
		mod_delayed_work(workqueue, &settling.work, 0);
}

/*
 * While netlink shows its members, nobody can open or close a netlink socket. So this rests for some
 * times as long as it has lasted, up to a limit; readers share what it finds.
 */
#define VISIT_REST	9
#define VISIT_REST_MAX	(100 * NSEC_PER_MSEC)

static void visit(struct work_struct *work);
static struct rounds visiting = ROUNDS(visiting, visit);
static u64 visit_from;	/* not before this time */

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

int cn_proc_glue_await_visit(void)
{
	return await_round(&visiting, false);
}

/*
 * That sockets were closed is told in order, a moment later. So when it is told of one that is closed
 * here, it was told of all before.
 */
#define CLOSES_MAX	HZ

static void close_one(struct work_struct *work);
static struct rounds closing = ROUNDS(closing, close_one);
static DECLARE_WAIT_QUEUE_HEAD(closed_is_told);
static u64 closed;	/* the number of the socket, or 0 */

static void close_one(struct work_struct *work)
{
	s64 served = begin_round(&closing);
	struct socket *socket;
	u32 cookie[2];

	/* As programs do it: of sockets of the kernel nobody is told. */
	if (!sock_create(PF_NETLINK, SOCK_DGRAM, NETLINK_CONNECTOR, &socket)) {
		sock_diag_save_cookie(socket->sk, cookie);
		WRITE_ONCE(closed, (u64)cookie[1] << 32 | cookie[0]);
		sock_release(socket);
		wait_event_timeout(closed_is_told, !READ_ONCE(closed), CLOSES_MAX);
		WRITE_ONCE(closed, 0);
	}
	end_round(&closing, served);
}

int cn_proc_glue_await_closes(void)
{
	return await_round(&closing, false);
}

void cn_proc_glue_closed(u64 socket)
{
	if (READ_ONCE(closed) != socket)
		return;
	WRITE_ONCE(closed, 0);
	wake_up_all(&closed_is_told);
}

int cn_proc_glue_begin_work(void)
{
	workqueue = alloc_workqueue("cn_proc", WQ_UNBOUND, 0);
	return workqueue ? 0 : -ENOMEM;
}

/* Whoever asks for work after this is not heard; nobody waits any more. */
void cn_proc_glue_end_work(void)
{
	disable_delayed_work_sync(&settling.work);
	disable_delayed_work_sync(&visiting.work);
	disable_delayed_work_sync(&closing.work);
	destroy_workqueue(workqueue);
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
