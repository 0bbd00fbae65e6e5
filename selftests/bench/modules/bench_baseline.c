// SPDX-License-Identifier: GPL-2.0
/*
 * The references: netlink protocols without any connector. One ignores its messages: the baseline,
 * the cost of netlink itself. The other one replies, and sends to a group, with the fewest steps
 * that netlink allows.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mutex.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <net/net_namespace.h>
#include <net/netlink.h>
#include <net/sock.h>

#include "bench_device.h"
#include "bench_storm.h"

static struct sock *baseline_sock;
static struct sock *minimal_sock;

static void baseline_input(struct sk_buff *skb)
{
}

static int minimal_echo(struct sk_buff *skb, struct nlmsghdr *nlh, struct netlink_ext_ack *extack)
{
	struct sk_buff *reply = nlmsg_new(nlmsg_len(nlh), GFP_KERNEL);
	struct nlmsghdr *answer;

	if (!reply)
		return -ENOMEM;
	answer = nlmsg_put(reply, 0, nlh->nlmsg_seq, nlh->nlmsg_type, nlmsg_len(nlh), 0);
	if (!answer) {
		nlmsg_free(reply);
		return -EMSGSIZE;
	}
	memcpy(nlmsg_data(answer), nlmsg_data(nlh), nlmsg_len(nlh));
	/* Returns a length, which would be taken for an error. */
	return min(netlink_unicast(minimal_sock, reply, NETLINK_CB(skb).portid, 0), 0);
}

static void minimal_input(struct sk_buff *skb)
{
	netlink_rcv_skb(skb, minimal_echo);
}

/* So many messages in one buffer. */
static int minimal_multicast(unsigned int count, int payload)
{
	static u8 filling;
	struct sk_buff *skb;

	if (!netlink_has_listeners(minimal_sock, BENCH_MINIMAL_GROUP))
		return -ESRCH;
	skb = nlmsg_new(count * nlmsg_total_size(payload), GFP_KERNEL);
	if (!skb)
		return -ENOMEM;
	while (count--) {
		struct nlmsghdr *nlh = nlmsg_put(skb, 0, 0, NLMSG_MIN_TYPE, payload, 0);

		if (!nlh) {
			nlmsg_free(skb);
			return -EMSGSIZE;
		}
		memset(nlmsg_data(nlh), ++filling, payload);
	}
	return netlink_broadcast(minimal_sock, skb, 0, BENCH_MINIMAL_GROUP, GFP_KERNEL);
}

static int minimal_messages(const struct bench_order *order)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < order->count && !ret; i++)
		ret = minimal_multicast(1, order->payload);
	return ret;
}

static int minimal_bundle(const struct bench_order *order)
{
	return minimal_multicast(order->count, order->payload);
}

static DEFINE_MUTEX(baseline_mutex);
static struct task_struct *baseline_storm;

/* Keeps the other processor busy where there is nothing to register. */
static int baseline_storm_run(void *unused)
{
	while (!kthread_should_stop()) {
		void *bytes = kmalloc(128, GFP_KERNEL);

		/* An allocation that is not used may be left out by the compiler. */
		OPTIMIZER_HIDE_VAR(bytes);
		kfree(bytes);
		cond_resched();
	}
	return 0;
}

static long bench_work(unsigned int request, const struct bench_order *order)
{
	guard(mutex)(&baseline_mutex);
	switch (request) {
	case BENCH_MULTICAST:
		return bench_multicast(order, minimal_messages);
	case BENCH_MULTICAST_BUNDLE:
		return bench_multicast(order, minimal_bundle);
	case BENCH_STORM_START:
		return bench_storm_start(&baseline_storm, baseline_storm_run);
	case BENCH_STORM_STOP:
		return bench_storm_stop(&baseline_storm);
	default:
		return -ENOTTY;
	}
}

BENCH_DEVICE("bench-baseline", bench_work);

static int __init bench_init(void)
{
	struct netlink_kernel_cfg baseline = { .input = baseline_input };
	struct netlink_kernel_cfg minimal = { .input = minimal_input, .groups = 32 };
	int ret = -EBUSY;

	baseline_sock = netlink_kernel_create(&init_net, BENCH_BASELINE, &baseline);
	if (!baseline_sock)
		return ret;
	minimal_sock = netlink_kernel_create(&init_net, BENCH_MINIMAL, &minimal);
	if (!minimal_sock)
		goto release_baseline;
	ret = misc_register(&bench_device);
	if (ret)
		goto release_minimal;
	return 0;

release_minimal:
	netlink_kernel_release(minimal_sock);
release_baseline:
	netlink_kernel_release(baseline_sock);
	return ret;
}

static void __exit bench_exit(void)
{
	misc_deregister(&bench_device);
	bench_storm_stop(&baseline_storm);
	netlink_kernel_release(minimal_sock);
	netlink_kernel_release(baseline_sock);
}

module_init(bench_init);
module_exit(bench_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Benchmark: netlink without a connector");
