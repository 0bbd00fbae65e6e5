// SPDX-License-Identifier: GPL-2.0
/*
 * A module as the compiler makes it of a crate `connector` of another version: what it tells the
 * core about itself is not what the core expects. It must not load.
 */
#include <linux/module.h>

#include "cn_glue.h"

static bool watch;
module_param(watch, bool, 0444);
MODULE_PARM_DESC(watch, "Watch instead of registering a handler");

static u64 serial;

static int other_receive(void *cookie, struct cn_msg *msg, struct netlink_skb_parms *parms)
{
	return 0;
}

static void other_watch(void *cookie, const struct cb_id *id, bool registered)
{
}

static void other_release(void *cookie)
{
}

static int __init other_init(void)
{
	static const struct cb_id id = { 20, 1 };
	const struct cn_core_handler handler = {
		.version = CN_CORE_VERSION + 1,
		.capability = CN_ANYONE,
		.receive = other_receive,
		.release = other_release,
	};

	if (watch)
		return cn_core_watch(CN_CORE_VERSION + 1, other_watch, other_release, NULL,
				     &serial);
	return cn_core_register(&id, "other-version", &handler, &serial);
}
module_init(other_init);

static void __exit other_exit(void)
{
}
module_exit(other_exit);

MODULE_IMPORT_NS("CONNECTOR");
MODULE_DESCRIPTION("Built for another version of the crate connector");
MODULE_LICENSE("GPL");
