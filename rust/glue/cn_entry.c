// SPDX-License-Identifier: GPL-2.0
/*
 * The module cn_entry: what the built-in connector and netlink call for a guest.
 *
 * The built-in connector does not wait for a callback that is unregistered, and takes no reference
 * to its module. A task can be about to run a callback, or to return from it, however long ago that
 * was unregistered; and nobody knows when that is over, if other tasks keep this one from running.
 * So these functions stay in memory: nothing unloads this module.
 *
 * They call the guest with a reference to its module. A guest with a call in progress is in use,
 * and cannot be unloaded. So unloading does not wait for such calls.
 *
 * After an upgrade, the module that is in memory is older than the guest. So what is exported does
 * not change: a guest that needs something else needs a module of another name. The assertions at the
 * end of this file hold that.
 */
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/net.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/uio.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "cn_glue.h"

static const struct cn_entry_guest __rcu *running;

/*
 * The guest, with a reference to its module. Preemption is off, so that a grace period of RCU waits
 * for this, and no other task keeps this one from coming to its end.
 */
static const struct cn_entry_guest *get_guest(void)
{
	const struct cn_entry_guest *guest;

	rcu_read_lock_sched();
	guest = rcu_dereference_sched(running);
	if (guest && !try_module_get(guest->owner))
		guest = NULL;
	rcu_read_unlock_sched();
	return guest;
}

/* The last reference may be gone before the end of module_put(), which looks at the module. */
static void put_guest(const struct cn_entry_guest *guest)
{
	rcu_read_lock_sched();
	module_put(guest->owner);
	rcu_read_unlock_sched();
}

static struct sk_buff *datagram_of(struct netlink_skb_parms *parms)
{
	return container_of((void *)parms, struct sk_buff, cb);
}

static void receive(struct cn_msg *msg, struct netlink_skb_parms *parms)
{
	const struct cn_entry_guest *guest = get_guest();

	if (!guest)
		return;
	guest->receive(datagram_of(parms));
	put_guest(guest);
}

static int notify(struct notifier_block *nb, unsigned long event, void *data)
{
	const struct netlink_notify *what = data;
	const struct cn_entry_guest *guest;

	if (event != NETLINK_URELEASE || what->protocol != NETLINK_CONNECTOR)
		return NOTIFY_DONE;
	guest = get_guest();
	if (!guest)
		return NOTIFY_DONE;
	guest->closed(what->portid);
	put_guest(guest);
	return NOTIFY_DONE;
}

static struct notifier_block block = { .notifier_call = notify };

/*
 * Lets calls come, until cn_entry_close(). -EBUSY: there is a guest already.
 */
int cn_entry_open(const struct cn_entry_guest *guest)
{
	return unrcu_pointer(cmpxchg(&running, NULL, RCU_INITIALIZER(guest))) ? -EBUSY : 0;
}
EXPORT_SYMBOL_NS_GPL(cn_entry_open, "CONNECTOR_ENTRY");

/* To be called by the guest when it is unloaded, so that it has no call in progress. Sleeps. */
void cn_entry_close(void)
{
	RCU_INIT_POINTER(running, NULL);
	synchronize_rcu();
}
EXPORT_SYMBOL_NS_GPL(cn_entry_close, "CONNECTOR_ENTRY");

/* Registers an id of the guest with the built-in connector; cn_del_callback() is the reverse. */
int cn_entry_attach(const struct cb_id *id, const char *name)
{
	return cn_add_callback(id, name, receive);
}
EXPORT_SYMBOL_NS_GPL(cn_entry_attach, "CONNECTOR_ENTRY");

/* The kernel socket of the built-in connector; found once. */
static struct sock *kernel_socket;
static DEFINE_MUTEX(learning);

/* Netlink has made the kernel socket the owner of the datagram. */
static void learn(struct cn_msg *msg, struct netlink_skb_parms *parms)
{
	WRITE_ONCE(kernel_socket, datagram_of(parms)->sk);
}

/* Sends an empty message to an id, from a socket of the kernel. */
static int send_probe(const struct cb_id *id)
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

/* With an id of its own, chosen at random. */
static int probe(void)
{
	struct cb_id id = { .idx = get_random_u32(), .val = get_random_u32() };
	int ret = cn_add_callback(&id, "cn_entry", learn);

	/* The id is taken. */
	if (ret == -EINVAL)
		return 0;
	if (ret)
		return ret;
	ret = send_probe(&id);
	cn_del_callback(&id);
	return ret;
}

/*
 * Or an error pointer: -EIO if the built-in connector does not answer; else that of a socket, of
 * sending, or of registering with the built-in connector. Sleeps.
 */
struct sock *cn_entry_socket(void)
{
	int ret = 0, tries;

	mutex_lock(&learning);
	for (tries = 0; !ret && !READ_ONCE(kernel_socket) && tries < 8; tries++)
		ret = probe();
	mutex_unlock(&learning);
	if (ret)
		return ERR_PTR(ret);
	return READ_ONCE(kernel_socket) ?: ERR_PTR(-EIO);
}
EXPORT_SYMBOL_NS_GPL(cn_entry_socket, "CONNECTOR_ENTRY");

/* The interface that stays: a guest of another version was compiled with the same. */
static_assert(sizeof(struct cn_entry_guest) == 3 * sizeof(void *));
static_assert(offsetof(struct cn_entry_guest, owner) == 0);
static_assert(offsetof(struct cn_entry_guest, receive) == sizeof(void *));
static_assert(offsetof(struct cn_entry_guest, closed) == 2 * sizeof(void *));
static_assert(__same_type(((struct cn_entry_guest *)0)->receive, void (*)(struct sk_buff *)));
static_assert(__same_type(((struct cn_entry_guest *)0)->closed, void (*)(u32)));
static_assert(__same_type(cn_entry_open, int (const struct cn_entry_guest *)));
static_assert(__same_type(cn_entry_close, void (void)));
static_assert(__same_type(cn_entry_attach, int (const struct cb_id *, const char *)));
static_assert(__same_type(cn_entry_socket, struct sock *(void)));

/*
 * Nothing was registered before this, so that nothing is called if it fails. There is no exit. The
 * reference lets modprobe know that this module is not to be removed with the guest.
 */
static int __init cn_entry_init(void)
{
	int ret = netlink_register_notifier(&block);

	if (!ret)
		__module_get(THIS_MODULE);
	return ret;
}
module_init(cn_entry_init);

MODULE_DESCRIPTION("What the built-in connector calls for a guest; stays loaded");
MODULE_AUTHOR("The connector-rs authors");
MODULE_LICENSE("GPL");
