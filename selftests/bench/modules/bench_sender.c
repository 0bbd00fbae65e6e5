// SPDX-License-Identifier: GPL-2.0
/*
 * Sends datagrams to the kernel from a socket of the kernel, so that what is
 * measured has nothing of a program's system call in it. Knows of no protocol:
 * the program makes the datagram.
 *
 * Where guest time counts instructions (QEMU's -icount shift=0) the
 * nanoseconds are instructions.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kthread.h>
#include <linux/mutex.h>
#include <linux/net.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <linux/string.h>
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
