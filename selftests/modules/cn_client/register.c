// SPDX-License-Identifier: GPL-2.0
/*
 * Commands that register and unregister.
 */
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "client.h"

void client_unregister(struct client_entry *entry)
{
	WRITE_ONCE(entry->registered, false);
	cn_del_callback(&entry->id);
	/* From here on the entry may not be in use by a call. */
	WRITE_ONCE(entry->dead, true);
	/* Pairs with the two reads of dead around each call. */
	smp_mb();
}

/* Only for a connector that refuses it: the other one would call it. */
int client_add_null(char *args)
{
	struct cb_id id;
	int ret;

	if (client_parse_id(args, &id))
		return -EBADMSG;
	ret = cn_add_callback(&id, "null", NULL);
	if (!ret)
		cn_del_callback(&id);
	return ret;
}

int client_add(char *args)
{
	struct client_entry *entry, *other = NULL;
	char *name, *kind;
	struct cb_id id;
	int ret;

	name = args;
	args = strsep(&name, " ");
	kind = name;
	if (!kind)
		return -EBADMSG;
	name = strsep(&kind, " ");
	if (!kind || client_parse_id(args, &id))
		return -EBADMSG;

	entry = client_new(&id);
	if (!entry)
		return -ENOMEM;
	ret = client_parse_kind(kind, entry);
	if (ret)
		goto free;

	/* A second registration of one id must fail: keep the first entry. */
	if (!client_insert(entry)) {
		struct client_entry *old = client_get(&id);

		ret = cn_add_callback(&id, name, client_callback);
		if (!ret && old) {
			old->dead = false;
			WRITE_ONCE(old->registered, true);
		}
		goto free;
	}
	if (entry->kind == KIND_ADD) {
		other = client_new(&entry->other);
		if (!other || !client_insert(other)) {
			kfree(other);
			client_remove(entry);
			return -ENOMEM;
		}
	}

	/* Before the call: the callback may unregister itself at once. */
	WRITE_ONCE(entry->registered, true);
	ret = cn_add_callback(&id, name, client_callback);
	if (ret) {
		client_remove(entry);
		if (other)
			client_remove(other);
	}
	return ret;
free:
	kfree(entry);
	return ret;
}

int client_del(char *args)
{
	struct client_entry *entry;
	struct cb_id id;

	if (client_parse_id(args, &id))
		return -EBADMSG;
	entry = client_get(&id);
	if (entry)
		client_unregister(entry);
	else
		cn_del_callback(&id);
	return 0;
}

int client_add_many(char *args)
{
	struct client_entry *entry;
	struct cb_id id;
	u32 count;
	int ret;

	ret = client_parse_range(args, &id, &count);
	for (; !ret && count; count--, id.val++) {
		entry = client_new(&id);
		if (!entry)
			return -ENOMEM;
		entry->bulk = true;
		entry->registered = true;
		if (!client_insert(entry)) {
			kfree(entry);
			return -EEXIST;
		}
		ret = cn_add_callback(&id, "many", client_callback);
		if (ret)
			client_remove(entry);
		cond_resched();
	}
	return ret;
}

int client_del_many(char *args)
{
	struct client_entry *entry;
	struct cb_id id;
	u32 count;
	int ret;

	ret = client_parse_range(args, &id, &count);
	for (; !ret && count; count--, id.val++) {
		entry = client_get(&id);
		if (!entry)
			return -ENOENT;
		client_unregister(entry);
		cond_resched();
	}
	return ret;
}

/* Frees the entries of callbacks that are unregistered and not running. */
int client_clear(void)
{
	struct client_entry *entry, *next;
	LIST_HEAD(gone);
	bool idle = true;

	list_for_each_entry(entry, &client_order, order) {
		if (entry->registered)
			client_unregister(entry);
		/* No callback of a cleared test has to wait to its end. */
		WRITE_ONCE(entry->released, true);
		cond_resched();
	}
	wake_up_all(&client_wait);

	list_for_each_entry(entry, &client_order, order)
		idle &= !!wait_event_timeout(client_wait,
					     !atomic_read(&entry->running),
					     CLIENT_WAIT);
	if (!idle)
		return -EBUSY;

	client_take_all(&gone);
	list_for_each_entry_safe(entry, next, &gone, order) {
		kfree(entry);
		cond_resched();
	}
	return 0;
}
