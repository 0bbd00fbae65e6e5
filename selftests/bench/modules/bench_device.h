/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The C modules of the benchmark share this code: a device that takes orders, and the times that
 * they return.
 */
#ifndef BENCH_DEVICE_H
#define BENCH_DEVICE_H

#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "../bench_order.h"

#define BENCH_MAX_SAMPLES 100000

/* A device by this name whose orders are given to work(request, order). */
#define BENCH_DEVICE(title, work)						\
	static long bench_ioctl(struct file *file, unsigned int request,	\
				unsigned long argument)				\
	{									\
		struct bench_order order;					\
										\
		if (_IOC_SIZE(request) != sizeof(order))			\
			return -ENOTTY;						\
		if (copy_from_user(&order, (void __user *)argument,		\
				   sizeof(order)))				\
			return -EFAULT;						\
		return work(request, &order);					\
	}									\
										\
	static const struct file_operations bench_operations = {		\
		.owner = THIS_MODULE,						\
		.unlocked_ioctl = bench_ioctl,					\
	};									\
										\
	static struct miscdevice bench_device = {				\
		.minor = MISC_DYNAMIC_MINOR,					\
		.name = title,							\
		.fops = &bench_operations,					\
	}

/* Room for the times that an order requests. */
static inline u64 *bench_times(const struct bench_order *order)
{
	u64 *times;

	if (!order->samples || order->samples > BENCH_MAX_SAMPLES)
		return ERR_PTR(-EINVAL);
	times = kvcalloc(order->samples, sizeof(*times), GFP_KERNEL);
	return times ?: ERR_PTR(-ENOMEM);
}

/* The sum of all processors. Each processor has its own counter. */
static inline unsigned int bench_sum(unsigned int __percpu *counter)
{
	unsigned int cpu, sum = 0;

	for_each_possible_cpu(cpu)
		sum += *per_cpu_ptr(counter, cpu);
	return sum;
}

/* Returns the times, unless the measured operation has failed. */
static inline int bench_hand_back(const struct bench_order *order, u64 *times, int ret)
{
	if (!ret && copy_to_user(u64_to_user_ptr(order->times), times,
				 order->samples * sizeof(*times)))
		ret = -EFAULT;
	kvfree(times);
	return ret;
}

/*
 * Measures the sending of messages to a group. A missing listener is no error here. The program
 * checks that all listeners have received the messages.
 */
static inline int bench_multicast(const struct bench_order *order,
			     int (*send)(const struct bench_order *order))
{
	u64 *times;
	u64 start;
	int ret;

	/* A header takes less than 64 bytes in all of the protocols. */
	if (!order->count || order->count > 128 || order->payload > BENCH_MAX_PAYLOAD ||
	    order->count * (order->payload + 64) > BENCH_MAX_BUNDLE)
		return -EINVAL;
	times = bench_times(order);
	if (IS_ERR(times))
		return PTR_ERR(times);
	start = ktime_get_ns();
	ret = send(order);
	times[0] = ktime_get_ns() - start;
	return bench_hand_back(order, times, ret == -ESRCH ? 0 : ret);
}

#endif
