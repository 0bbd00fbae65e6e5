// SPDX-License-Identifier: GPL-2.0
/*
 * A generic netlink family that does the same work as the callbacks of the connector: the usual
 * choice today without the connector.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <net/genetlink.h>

#include "bench_device.h"

static struct genl_family genl_family;
static DEFINE_PER_CPU(unsigned int, genl_calls);

static int genl_nothing(struct sk_buff *skb, struct genl_info *info)
{
	this_cpu_inc(genl_calls);
	return 0;
}

static int genl_put(struct sk_buff *skb, u32 portid, u32 seq, u8 command, int payload,
		    const void *bytes)
{
	static u8 filling;
	void *header = genlmsg_put(skb, portid, seq, &genl_family, 0, command);
	struct nlattr *attribute;

	if (!header)
		return -EMSGSIZE;
	attribute = nla_reserve(skb, BENCH_GENL_PAYLOAD, payload);
	if (!attribute)
		return -EMSGSIZE;
	if (bytes)
		memcpy(nla_data(attribute), bytes, payload);
	else
		memset(nla_data(attribute), ++filling, payload);
	genlmsg_end(skb, header);
	return 0;
}

static int genl_echo(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *attr = info->attrs[BENCH_GENL_PAYLOAD];
	struct sk_buff *reply;
	int ret;

	if (!attr)
		return -EINVAL;
	reply = genlmsg_new(nla_total_size(nla_len(attr)), GFP_KERNEL);
	if (!reply)
		return -ENOMEM;
	ret = genl_put(reply, info->snd_portid, info->snd_seq, BENCH_GENL_ECHO, nla_len(attr),
		       nla_data(attr));
	if (ret) {
		nlmsg_free(reply);
		return ret;
	}
	return genlmsg_reply(reply, info);
}

/* So many messages in one buffer. */
static int genl_multicast(unsigned int count, int payload)
{
	struct sk_buff *skb;
	int ret = 0;

	if (!genl_has_listeners(&genl_family, &init_net, 0))
		return -ESRCH;
	skb = nlmsg_new(count * nlmsg_total_size(GENL_HDRLEN + nla_total_size(payload)),
			GFP_KERNEL);
	if (!skb)
		return -ENOMEM;
	while (count-- && !ret)
		ret = genl_put(skb, 0, 0, BENCH_GENL_EVENT, payload, NULL);
	if (ret) {
		nlmsg_free(skb);
		return ret;
	}
	return genlmsg_multicast(&genl_family, skb, 0, 0, GFP_KERNEL);
}

static int genl_messages(const struct bench_order *order)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < order->count && !ret; i++)
		ret = genl_multicast(1, order->payload);
	return ret;
}

static int genl_bundle(const struct bench_order *order)
{
	return genl_multicast(order->count, order->payload);
}

static const struct nla_policy genl_policy[BENCH_GENL_ATTRIBUTES] = {
	[BENCH_GENL_PAYLOAD] = { .type = NLA_BINARY },
};

static const struct genl_small_ops genl_operations[] = {
	{ .cmd = BENCH_GENL_NOTHING, .doit = genl_nothing },
	{ .cmd = BENCH_GENL_ECHO, .doit = genl_echo },
};

static const struct genl_multicast_group genl_groups[] = { { .name = "multicast" } };

static struct genl_family genl_family = {
	.name = "cn_bench",
	.version = 1,
	.module = THIS_MODULE,
	.maxattr = BENCH_GENL_ATTRIBUTES - 1,
	.policy = genl_policy,
	.small_ops = genl_operations,
	.n_small_ops = ARRAY_SIZE(genl_operations),
	.mcgrps = genl_groups,
	.n_mcgrps = ARRAY_SIZE(genl_groups),
	.resv_start_op = BENCH_GENL_COMMANDS,
};

static long bench_work(unsigned int request, const struct bench_order *order)
{
	switch (request) {
	case BENCH_GENL_FAMILY:
		return genl_family.id;
	case BENCH_CALLS:
		return bench_sum(&genl_calls) & INT_MAX;
	case BENCH_GENL_GROUP:
		return genl_family.mcgrp_offset;
	case BENCH_MULTICAST:
		return bench_multicast(order, genl_messages);
	case BENCH_MULTICAST_BUNDLE:
		return bench_multicast(order, genl_bundle);
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
