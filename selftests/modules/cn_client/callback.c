// SPDX-License-Identifier: GPL-2.0
/*
 * The callback, the same for all ids: it records the message, and does the action of its entry.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "client.h"

/* FNV-1a, which the test programs compute as well. */
#define CLIENT_HASH_START	0x811c9dc5u
#define CLIENT_HASH_PRIME	0x01000193u

static u32 client_hash(const u8 *bytes, size_t len)
{
	u32 hash = CLIENT_HASH_START;

	while (len--)
		hash = (hash ^ *bytes++) * CLIENT_HASH_PRIME;
	return hash;
}

static void client_remember(struct client_entry *entry, struct cn_msg *msg,
			    struct netlink_skb_parms *nsp)
{
	size_t kept = min_t(size_t, msg->len, CLIENT_KEPT_BYTES);
	u32 hash = client_hash(msg->data, msg->len);
	bool capable = __netlink_ns_capable(nsp, &init_user_ns, CAP_NET_ADMIN);

	spin_lock_bh(&client_lock);
	/* The header alone: the data is a flexible array. */
	entry->last.id = msg->id;
	entry->last.seq = msg->seq;
	entry->last.ack = msg->ack;
	entry->last.len = msg->len;
	entry->last.flags = msg->flags;
	entry->hash = hash;
	memcpy(entry->bytes, msg->data, kept);
	entry->portid = nsp->portid;
	entry->group = nsp->dst_group;
	entry->uid = from_kuid_munged(&init_user_ns, nsp->creds.uid);
	entry->tgid = current->tgid;
	entry->has_sk = nsp->sk;
	entry->capable = capable;
	spin_unlock_bh(&client_lock);
}

/* The answer's convention is that of the connector's own documentation. */
static int client_echo(struct cn_msg *msg, u32 portid)
{
	struct cn_msg *reply;
	int ret;

	reply = kmemdup(msg, sizeof(*msg) + msg->len, GFP_KERNEL);
	if (!reply)
		return -ENOMEM;
	reply->ack++;
	ret = cn_netlink_send(reply, portid, 0, GFP_KERNEL);
	kfree(reply);
	return ret;
}

static int client_act(struct client_entry *entry, struct cn_msg *msg,
		      struct netlink_skb_parms *nsp)
{
	struct client_entry *other;
	int ret;

	switch (entry->kind) {
	case KIND_COUNT:
		return 0;
	case KIND_ECHO:
		return client_echo(msg, nsp->portid);
	case KIND_SLEEP:
		msleep(entry->arg);
		return 0;
	case KIND_DEL_SELF:
		WRITE_ONCE(entry->registered, false);
		cn_del_callback(&entry->id);
		return 0;
	case KIND_DEL:
		other = client_get(&entry->other);
		if (other)
			WRITE_ONCE(other->registered, false);
		cn_del_callback(&entry->other);
		return 0;
	case KIND_ADD:
		/* The add command made its entry. */
		other = client_get(&entry->other);
		if (!other)
			return -ENOENT;
		ret = cn_add_callback(&entry->other, "added-inside", client_callback);
		if (!ret)
			WRITE_ONCE(other->registered, true);
		return ret;
	case KIND_SEND:
		return cn_netlink_send(msg, 0, entry->arg, GFP_KERNEL);
	case KIND_USERDATA:
		/* As the process-event provider does: kfree()d at release. */
		if (nsp->sk && !nsp->sk->sk_user_data)
			nsp->sk->sk_user_data = kzalloc(8, GFP_KERNEL);
		return nsp->sk && nsp->sk->sk_user_data ? 0 : -ENOMEM;
	}
	return -EINVAL;
}

void client_callback(struct cn_msg *msg, struct netlink_skb_parms *nsp)
{
	struct client_entry *entry;
	bool late;

	spin_lock_bh(&client_lock);
	entry = client_find(&msg->id);
	if (entry) {
		atomic_inc(&entry->running);
		atomic_inc(&entry->calls);
	}
	spin_unlock_bh(&client_lock);
	if (!entry) {
		pr_warn("called for the id %u:%u, which is not ours\n",
			msg->id.idx, msg->id.val);
		return;
	}

	late = READ_ONCE(entry->dead);
	client_remember(entry, msg, nsp);
	wake_up_all(&client_wait);
	if (entry->hold &&
	    !wait_event_timeout(client_wait, READ_ONCE(entry->released), CLIENT_WAIT))
		pr_warn("the callback %u:%u was not released in time\n",
			entry->id.idx, entry->id.val);
	entry->inner = client_act(entry, msg, nsp);
	late |= READ_ONCE(entry->dead);
	if (late)
		atomic_inc(&entry->late);
	atomic_dec(&entry->running);
	wake_up_all(&client_wait);
}
