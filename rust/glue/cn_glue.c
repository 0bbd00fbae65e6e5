// SPDX-License-Identifier: GPL-2.0
/*
 * What cannot be Rust: wrappers of inline kernel functions and macros, per-CPU counters, and the
 * export of the symbols that are defined in core/c_abi.rs. cn_own.c and cn_guest.c have what only
 * one of the carriers needs.
 */
#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/jiffies.h>
#include <linux/kmod.h>
#include <linux/net.h>
#include <linux/nodemask.h>
#include <linux/percpu.h>
#include <linux/pid_namespace.h>
#include <linux/preempt.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/task_stack.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <net/net_namespace.h>
#include <net/netlink.h>
#include <net/sock.h>

#include "cn_glue.h"
#include "cn_switch.h"

#define CREATE_TRACE_POINTS
#include "cn_trace.h"

CN_SWITCH(notify, true, "Whether there is a notification channel (default true)");

bool cn_glue_has_channel(void)
{
	return notify.on;
}

static DEFINE_PER_CPU(u64[CN_COUNTERS], cn_counters);

void cn_glue_count(unsigned int counter)
{
	this_cpu_inc(cn_counters[counter]);
}

void cn_glue_count_many(unsigned int counter, unsigned long number)
{
	this_cpu_add(cn_counters[counter], number);
}

void cn_glue_count_delivered(void)
{
	this_cpu_inc(cn_counters[CN_DELIVERED]);
}

u64 cn_glue_counted(unsigned int counter)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += per_cpu(cn_counters[counter], cpu);
	return sum;
}

struct sk_buff *cn_glue_alloc_skb(unsigned int len, gfp_t gfp_mask)
{
	struct sk_buff *skb = alloc_skb(len, gfp_mask);

	if (likely(skb))
		__skb_put(skb, len);
	return skb;
}

/*
 * Netlink takes the longest wait from the socket that sends, and there can be only one socket of
 * the kernel. This one is a program's, as far as netlink sees: a receiver which is still full at
 * the end of the wait is not marked as having lost something, because the caller knows.
 */
int cn_glue_unicast_within(struct sk_buff *skb, u32 portid, unsigned int timeout_ms)
{
	struct socket *socket;
	int ret = sock_create_kern(&init_net, PF_NETLINK, SOCK_DGRAM, NETLINK_CONNECTOR, &socket);

	if (ret) {
		nlmsg_free(skb);
		return ret;
	}
	socket->sk->sk_sndtimeo = clamp(msecs_to_jiffies(timeout_ms), 1UL,
					MAX_SCHEDULE_TIMEOUT - 1UL);
	ret = netlink_unicast(socket->sk, skb, portid, 0);
	sock_release(socket);
	return ret;
}

/* Sockets of the kernel itself do not keep their network namespace alive. */
bool cn_glue_is_kernel_socket(const struct sock *sk)
{
	return !sk->sk_net_refcnt;
}

/*
 * As netlink does for a message that does not fit, and counted like that. Whether the program has
 * switched the error off (NETLINK_NO_ENOBUFS) is known to netlink alone.
 */
void cn_glue_report_loss(struct sock *sk)
{
	sk_drops_inc(sk);
	WRITE_ONCE(sk->sk_err, ENOBUFS);
	sk_error_report(sk);
}

/* The file of a socket; NULL if it has none. */
struct file *cn_glue_file(const struct sock *sk)
{
	return sk->sk_socket->file;
}

/*
 * The file of a socket; NULL if it has none, or was opened with the credentials that the running
 * task has.
 */
struct file *cn_glue_file_of_other(const struct sock *sk)
{
	struct file *file = sk->sk_socket->file;

	return file && file->f_cred != current_cred() ? file : NULL;
}

/* How often the module of process events is asked for at most. */
#define REQUEST_INTERVAL	(5 * HZ)

/* How long a task waits at most, as what modprobe does is up to the administrator. */
#define REQUEST_MAX		(30 * HZ)

static DECLARE_WAIT_QUEUE_HEAD(request_is_over);
static atomic64_t request_asked;	/* the number of the last task that has asked */
static s64 request_done;		/* all up to this number have got what they asked for */
static unsigned long requested;	/* when that was over, as an odd number; 0 for never */

static bool is_requested(void)
{
	unsigned long last = READ_ONCE(requested);

	return last && !time_after(jiffies, last + REQUEST_INTERVAL);
}

static void request(struct work_struct *work)
{
	/* A task that asks after this waits for the next round, which has little to do. */
	s64 asked = atomic64_read(&request_asked);

	if (!is_requested()) {
		request_module("cn-id-%d-%d", CN_IDX_PROC, CN_VAL_PROC);
		WRITE_ONCE(requested, jiffies | 1);
	}
	/* B: pairs with the waiting task, which sees what modprobe has done. */
	smp_store_release(&request_done, asked);
	wake_up_all(&request_is_over);
}

static DECLARE_WORK(request_work, request);

/* A work item asks, since other tasks would depend on the priority of a task that asks. */
void cn_glue_request_process_events(void)
{
	s64 number;

	if (is_requested())
		return;
	number = atomic64_inc_return(&request_asked);
	queue_work(cn_glue_workqueue(), &request_work);
	/* B: pairs with the work item. */
	wait_event_killable_timeout(request_is_over, smp_load_acquire(&request_done) >= number,
				    REQUEST_MAX);
}

