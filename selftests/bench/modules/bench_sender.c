// SPDX-License-Identifier: GPL-2.0
/*
 * Sends datagrams to the kernel from a socket of the kernel, so that the result contains no system
 * call of a program. The module is independent of the protocol: the program makes the datagram.
 *
 * Where guest time counts instructions (QEMU's -icount shift=0) the nanoseconds are instructions.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/completion.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/math64.h>
#include <linux/mutex.h>
#include <linux/net.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/timex.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "bench_device.h"

/* A datagram, and the socket to send it from. */
struct sender {
	struct socket *sock;
	void *message;
	size_t length;
};

static int sender_open(struct sender *sender, const struct bench_order *order)
{
	int ret;

	if (order->length < NLMSG_HDRLEN || order->length > SZ_64K || order->protocol >= MAX_LINKS)
		return -EINVAL;
	sender->length = order->length;
	sender->message = memdup_user(u64_to_user_ptr(order->message), order->length);
	if (IS_ERR(sender->message))
		return PTR_ERR(sender->message);
	ret = sock_create_kern(&init_net, AF_NETLINK, SOCK_DGRAM, order->protocol, &sender->sock);
	if (ret)
		kfree(sender->message);
	return ret;
}

static void sender_close(struct sender *sender)
{
	sock_release(sender->sock);
	kfree(sender->message);
}

static int sender_send(const struct sender *sender)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct kvec vec = { sender->message, sender->length };
	struct msghdr msg = { .msg_name = &kernel, .msg_namelen = sizeof(kernel) };
	int ret = kernel_sendmsg(sender->sock, &msg, &vec, 1, sender->length);

	if (ret < 0)
		return ret;
	return ret == sender->length ? 0 : -EIO;
}

static int bench_send(const struct bench_order *order)
{
	u64 *times = bench_times(order);
	struct sender sender;
	unsigned int i;
	int ret;

	if (IS_ERR(times))
		return PTR_ERR(times);
	ret = sender_open(&sender, order);
	if (ret)
		goto out;
	for (i = 0; i < order->samples && !ret; i++) {
		u64 start = ktime_get_ns();

		ret = sender_send(&sender);
		times[i] = ktime_get_ns() - start;
		cond_resched();
	}
	sender_close(&sender);
out:
	return bench_hand_back(order, times, ret);
}

/*
 * The clock of a guest with several processors may depend on ticks only, and ticks get lost when
 * the host is busy. The processor's own counter loses nothing. The ticks show its frequency: an
 * interval in which no tick is lost has fewest cycles.
 */
static u64 cycles_of_jiffies(unsigned int wanted)
{
	unsigned long end = jiffies + 1;
	u64 start;

	while (time_before(jiffies, end))
		cpu_relax();
	start = get_cycles();
	end += wanted;
	while (time_before(jiffies, end))
		cpu_relax();
	return get_cycles() - start;
}

static u64 cycles_per_second(void)
{
	static u64 fewest;
	unsigned int i;

	/* Once, so that all compared values have the same unit. */
	if (fewest)
		return fewest;
	fewest = cycles_of_jiffies(HZ / 20);
	for (i = 0; i < 10; i++)
		fewest = min(fewest, cycles_of_jiffies(HZ / 20));
	fewest *= 20;
	return fewest;
}

/* One of several that send at the same time. */
struct parallel {
	struct sender sender;
	struct task_struct *thread;
	struct completion done;
	u64 cycles;
	u64 rate;	/* messages per second */
	int ret;
};

static atomic_t parallel_missing;

static int parallel_run(void *data)
{
	struct parallel *one = data;
	u64 start, now, messages = 0;
	int ret;

	/* The first threads wait for the others. */
	atomic_dec(&parallel_missing);
	while (atomic_read(&parallel_missing))
		cond_resched();
	start = get_cycles();
	do {
		ret = sender_send(&one->sender);
		messages++;
		cond_resched();
		now = get_cycles();
	} while (!ret && now - start < one->cycles);
	one->ret = ret;
	one->rate = mul_u64_u64_div_u64(messages, cycles_per_second(), now - start);
	complete(&one->done);
	return 0;
}

