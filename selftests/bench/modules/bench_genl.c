// SPDX-License-Identifier: GPL-2.0
/*
 * A generic netlink family that does the same work as the callbacks of the
 * connector: what one would write today without the connector.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <net/genetlink.h>

#include "bench_device.h"

static atomic_t genl_calls = ATOMIC_INIT(0);

static int genl_nothing(struct sk_buff *skb, struct genl_info *info)
{
	atomic_inc(&genl_calls);
	return 0;
}

static const struct nla_policy genl_policy[BENCH_GENL_ATTRIBUTES] = {
	[BENCH_GENL_PAYLOAD] = { .type = NLA_BINARY },
};

static const struct genl_small_ops genl_operations[] = {
	{ .cmd = BENCH_GENL_NOTHING, .doit = genl_nothing },
};

static struct genl_family genl_family = {
	.name = "cn_bench",
	.version = 1,
	.module = THIS_MODULE,
	.maxattr = BENCH_GENL_ATTRIBUTES - 1,
	.policy = genl_policy,
	.small_ops = genl_operations,
	.n_small_ops = ARRAY_SIZE(genl_operations),
	.resv_start_op = BENCH_GENL_COMMANDS,
};

static long bench_work(unsigned int request, const struct bench_order *order)
{
	switch (request) {
	case BENCH_GENL_FAMILY:
		return genl_family.id;
	case BENCH_CALLS:
		return atomic_read(&genl_calls) & INT_MAX;
	default:
		return -ENOTTY;
	}
}

BENCH_DEVICE("bench-genl", bench_work);

static int __init bench_init(void)
{
	int ret = genl_register_family(&genl_family);

	if (ret)
		return ret;
	ret = misc_register(&bench_device);
	if (ret)
		genl_unregister_family(&genl_family);
	return ret;
}

static void __exit bench_exit(void)
{
	misc_deregister(&bench_device);
	genl_unregister_family(&genl_family);
}

module_init(bench_init);
module_exit(bench_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Benchmark: the same with generic netlink");
