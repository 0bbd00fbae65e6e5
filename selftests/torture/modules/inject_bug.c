// SPDX-License-Identifier: GPL-2.0
/*
 * Has one bug, which runs when it is loaded, to show that the kernel reports it.
 *
 *   insmod inject_bug.ko what=leak|sleep|locks|rcu|bounds|freed
 */
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

static char *what = "";
module_param(what, charp, 0444);
MODULE_PARM_DESC(what, "leak, sleep, locks, rcu, bounds, freed");

static DEFINE_MUTEX(first);
static DEFINE_MUTEX(second);
static DEFINE_SPINLOCK(spin);
static int __rcu *shared;

/* Memory that nothing points to. */
static int leak(void)
{
	char *memory = kzalloc(100, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(memory);
	return memory ? 0 : -ENOMEM;
}

/* May sleep for memory, with a spin lock held. */
static int sleep(void)
{
	char *memory;

	spin_lock(&spin);
	memory = kmalloc(100, GFP_KERNEL);
	spin_unlock(&spin);
	kfree(memory);
	return 0;
}

/* Two locks in one order and in the other: no deadlock yet. */
static int locks(void)
{
	mutex_lock(&first);
	mutex_lock(&second);
	mutex_unlock(&second);
	mutex_unlock(&first);

	mutex_lock(&second);
	mutex_lock(&first);
	mutex_unlock(&first);
	mutex_unlock(&second);
	return 0;
}

/* Follows an RCU pointer outside of a read section. */
static int rcu(void)
{
	pr_info("inject_bug: %p\n", rcu_dereference(shared));
	return 0;
}

/* Reads one byte behind an object; the address is hidden from the compiler. */
static int bounds(void)
{
	char *memory = kzalloc(100, GFP_KERNEL);
	char *behind = memory + 100;

	if (!memory)
		return -ENOMEM;
	OPTIMIZER_HIDE_VAR(behind);
	pr_info("inject_bug: %d\n", READ_ONCE(*behind));
	kfree(memory);
	return 0;
}

/* Reads an object after its free. */
static int freed(void)
{
	char *memory = kzalloc(100, GFP_KERNEL);
	char *gone = memory;

	if (!memory)
		return -ENOMEM;
	OPTIMIZER_HIDE_VAR(gone);
	kfree(memory);
	pr_info("inject_bug: %d\n", READ_ONCE(*gone));
	return 0;
}

static const struct {
	const char *name;
	int (*make)(void);
} bugs[] = {
	{ "leak", leak },
	{ "sleep", sleep },
	{ "locks", locks },
	{ "rcu", rcu },
	{ "bounds", bounds },
	{ "freed", freed },
};

static int __init inject_bug_init(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(bugs); i++)
		if (!strcmp(what, bugs[i].name))
			return bugs[i].make();
	pr_err("inject_bug: \"%s\" is no bug of this module\n", what);
	return -EINVAL;
}

static void __exit inject_bug_exit(void)
{
}

module_init(inject_bug_init);
module_exit(inject_bug_exit);

MODULE_DESCRIPTION("Injected bugs");
MODULE_LICENSE("GPL");
