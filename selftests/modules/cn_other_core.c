// SPDX-License-Identifier: GPL-2.0
/*
 * Stands for a connector of another version while modules for it are linked. It is never loaded.
 */
#include <linux/module.h>

#include "cn_other_core.h"

int cn_core_0_send(const struct cn_msg *header, const void *payload,
		   const struct cn_core_target *to, gfp_t gfp_mask)
{
	return -EOPNOTSUPP;
}
EXPORT_SYMBOL_NS_GPL(cn_core_0_send, "CONNECTOR");

MODULE_DESCRIPTION("Stands for a connector of another version");
MODULE_LICENSE("GPL");
