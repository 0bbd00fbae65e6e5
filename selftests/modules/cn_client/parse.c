// SPDX-License-Identifier: GPL-2.0
/*
 * The words of commands.
 */
#include <linux/kernel.h>
#include <linux/string.h>

#include "client.h"

int client_parse_id(char *text, struct cb_id *id)
{
	char *val = strchr(text, ':');

	if (!val)
		return -EBADMSG;
	*val++ = '\0';
	if (kstrtou32(text, 0, &id->idx) || kstrtou32(val, 0, &id->val))
		return -EBADMSG;
	return 0;
}

int client_parse_kind(char *text, struct client_entry *entry)
{
	static const char * const plain[] = {
		[KIND_COUNT] = "count",
		[KIND_ECHO] = "echo",
		[KIND_DEL_SELF] = "del-self",
		[KIND_USERDATA] = "userdata",
	};
	char *arg;
	int i;

	if (strstarts(text, "hold")) {
		entry->hold = true;
		text += strlen("hold");
		if (!*text)
			return 0;
		if (*text++ != '+')
			return -EBADMSG;
	}

	for (i = 0; i < ARRAY_SIZE(plain); i++) {
		if (plain[i] && !strcmp(text, plain[i])) {
			entry->kind = i;
			return 0;
		}
	}

	arg = strchr(text, ':');
	if (!arg)
		return -EBADMSG;
	*arg++ = '\0';
	if (!strcmp(text, "del") || !strcmp(text, "add")) {
		entry->kind = *text == 'd' ? KIND_DEL : KIND_ADD;
		return client_parse_id(arg, &entry->other);
	}
	if (!strcmp(text, "sleep"))
		entry->kind = KIND_SLEEP;
	else if (!strcmp(text, "send"))
		entry->kind = KIND_SEND;
	else
		return -EBADMSG;
	return kstrtou32(arg, 0, &entry->arg) ? -EBADMSG : 0;
}

int client_parse_range(char *args, struct cb_id *first, u32 *count)
{
	char *number = args;

	args = strsep(&number, " ");
	if (!number || client_parse_id(args, first) || kstrtou32(number, 0, count))
		return -EBADMSG;
	return *count > CLIENT_MANY_MAX ? -EBADMSG : 0;
}

int client_parse_word(const char *value, const char * const *words, int n)
{
	int i;

	for (i = 0; i < n; i++)
		if (!strcmp(value, words[i]))
			return i;
	return -EBADMSG;
}

/* The keys of "send" in the order in which they are documented in cn_client.h. */
