// SPDX-License-Identifier: GPL-2.0
/*
 * What core/carrier/own.rs cannot do in Rust: a counter of network namespaces, the start of a
 * connector that is built in, and the export of the C interface.
 */
#include <linux/capability.h>
#include <linux/export.h>
#include <linux/init.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>
#include <net/sock.h>

#include "cn_glue.h"

atomic_t cn_glue_outside;

/* Each network namespace has a word; its first bit says whether it is counted. */
static unsigned int cn_net_id;

static void __net_exit cn_net_exit(struct net *net)
{
	const unsigned long *word = net_generic(net, cn_net_id);

	/* Its sockets are gone: they would have kept it. */
	if (test_bit(0, word))
		atomic_dec(&cn_glue_outside);
}

static struct pernet_operations cn_net_ops = {
	.exit = cn_net_exit,
	.id = &cn_net_id,
	.size = sizeof(unsigned long),
};

int cn_glue_watch_namespaces(void)
{
	return register_pernet_subsys(&cn_net_ops);
}

void cn_glue_unwatch_namespaces(void)
{
	unregister_pernet_subsys(&cn_net_ops);
}

/*
 * Called before netlink makes a socket of the namespace a member. The namespace is counted before
 * the bit is set, because another task that sees the bit relies on the count.
 *
 * A: test_and_set_bit() is a full barrier. It orders the count before the bit, and before netlink
 * makes the socket a member. A task that sees the bit makes its own socket a member after that. The
 * barrier pairs with the read barrier in Handle::can_be_heard(), which asks netlink for a member
 * first and reads the count then.
 */
void cn_glue_joins_outside(struct net *net)
{
	unsigned long *word = net_generic(net, cn_net_id);

	/* A: sees the count of the task that has set the bit. */
	if (test_bit_acquire(0, word))
		return;
	atomic_inc(&cn_glue_outside);
	/* A */
	if (test_and_set_bit(0, word))
		atomic_dec(&cn_glue_outside);
}

/* Whether the running task may administer a network namespace. */
bool cn_glue_is_administrator(const struct net *net)
{
	return ns_capable(net->user_ns, CAP_NET_ADMIN);
}

void **cn_glue_user_data(struct sock *sk)
{
	return &sk->sk_user_data;
}

#ifndef MODULE
/* Where the C connector starts, so that everything that is built in finds it. */
subsys_initcall(cn_core_start);
#endif

/*
 * Declared in <linux/connector.h>, defined in core/c_functions.rs: the functions are in Rust, so
 * their exports cannot follow them.
 */
#define EXPORT(symbol)	EXPORT_SYMBOL_GPL(symbol)

EXPORT(cn_add_callback);
EXPORT(cn_del_callback);
EXPORT(cn_netlink_send);
EXPORT(cn_netlink_send_mult);
