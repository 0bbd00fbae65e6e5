// SPDX-License-Identifier: GPL-2.0
/*
 * The reference: netlink protocols without any connector. One does nothing with
 * its messages: the floor, what netlink itself costs.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/netlink.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "../bench_order.h"

static struct sock *floor_sock;

static void floor_input(struct sk_buff *skb)
{
}

static int __init bench_init(void)
{
	struct netlink_kernel_cfg floor = { .input = floor_input };

	floor_sock = netlink_kernel_create(&init_net, BENCH_FLOOR, &floor);
	return floor_sock ? 0 : -EBUSY;
}

static void __exit bench_exit(void)
{
	netlink_kernel_release(floor_sock);
}

module_init(bench_init);
module_exit(bench_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Benchmark: netlink without a connector");
