// SPDX-License-Identifier: GPL-2.0
/*
 * What one dispatch costs.
 *
 * Registers a number of callbacks that do nothing, sends messages to the first
 * one, the last one and an id that is not there, and the same message to an
 * empty netlink handler: that is the floor, what netlink costs without any
 * connector. Where guest time counts instructions (QEMU's -icount shift=0) the
 * nanoseconds below are instructions.
 *
 * The module measures while it is loaded; /proc/cn_bench then has one
 * "name median" line for each case. It uses the exports of <linux/connector.h>
 * only, so the same object measures the C connector and ours.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/completion.h>
#include <linux/connector.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/netlink.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <net/netlink.h>
#include <net/sock.h>

static unsigned int callbacks = 1;
module_param(callbacks, uint, 0444);
MODULE_PARM_DESC(callbacks, "Number of callbacks to register, 1 to 65536 (default 1)");

static unsigned int sends = 301;
module_param(sends, uint, 0444);
MODULE_PARM_DESC(sends, "Number of messages in each case, 1 to 100000 (default 301)");

/* No known user has this idx, and no kernel has this netlink protocol. */
#define BENCH_IDX	0xbe9c
#define BENCH_VAL	1
#define BENCH_UNIT	(MAX_LINKS - 1)
#define BENCH_PAYLOAD	32

struct bench_message {
	struct nlmsghdr nlh;
	struct cn_msg msg;
	u8 payload[BENCH_PAYLOAD];
};

enum bench_case { HIT_FIRST, HIT_LAST, ABSENT, FLOOR, BENCH_CASES };

static const char * const bench_names[] = {
	[HIT_FIRST] = "first", [HIT_LAST] = "last", [ABSENT] = "absent", [FLOOR] = "floor",
};

static u64 bench_median[BENCH_CASES];
static unsigned int bench_registered;
/* Proof that the callbacks were called, and no more often than they should. */
static unsigned long bench_calls;

static void bench_callback(struct cn_msg *msg, struct netlink_skb_parms *nsp)
{
	bench_calls++;
}

static void bench_empty_handler(struct sk_buff *skb)
{
}

static int bench_compare(const void *a, const void *b)
{
	u64 left = *(const u64 *)a, right = *(const u64 *)b;

	return left < right ? -1 : left > right;
}

/* Sends from a socket of the kernel, as no program's system call is of interest. */
static int bench_send_all(int protocol, u32 val, u64 *times, u64 *median)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct bench_message message = {
		.nlh = {
			.nlmsg_len = sizeof(message),
			.nlmsg_type = NLMSG_DONE,
		},
		.msg = {
			.id = { BENCH_IDX, BENCH_VAL + val },
			.len = BENCH_PAYLOAD,
		},
	};
	struct socket *sock;
	unsigned int i;
	int ret;

	ret = sock_create_kern(&init_net, AF_NETLINK, SOCK_DGRAM, protocol, &sock);
	if (ret)
		return ret;
	for (i = 0; i < sends; i++) {
		struct kvec vec = { &message, sizeof(message) };
		struct msghdr msg = { .msg_name = &kernel, .msg_namelen = sizeof(kernel) };
		u64 start = ktime_get_ns();

		ret = kernel_sendmsg(sock, &msg, &vec, 1, sizeof(message));
		times[i] = ktime_get_ns() - start;
		if (ret != sizeof(message)) {
			ret = ret < 0 ? ret : -EIO;
			goto release;
		}
		cond_resched();
	}
	ret = 0;
	/* The first ones fill caches; the middle one has nothing of an interrupt. */
	sort(times, sends, sizeof(*times), bench_compare, NULL);
	*median = times[sends / 2];
release:
	sock_release(sock);
	return ret;
}

static int bench_measure(void)
{
	u64 *times = kvcalloc(sends, sizeof(*times), GFP_KERNEL);
	int ret;

	if (!times)
		return -ENOMEM;
	ret = bench_send_all(BENCH_UNIT, 0, times, &bench_median[FLOOR]);
	if (!ret)
		ret = bench_send_all(NETLINK_CONNECTOR, 0, times, &bench_median[HIT_FIRST]);
	if (!ret)
		ret = bench_send_all(NETLINK_CONNECTOR, callbacks - 1, times,
				     &bench_median[HIT_LAST]);
	if (!ret)
		ret = bench_send_all(NETLINK_CONNECTOR, callbacks, times,
				     &bench_median[ABSENT]);
	if (!ret && bench_calls != 2ul * sends) {
		pr_err("%lu calls instead of %lu\n", bench_calls, 2ul * sends);
		ret = -EIO;
	}
	kvfree(times);
	return ret;
}

static DECLARE_COMPLETION(bench_done);
static int bench_result;

/* In a kernel thread: no user context, no signal, no accounting of a program. */
static int bench_thread(void *unused)
{
	bench_result = bench_measure();
	kthread_complete_and_exit(&bench_done, 0);
}

static int bench_show(struct seq_file *m, void *v)
{
	int i;

	for (i = 0; i < BENCH_CASES; i++)
		seq_printf(m, "%s %llu\n", bench_names[i], bench_median[i]);
	return 0;
}

static void bench_unregister(void)
{
	struct cb_id id = { BENCH_IDX, BENCH_VAL };
	unsigned int i;

	for (i = 0; i < bench_registered; i++, id.val++) {
		cn_del_callback(&id);
		cond_resched();
	}
}

static int bench_register(void)
{
	struct cb_id id = { BENCH_IDX, BENCH_VAL };
	unsigned int i;
	int ret;

	for (i = 0; i < callbacks; i++, id.val++) {
		ret = cn_add_callback(&id, "cn_bench", bench_callback);
		if (ret)
			return ret;
		bench_registered++;
		cond_resched();
	}
	return 0;
}

static int __init bench_init(void)
{
	struct netlink_kernel_cfg cfg = { .input = bench_empty_handler };
	struct task_struct *thread;
	struct sock *floor;
	int ret;

	if (!callbacks || callbacks > 65536 || !sends || sends > 100000)
		return -EINVAL;
	floor = netlink_kernel_create(&init_net, BENCH_UNIT, &cfg);
	if (!floor)
		return -EBUSY;
	ret = bench_register();
	if (ret)
		goto unregister;
	thread = kthread_run(bench_thread, NULL, "cn_bench");
	ret = PTR_ERR_OR_ZERO(thread);
	if (ret)
		goto unregister;
	wait_for_completion(&bench_done);
	ret = bench_result;
	if (!ret && !proc_create_single("cn_bench", 0444, NULL, bench_show))
		ret = -ENOMEM;
unregister:
	if (ret)
		bench_unregister();
	netlink_kernel_release(floor);
	return ret;
}

static void __exit bench_exit(void)
{
	remove_proc_entry("cn_bench", NULL);
	bench_unregister();
}

module_init(bench_init);
module_exit(bench_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Measures one dispatch of the connector");
