// SPDX-License-Identifier: GPL-2.0
/*
 * The functions of <linux/connector.h> for a connector that is a guest of the built-in one. They use
 * the functions that the crate `connector` uses, and do what those of a connector with a netlink
 * socket of its own do, so that the same tests pass.
 */
#include <linux/completion.h>
#include <linux/hashtable.h>
#include <linux/kref.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "cn_glue.h"
#include "guest.h"

/* One registration. */
struct guest_entry {
	struct hlist_node node;
	struct kref users;	/* the registration, and who unregisters */
	struct cb_id id;
	u64 serial;
	struct completion has_serial;
	void (*callback)(struct cn_msg *msg, struct netlink_skb_parms *nsp);
};

static DEFINE_HASHTABLE(guest_entries, 12);
static DEFINE_SPINLOCK(guest_lock);

static u32 guest_key(const struct cb_id *id)
{
	return id->idx * 31 + id->val;
}

static void guest_free(struct kref *users)
{
	kfree(container_of(users, struct guest_entry, users));
}

/* A callback may unregister itself, which takes the serial. */
static int guest_receive(void *cookie, struct cn_msg *msg, struct netlink_skb_parms *nsp)
{
	struct guest_entry *entry = cookie;

	wait_for_completion(&entry->has_serial);
	entry->callback(msg, nsp);
	return 0;
}

static void guest_release(void *cookie)
{
	struct guest_entry *entry = cookie;

	/* When a module is unloaded, before its entry is in the table. */
	wait_for_completion(&entry->has_serial);
	spin_lock_bh(&guest_lock);
	hash_del(&entry->node);
	spin_unlock_bh(&guest_lock);
	kref_put(&entry->users, guest_free);
}

int guest_add_callback(const struct cb_id *id, const char *name,
		       void (*callback)(struct cn_msg *msg, struct netlink_skb_parms *nsp))
{
	struct cn_core_handler handler = {
		.capability = CN_ANYONE,
		.receive = callback ? guest_receive : NULL,
		.release = guest_release,
	};
	struct guest_entry *entry = kzalloc(sizeof(*entry), GFP_KERNEL);
	int ret;

	if (!entry)
		return -ENOMEM;
	kref_init(&entry->users);
	init_completion(&entry->has_serial);
	entry->id = *id;
	entry->callback = callback;
	handler.cookie = entry;
	ret = cn_core_register(id, name, &handler, &entry->serial);
	if (ret) {
		kfree(entry);
		return ret;
	}
	spin_lock_bh(&guest_lock);
	hash_add(guest_entries, &entry->node, guest_key(id));
	spin_unlock_bh(&guest_lock);
	complete_all(&entry->has_serial);
	return 0;
}

/* The newest registration of the id; older ones are unregistered, and not released yet. */
static struct guest_entry *guest_find(const struct cb_id *id)
{
	struct guest_entry *entry;

	hash_for_each_possible(guest_entries, entry, node, guest_key(id))
		if (entry->id.idx == id->idx && entry->id.val == id->val)
			return entry;
	return NULL;
}

/* An entry stays in the table until its release, so that all who unregister it wait. */
void guest_del_callback(const struct cb_id *id)
{
	struct guest_entry *entry;

	spin_lock_bh(&guest_lock);
	entry = guest_find(id);
	if (entry)
		kref_get(&entry->users);
	spin_unlock_bh(&guest_lock);
	if (!entry)
		return;
	cn_core_unregister(id, entry->serial);
	kref_put(&entry->users, guest_free);
}

/* A bundle is more than a header and its payload: it is copied into a buffer of its length. */
static int guest_send_bundle(struct cn_msg *msg, u32 len, const struct cn_core_target *to, gfp_t gfp)
{
	struct sk_buff *skb;
	void *data;

	skb = cn_core_alloc(len, msg->seq, gfp, &data);
	if (!skb)
		return -ENOMEM;
	memcpy(data, msg, len);
	return cn_core_post(skb, len, &msg->id, to, gfp);
}

int guest_netlink_send_mult(struct cn_msg *msg, u16 len, u32 portid, u32 group, gfp_t gfp,
			    netlink_filter_fn filter, void *filter_data)
{
	struct cn_core_target to = {
		.kind = group ? CN_TO_GROUP : portid ? CN_TO_PORT : CN_TO_GROUP_OF_ID,
		.portid = portid,
		.group = group,
		.wait_ms = CN_WAIT_FOR_EVER,
		.filter = filter,
		.filter_data = filter_data,
	};
	int ret;

	if (len == msg->len)
		ret = cn_core_send(msg, msg + 1, &to, gfp);
	else
		ret = guest_send_bundle(msg, sizeof(*msg) + len, &to, gfp);
	if (ret == CN_NOT_TAKEN)
		return -ESRCH;
	/* To a port, success is the length of the datagram. */
	return !ret && to.kind == CN_TO_PORT ? nlmsg_total_size(sizeof(*msg) + len) : ret;
}

int guest_netlink_send(struct cn_msg *msg, u32 portid, u32 group, gfp_t gfp)
{
	return guest_netlink_send_mult(msg, msg->len, portid, group, gfp, NULL, NULL);
}

MODULE_IMPORT_NS("CONNECTOR");
