// SPDX-License-Identifier: GPL-2.0
/*
 * A user of the connector. It uses the exports of <linux/connector.h> only, so
 * that the same object measures the C connector and ours.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/completion.h>
#include <linux/connector.h>
#include <linux/delay.h>
#include <linux/math64.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "bench_device.h"
#include "bench_storm.h"

static DEFINE_MUTEX(client_mutex);
static unsigned int client_registered;
/*
 * Proof that callbacks are called, and no more often than they should be. It is per processor, so
 * that senders share nothing of the benchmark's.
 */
static DEFINE_PER_CPU(unsigned int, client_calls);

static void client_callback(struct cn_msg *msg, struct netlink_skb_parms *nsp)
{
	this_cpu_inc(client_calls);
}

/* In the order of registration: the first one is found fastest on the C connector. */
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
		/* Yields to the traffic, if there is any. */
		yield();
	}
	return bench_hand_back(order, times, ret);
}

/* Replies in place, as callbacks in C do. */
static void client_echo(struct cn_msg *msg, struct netlink_skb_parms *nsp)
{
	msg->ack++;
	cn_netlink_send(msg, nsp->portid, 0, GFP_KERNEL);
}

static DECLARE_COMPLETION(client_sleeps);

static void client_sleep(struct cn_msg *msg, struct netlink_skb_parms *nsp)
{
	complete(&client_sleeps);
	msleep(BENCH_SLEEP_MS);
}

static int client_register_one(u32 val, const char *name, bool wanted,
			       void (*callback)(struct cn_msg *, struct netlink_skb_parms *))
{
	struct cb_id id = { BENCH_IDX, val };

	if (wanted)
		return cn_add_callback(&id, name, callback);
	cn_del_callback(&id);
	return 0;
}

/* The time to unregister while the callback runs. The callback may still run afterwards. */
static int client_leave_sleeper(const struct bench_order *order)
{
	struct cb_id id = { BENCH_IDX, BENCH_SLEEPER };
	u64 *times = bench_times(order);
	u64 start;
	int ret;

	if (IS_ERR(times))
		return PTR_ERR(times);
	ret = wait_for_completion_killable(&client_sleeps);
	if (!ret) {
		start = ktime_get_ns();
		cn_del_callback(&id);
		times[0] = ktime_get_ns() - start;
	}
	return bench_hand_back(order, times, ret);
}

/* Where the caller of cn_netlink_send() makes its message. */
static union {
	struct cn_msg msg;
	u8 bytes[sizeof(struct cn_msg) + BENCH_MAX_BUNDLE];
} client_message;

static struct cn_msg *client_fill(size_t offset, size_t payload)
{
	static u8 filling;
	struct cn_msg *msg = (struct cn_msg *)(client_message.bytes + offset);

	*msg = (struct cn_msg){ .id = { BENCH_IDX, BENCH_FIRST }, .len = payload };
	memset(msg->data, ++filling, payload);
	return msg;
}

static int client_messages(const struct bench_order *order)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < order->count && !ret; i++)
		ret = cn_netlink_send(client_fill(0, order->payload), 0, 0, GFP_KERNEL);
	return ret;
}

static int client_bundle(const struct bench_order *order)
{
	size_t size = sizeof(struct cn_msg) + order->payload;
	unsigned int i;

	for (i = 0; i < order->count; i++)
		client_fill(i * size, order->payload);
	return cn_netlink_send_mult(&client_message.msg,
				    order->count * size - sizeof(struct cn_msg), 0, 0, GFP_KERNEL,
				    NULL, NULL);
}

static struct task_struct *client_storm;

/* Registers and unregisters until it is stopped. Returns how often in a second. */
static int client_storm_run(void *unused)
{
	struct cb_id id = { BENCH_IDX, BENCH_PAIR };
	u64 start = ktime_get_ns(), pairs = 0;
	int ret = 0;

	while (!kthread_should_stop()) {
		if (!ret)
			ret = cn_add_callback(&id, "bench_pair", client_callback);
		cn_del_callback(&id);
		pairs++;
		cond_resched();
	}
	return ret ?: (int)mul_u64_u64_div_u64(pairs, NSEC_PER_SEC, ktime_get_ns() - start);
}

static long bench_work(unsigned int request, const struct bench_order *order)
{
	guard(mutex)(&client_mutex);
	switch (request) {
	case BENCH_REGISTER:
		return client_register(order->count);
	case BENCH_CALLS:
		return bench_sum(&client_calls) & INT_MAX;
	case BENCH_REGISTER_PAIR:
		return client_register_pair(order);
	case BENCH_REGISTER_ECHO:
		return client_register_one(BENCH_ECHO, "bench_echo", order->count, client_echo);
	case BENCH_REGISTER_SLEEPER:
		reinit_completion(&client_sleeps);
		return client_register_one(BENCH_SLEEPER, "bench_sleeper", order->count,
					   client_sleep);
	case BENCH_LEAVE_SLEEPER:
		return client_leave_sleeper(order);
	case BENCH_MULTICAST:
		return bench_multicast(order, client_messages);
	case BENCH_MULTICAST_BUNDLE:
		return bench_multicast(order, client_bundle);
	case BENCH_STORM_START:
		return bench_storm_start(&client_storm, client_storm_run);
	case BENCH_STORM_STOP:
		return bench_storm_stop(&client_storm);
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
	bench_storm_stop(&client_storm);
	client_register_one(BENCH_ECHO, NULL, false, NULL);
	client_register_one(BENCH_SLEEPER, NULL, false, NULL);
	client_unregister_all();
}

module_init(bench_init);
module_exit(bench_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Benchmark: a user of the connector in C");
