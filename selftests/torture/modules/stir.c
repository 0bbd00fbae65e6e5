// SPDX-License-Identifier: GPL-2.0
/*
 * Allocates and frees many objects of each size on each processor while it is loaded. The allocator
 * keeps the latest addresses in lists that kmemleak reads. This module overwrites them, so that a
 * leaked object does not appear as in use.
 */
#include <linux/cpu.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#define OBJECTS 512

static void stir_size(size_t size, gfp_t flags)
{
	void **objects = kvcalloc(OBJECTS, sizeof(*objects), GFP_KERNEL);
	int i;

	if (!objects)
		return;
	for (i = 0; i < OBJECTS; i++)
		objects[i] = kmalloc(size, flags);
	for (i = 0; i < OBJECTS; i++)
		kfree(objects[i]);
	kvfree(objects);
}

static const size_t sizes[] = { 8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096 };

static void stir(struct work_struct *work)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		stir_size(sizes[i], GFP_KERNEL);
		stir_size(sizes[i], GFP_KERNEL_ACCOUNT);
		cond_resched();
	}
}

static int __init stir_init(void)
{
	static struct work_struct work;
	int cpu;

	INIT_WORK(&work, stir);
	cpus_read_lock();
	for_each_online_cpu(cpu) {
		schedule_work_on(cpu, &work);
		flush_work(&work);
	}
	cpus_read_unlock();
	return 0;
}

static void __exit stir_exit(void)
{
}

module_init(stir_init);
module_exit(stir_exit);

MODULE_DESCRIPTION("Overwrites the free lists of the allocator");
MODULE_LICENSE("GPL");