void cn_glue_kvfree_rcu(void *ptr)
{
	kvfree_rcu_mightsleep(ptr);
}

void cn_glue_preempt_disable(void)
{
	preempt_disable();
}

void cn_glue_preempt_enable(void)
{
	preempt_enable();
}

void cn_glue_cond_resched(void)
{
	cond_resched();
}

void *cn_glue_alloc_nofail(size_t size)
{
	void *memory = kmalloc(size, GFP_ATOMIC | __GFP_ACCOUNT | __GFP_NOWARN);

	return memory ? memory : kmalloc(size, GFP_KERNEL_ACCOUNT | __GFP_NOFAIL);
}

unsigned long cn_glue_random_long(void)
{
	return get_random_long();
}

/*
 * A mark is a word that is its own address, combined with the key. The stack is read from here to
 * its end, also what belongs to other functions, as unwinders do.
 */
void *cn_glue_outermost_mark(unsigned long key)
{
	unsigned long *end = task_stack_page(current) + THREAD_SIZE;
	unsigned long *word = __builtin_frame_address(0);
	void *outermost = NULL;

	if (!object_is_on_stack(word))
		return NULL;
	for (; word < end; word++) {
		if (READ_ONCE_NOCHECK(*word) == ((unsigned long)word ^ key))
			outermost = word;
	}
	return outermost;
}

/* While a message about an id is sent, which does not sleep, but for PREEMPT_RT. */
void cn_glue_send_begin(void)
{
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		rcu_read_lock();
	else
		preempt_disable();
}

void cn_glue_send_end(void)
{
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		rcu_read_unlock();
	else
		preempt_enable();
}

static struct workqueue_struct *workqueue;

int cn_glue_workqueue_create(void)
{
	workqueue = alloc_workqueue("cn", WQ_UNBOUND, 0);
	return workqueue ? 0 : -ENOMEM;
}

struct workqueue_struct *cn_glue_workqueue(void)
{
	return workqueue;
}

void cn_glue_workqueue_destroy(void)
{
	destroy_workqueue(workqueue);
}

struct workqueue_struct *cn_glue_queue_create(void)
{
	return alloc_workqueue("cn_watchers", WQ_UNBOUND, WQ_MAX_ACTIVE);
}

/*
 * An item counts twice while it runs and is queued again. Nodes share the limit of a workqueue by
 * their processors, and a node has WQ_DFL_MIN_ACTIVE at least.
 */
unsigned int cn_glue_queue_places(void)
{
	return (num_possible_nodes() > 1 ? WQ_DFL_MIN_ACTIVE : WQ_MAX_ACTIVE) / 2;
}

void cn_glue_queue_drain(struct workqueue_struct *queue)
{
	drain_workqueue(queue);
}

void cn_glue_queue_destroy(struct workqueue_struct *queue)
{
	destroy_workqueue(queue);
}

int cn_glue_register_module_notifier(struct notifier_block *nb)
{
	return register_module_notifier(nb);
}

int cn_glue_unregister_module_notifier(struct notifier_block *nb)
{
	return unregister_module_notifier(nb);
}

bool cn_glue_within_module(const void *address, const struct module *module)
{
	return within_module((unsigned long)address, module);
}

void cn_glue_trace_receive(const struct cb_id *id, u32 portid, u32 len, int error,
			   const char *why)
{
	trace_cn_receive(id, portid, len, error, why);
}

void cn_glue_trace_send(const struct cb_id *id, u32 portid, u32 group, u32 len, int error)
{
	trace_cn_send(id, portid, group, len, error);
}

void cn_glue_trace_register(const struct cb_id *id, const char *name)
{
	trace_cn_register(id, name);
}

void cn_glue_trace_unregister(const struct cb_id *id, const char *name)
{
	trace_cn_unregister(id, name);
}

/* How many messages a socket has missed because its receive buffer was full. */
u32 cn_core_drops(const struct sock *sk)
{
	return sk_drops_read(sk);
}

/* Whether the running task is in the initial user and pid namespaces. */
bool cn_core_initial_namespaces(void)
{
	return current_user_ns() == &init_user_ns && task_is_in_init_pid_ns(current);
}

/*
 * The functions are in Rust, so their exports cannot follow them. These have names with the
 * version: the crate calls them and nobody else does.
 */
#define EXPORT_FOR_CRATE(name)						\
	extern typeof(cn_core_##name) CN_CORE_SYMBOL(name);		\
	EXPORT_SYMBOL_NS_GPL(CN_CORE_SYMBOL(name), "CONNECTOR")

EXPORT_FOR_CRATE(alloc);
EXPORT_FOR_CRATE(capable);
EXPORT_FOR_CRATE(drops);
EXPORT_FOR_CRATE(features);
EXPORT_FOR_CRATE(free);
EXPORT_FOR_CRATE(has_listeners);
EXPORT_FOR_CRATE(initial_namespaces);
EXPORT_FOR_CRATE(post);
EXPORT_FOR_CRATE(register);
EXPORT_FOR_CRATE(send);
EXPORT_FOR_CRATE(unregister);
EXPORT_FOR_CRATE(unwatch);
EXPORT_FOR_CRATE(visit);
EXPORT_FOR_CRATE(watch);
