// SPDX-License-Identifier: GPL-2.0
/*
 * A client in C that is loaded and unloaded while programs send to it. Its callback is slow, and
 * accesses memory that is freed when the module exits.
 */
#include <linux/connector.h>
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/slab.h>

static const struct cb_id visitor_id = { .idx = 28, .val = 1 };
static u64 *visitor_calls;

static void visitor_callback(struct cn_msg *msg, struct netlink_skb_parms *nsp)
{
	WRITE_ONCE(*visitor_calls, READ_ONCE(*visitor_calls) + 1);
	if (msg->seq % 4 == 0)
		usleep_range(100, 1000);
	WRITE_ONCE(*visitor_calls, READ_ONCE(*visitor_calls) + 1);
}

static int __init visitor_init(void)
{
	int err;

	visitor_calls = kzalloc(sizeof(*visitor_calls), GFP_KERNEL);
	if (!visitor_calls)
		return -ENOMEM;
	err = cn_add_callback(&visitor_id, "visitor", visitor_callback);
	if (err)
		kfree(visitor_calls);
	return err;
}

static void __exit visitor_exit(void)
{
	cn_del_callback(&visitor_id);
	kfree(visitor_calls);
}

module_init(visitor_init);
module_exit(visitor_exit);

MODULE_DESCRIPTION("A client that registers and unregisters");
MODULE_LICENSE("GPL");
