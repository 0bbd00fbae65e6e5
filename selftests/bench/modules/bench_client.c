// SPDX-License-Identifier: GPL-2.0
/*
 * A user of the connector. It uses the exports of <linux/connector.h> only, so
 * that the same object measures the C connector and ours.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/connector.h>
#include <linux/mutex.h>
#include <linux/sched.h>

#include "bench_device.h"

static DEFINE_MUTEX(client_mutex);
static unsigned int client_registered;
/* Proof that callbacks were called, and no more often than they should. */
static atomic_t client_calls = ATOMIC_INIT(0);

static void client_callback(struct cn_msg *msg, struct netlink_skb_parms *nsp)
{
	atomic_inc(&client_calls);
}

/* In the order in which they came: the first one is found fastest on the C connector. */
static void client_unregister_all(void)
{
	struct cb_id id = { BENCH_IDX, BENCH_FIRST };
	unsigned int i;

	for (i = 0; i < client_registered; i++, id.val++) {
		cn_del_callback(&id);
		cond_resched();
	}
	client_registered = 0;
}

static int client_register(u64 count)
{
	if (count > BENCH_MOST)
		return -EINVAL;
	if (count < client_registered)
		client_unregister_all();
	while (client_registered < count) {
		struct cb_id id = { BENCH_IDX, BENCH_FIRST + client_registered };
		int ret = cn_add_callback(&id, "bench", client_callback);

		if (ret)
			return ret;
		client_registered++;
		cond_resched();
	}
	return 0;
}

static int client_register_pair(const struct bench_order *order)
{
	struct cb_id id = { BENCH_IDX, BENCH_PAIR };
	u64 *times = bench_times(order);
	unsigned int i;
	int ret = 0;

	if (IS_ERR(times))
		return PTR_ERR(times);
	for (i = 0; i < order->samples && !ret; i++) {
		u64 start = ktime_get_ns();

		ret = cn_add_callback(&id, "bench_pair", client_callback);
		cn_del_callback(&id);
		times[i] = ktime_get_ns() - start;
		/* Lets the traffic run, if there is some. */
		yield();
	}
	return bench_hand_back(order, times, ret);
}

static long bench_work(unsigned int request, const struct bench_order *order)
{
	guard(mutex)(&client_mutex);
	switch (request) {
	case BENCH_REGISTER:
		return client_register(order->count);
	case BENCH_CALLS:
		return atomic_read(&client_calls) & INT_MAX;
	case BENCH_REGISTER_PAIR:
		return client_register_pair(order);
	default:
		return -ENOTTY;
	}
}

BENCH_DEVICE("bench-client", bench_work);

static int __init bench_init(void)
{
	return misc_register(&bench_device);
}

static void __exit bench_exit(void)
{
	misc_deregister(&bench_device);
	client_unregister_all();
}

module_init(bench_init);
module_exit(bench_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Benchmark: a user of the connector in C");
