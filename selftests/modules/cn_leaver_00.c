// SPDX-License-Identifier: GPL-2.0
/*
 * Test module: its callback takes long, and is still registered when the module is unloaded. It is
 * loaded several times under other names, with two other digits at the end. The user side is
 * ../unload/unloads.c.
 */
#include <linux/connector.h>
#include <linux/delay.h>
#include <linux/module.h>

#ifdef CN_CLIENT_OF_GUEST
#include "cn_client/guest.c"
#endif

#define LEAVER_IDX 49

static unsigned int val;
module_param(val, uint, 0);
MODULE_PARM_DESC(val, "The second number of the id");

static unsigned int milliseconds;
module_param(milliseconds, uint, 0);
MODULE_PARM_DESC(milliseconds, "How long a call takes");

static void leaver_callback(struct cn_msg *msg, struct netlink_skb_parms *nsp)
{
	msleep(milliseconds);
}

static int __init leaver_init(void)
{
	struct cb_id id = { LEAVER_IDX, val };

	return cn_add_callback(&id, "leaver", leaver_callback);
}

static void __exit leaver_exit(void)
{
}

module_init(leaver_init);
module_exit(leaver_exit);

MODULE_DESCRIPTION("Leaves while its callback runs");
MODULE_LICENSE("GPL");
