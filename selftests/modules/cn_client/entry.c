// SPDX-License-Identifier: GPL-2.0
/*
 * The table of callbacks, found by their id.
 */
#include <linux/hashtable.h>
#include <linux/lockdep.h>
#include <linux/slab.h>

#include "client.h"

static DEFINE_HASHTABLE(client_table, 12);
LIST_HEAD(client_order);
DEFINE_SPINLOCK(client_lock);
DECLARE_WAIT_QUEUE_HEAD(client_wait);

static u32 client_key(const struct cb_id *id)
{
	return id->idx * 31 + id->val;
}

struct client_entry *client_find(const struct cb_id *id)
{
	struct client_entry *entry;

	lockdep_assert_held(&client_lock);
	hash_for_each_possible(client_table, entry, node, client_key(id))
		if (entry->id.idx == id->idx && entry->id.val == id->val)
			return entry;
	return NULL;
}

/* Entries are freed by "clear" only, and only when none of them is running. */
struct client_entry *client_get(const struct cb_id *id)
{
	struct client_entry *entry;

	spin_lock_bh(&client_lock);
	entry = client_find(id);
	spin_unlock_bh(&client_lock);
	return entry;
}

struct client_entry *client_new(const struct cb_id *id)
{
	struct client_entry *entry = kzalloc(sizeof(*entry), GFP_KERNEL);

	if (entry)
		entry->id = *id;
	return entry;
}

/* The entry must be there before the first call can be. False if it exists. */
bool client_insert(struct client_entry *entry)
{
	bool fresh;

	spin_lock_bh(&client_lock);
	fresh = !client_find(&entry->id);
	if (fresh) {
		hash_add(client_table, &entry->node, client_key(&entry->id));
		list_add_tail(&entry->order, &client_order);
	}
	spin_unlock_bh(&client_lock);
	return fresh;
}

void client_remove(struct client_entry *entry)
{
	spin_lock_bh(&client_lock);
	hash_del(&entry->node);
	list_del(&entry->order);
	spin_unlock_bh(&client_lock);
	kfree(entry);
}

/* Empties the table into a list. */
void client_take_all(struct list_head *gone)
{
	struct client_entry *entry;

	spin_lock_bh(&client_lock);
	list_splice_init(&client_order, gone);
	list_for_each_entry(entry, gone, order)
		hash_del(&entry->node);
	spin_unlock_bh(&client_lock);
}
