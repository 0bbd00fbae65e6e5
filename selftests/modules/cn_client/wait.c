// SPDX-License-Identifier: GPL-2.0
/*
 * Commands that wait for callbacks, and release held ones.
 */
#include "client.h"

int client_release(char *args)
{
	struct client_entry *entry;
	struct cb_id id;

	if (client_parse_id(args, &id))
		return -EBADMSG;
	entry = client_get(&id);
	if (!entry)
		return -ENOENT;
	WRITE_ONCE(entry->released, true);
	wake_up_all(&client_wait);
	return 0;
}

int client_wait_for(char *args, bool running)
{
	struct client_entry *entry;
	struct cb_id id;
	u32 count;
	long left;

	if (client_parse_range(args, &id, &count))
		return -EBADMSG;
	entry = client_get(&id);
	if (!entry)
		return -ENOENT;
	left = wait_event_interruptible_timeout(client_wait,
			running ? atomic_read(&entry->running) == count :
				  atomic_read(&entry->calls) >= count,
			CLIENT_WAIT);
	if (left < 0)
		return left;
	return left ? 0 : -ETIMEDOUT;
}
