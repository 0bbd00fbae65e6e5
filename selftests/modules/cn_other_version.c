// SPDX-License-Identifier: GPL-2.0
/*
 * A module as the compiler builds it with a crate `connector` of another version. It only sends. It
 * must not load, because the connector does not have the function.
 */
#include <linux/module.h>

#include "cn_other_core.h"

static int __init other_init(void)
{
	static const struct cn_msg message = { .id = { 20, 1 } };
	/* The values do not matter, as the module must not load. */
	static const u64 target[8] = { ~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL };

	return cn_core_0_send(&message, NULL, (const void *)target, GFP_KERNEL);
}
module_init(other_init);

static void __exit other_exit(void)
{
}
module_exit(other_exit);

MODULE_IMPORT_NS("CONNECTOR");
MODULE_DESCRIPTION("Built for another version of the crate connector");
MODULE_LICENSE("GPL");
