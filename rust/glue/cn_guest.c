// SPDX-License-Identifier: GPL-2.0
/*
 * What core/carrier/guest.rs cannot do in Rust: wrappers of inline kernel functions and macros, and
 * a datagram to the kernel.
 */
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/rcupdate.h>
#include <linux/srcu.h>
#include <linux/uio.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "cn_glue.h"

/* The tasks that the built-in connector has called. They may sleep. */
DEFINE_STATIC_SRCU(callers);

int cn_glue_caller_enters(void)
{
	return srcu_read_lock(&callers);
}

void cn_glue_caller_leaves(int index)
{
	srcu_read_unlock(&callers, index);
}

/*
 * The built-in connector finds a callback under a lock and calls it without one. A task between the
 * two does not sleep, nor does one between the end of its SRCU section and its return. So a grace
 * period of RCU tasks covers both. A kernel without preemption has no RCU tasks; RCU does the same
 * there.
 */
void cn_glue_wait_for_callers(void)
{
	synchronize_rcu_tasks();
	synchronize_srcu(&callers);
	synchronize_rcu_tasks();
}

/*
 * Keeps this module for ever where that wait is not enough: tasks can be preempted, and RCU tasks
 * does not know of them. Returns whether it does.
 */
bool cn_glue_stay_loaded(void)
{
	if (!IS_ENABLED(CONFIG_PREEMPTION) || IS_ENABLED(CONFIG_TASKS_RCU))
		return false;
	__module_get(THIS_MODULE);
	return true;
}

/* Sends an empty message to an id, from a socket of the kernel. */
int cn_glue_probe(const struct cb_id *id)
{
	struct {
		struct nlmsghdr header;
		struct cn_msg message;
	} datagram = {
		.header = { .nlmsg_len = sizeof(datagram), .nlmsg_type = NLMSG_DONE },
		.message = { .id = *id },
	};
	struct kvec part = { .iov_base = &datagram, .iov_len = sizeof(datagram) };
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct msghdr msg = { .msg_name = &kernel, .msg_namelen = sizeof(kernel) };
	struct socket *socket;
	int ret;

	ret = sock_create_kern(&init_net, PF_NETLINK, SOCK_DGRAM, NETLINK_CONNECTOR, &socket);
	if (ret)
		return ret;
	ret = kernel_sendmsg(socket, &msg, &part, 1, sizeof(datagram));
	sock_release(socket);
	return min(ret, 0);
}

void cn_glue_hold_socket(struct sock *sk)
{
	sock_hold(sk);
}

void cn_glue_put_socket(struct sock *sk)
{
	sock_put(sk);
}

/* Whether netlink has taken a socket out of its tables. */
bool cn_glue_is_closed(const struct sock *sk)
{
	return sock_flag(sk, SOCK_DEAD);
}
