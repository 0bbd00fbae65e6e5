// SPDX-License-Identifier: GPL-2.0
/*
 * Commands that register and unregister without pause.
 */
#include <linux/jiffies.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "client.h"

/*
 * Registers and unregisters one id until the time is over. The result is the number of rounds,
 * which distinguishes a storm from a single attempt.
 */
int client_storm(char *args)
{
	unsigned long end;
	struct client_entry *entry;
	struct cb_id id;
	u32 msec;
	int rounds = 0;
	int ret;

	if (client_parse_range(args, &id, &msec))
		return -EBADMSG;
	entry = client_new(&id);
	if (!entry)
		return -ENOMEM;
	if (!client_insert(entry)) {
		kfree(entry);
		return -EEXIST;
	}
	end = jiffies + msecs_to_jiffies(msec);
	do {
		WRITE_ONCE(entry->dead, false);
		/* A call that runs from here on belongs to this round. */
		smp_mb();
		ret = cn_add_callback(&id, "storm", client_callback);
		if (ret)
			return ret;
		cond_resched();
		client_unregister(entry);
		/* No call may be under way, and none begin. */
		if (atomic_read(&entry->running))
			atomic_inc(&entry->late);
		rounds++;
	} while (time_before(jiffies, end) && !signal_pending(current));
	return rounds;
}

/*
 * Registers and unregisters one id the given number of times. Several files may do that with the
 * same id at once, so an id may be registered or unregistered already. The result is the number of
 * registrations that succeeded. Nothing is sent to this id.
 */
int client_churn(char *args)
{
	struct cb_id id;
	u32 count;
	int registered = 0;
	int ret;

	if (client_parse_range(args, &id, &count))
		return -EBADMSG;
	for (; count && !signal_pending(current); count--) {
		ret = cn_add_callback(&id, "churn", client_callback);
		if (!ret)
			registered++;
		else if (ret != -EINVAL)
			return ret;
		cond_resched();
		cn_del_callback(&id);
		cond_resched();
	}
	return registered;
}