static int parallel_start(struct parallel *one, const struct bench_order *order, unsigned int cpu)
{
	struct bench_order its = *order;
	int ret;

	its.message += cpu * order->length;
	ret = sender_open(&one->sender, &its);
	if (ret)
		return ret;
	init_completion(&one->done);
	one->cycles = div_u64(order->milliseconds * cycles_per_second(), MSEC_PER_SEC);
	one->thread = kthread_create_on_cpu(parallel_run, one, cpu, "bench_sender/%u");
	if (IS_ERR(one->thread)) {
		ret = PTR_ERR(one->thread);
		one->thread = NULL;
		sender_close(&one->sender);
	}
	return ret;
}

static int bench_send_parallel(const struct bench_order *order)
{
	struct parallel senders[BENCH_SENDERS] = {};
	unsigned int i, count = order->count;
	u64 *times;
	int ret = 0;

	if (!count || count > BENCH_SENDERS || count > num_online_cpus() || order->samples != 1 ||
	    order->milliseconds > 10000)
		return -EINVAL;
	times = bench_times(order);
	if (IS_ERR(times))
		return PTR_ERR(times);
	for (i = 0; i < count && !ret; i++)
		ret = parallel_start(&senders[i], order, i);
	/* A thread that is never woken up ends at kthread_stop() without running. */
	atomic_set(&parallel_missing, count);
	for (i = 0; i < count; i++)
		if (senders[i].thread) {
			get_task_struct(senders[i].thread);
			if (!ret)
				wake_up_process(senders[i].thread);
			else
				complete(&senders[i].done);
		}
	for (i = 0; i < count; i++) {
		struct parallel *one = &senders[i];

		if (!one->thread)
			continue;
		wait_for_completion(&one->done);
		kthread_stop(one->thread);
		put_task_struct(one->thread);
		sender_close(&one->sender);
		ret = ret ?: one->ret;
		times[0] += one->rate;
	}
	return bench_hand_back(order, times, ret);
}

/* The traffic in the background. */
static DEFINE_MUTEX(traffic_mutex);
static struct sender traffic;
static struct task_struct *traffic_thread;

static int traffic_run(void *unused)
{
	int ret = 0;

	while (!kthread_should_stop()) {
		if (!ret)
			ret = sender_send(&traffic);
		yield();
	}
	return ret;
}

static int traffic_start(const struct bench_order *order)
{
	int ret;

	if (traffic_thread)
		return -EBUSY;
	ret = sender_open(&traffic, order);
	if (ret)
		return ret;
	traffic_thread = kthread_run(traffic_run, NULL, "bench_traffic");
	if (IS_ERR(traffic_thread)) {
		ret = PTR_ERR(traffic_thread);
		traffic_thread = NULL;
		sender_close(&traffic);
	}
	return ret;
}

static int traffic_stop(void)
{
	int ret;

	if (!traffic_thread)
		return 0;
	ret = kthread_stop(traffic_thread);
	traffic_thread = NULL;
	sender_close(&traffic);
	return ret;
}

static long bench_work(unsigned int request, const struct bench_order *order)
{
	guard(mutex)(&traffic_mutex);
	switch (request) {
	case BENCH_SEND:
		return bench_send(order);
	case BENCH_TRAFFIC_START:
		return traffic_start(order);
	case BENCH_TRAFFIC_STOP:
		return traffic_stop();
	case BENCH_SEND_PARALLEL:
		return bench_send_parallel(order);
	default:
		return -ENOTTY;
	}
}

BENCH_DEVICE("bench-sender", bench_work);

static int __init bench_init(void)
{
	return misc_register(&bench_device);
}

static void __exit bench_exit(void)
{
	misc_deregister(&bench_device);
	traffic_stop();
}

module_init(bench_init);
module_exit(bench_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Benchmark: sends datagrams to the kernel");
