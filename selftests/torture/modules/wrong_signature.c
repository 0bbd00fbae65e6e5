// SPDX-License-Identifier: GPL-2.0
/*
 * Registers, instead of the sample cn_echo, a function that has not the signature of a callback.
 * A kernel with kCFI must stop the connector from calling it.
 */
#include <linux/connector.h>
#include <linux/module.h>

static struct cb_id wrong_id = { .idx = 20, .val = 1 };

static unsigned long wrong_function(unsigned long value)
{
	pr_info("wrong_signature: it was called\n");
	return value;
}

static int __init wrong_init(void)
{
	/* By way of void *, as the compiler has an opinion on a cast from one to the other. */
	void *function = wrong_function;

	return cn_add_callback(&wrong_id, "wrong_signature", function);
}

static void __exit wrong_exit(void)
{
	cn_del_callback(&wrong_id);
}

module_init(wrong_init);
module_exit(wrong_exit);

MODULE_DESCRIPTION("A function that is no callback");
MODULE_LICENSE("GPL");
