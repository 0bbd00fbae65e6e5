// SPDX-License-Identifier: GPL-2.0
/*
 * Sample: keeps texts in the kernel under names.
 *
 * It belongs to cn_store.rs:
 *
 *	cn_kv set <key> <value>		needs CAP_NET_ADMIN
 *	cn_kv get <key>
 *	cn_kv delete <key>		needs CAP_NET_ADMIN
 *	cn_kv list
 */
#include "cn_user.h"

static const struct cb_id store = { .idx = 22, .val = 1 };

/* What cn_msg.flags says is to be done. */
enum { SET = 1, GET, DELETE, LIST };

/* Both are padded with zeroes; the kernel does not look at them. */
struct entry {
	char key[16];
	char value[48];
};

static void print_entries(struct packet *packet)
{
	struct cn_msg *msg;
	struct entry entry;

	/* A list is a bundle: one message per entry, one behind the other. */
	for (msg = first_message(packet); msg; msg = next_message(packet, msg)) {
		if (msg->len < sizeof(entry))
			continue;
		memcpy(&entry, msg->data, sizeof(entry));
		printf("%.16s = %.48s\n", entry.key, entry.value);
	}
}

static void ask(int what, const void *payload, size_t len)
{
	int fd = open_connector(0);
	struct packet packet;
	int ret;

	send_message(fd, store, 1, what, payload, len);
	/* The answer, if it is one with entries, comes before the acknowledgement. */
	while ((ret = receive(fd, &packet, 5)) > 0)
		print_entries(&packet);
	errno = -ret;
	if (ret)
		fail("refused", errno == ENODEV ? "Is the module cn_store loaded?" :
		     errno == ENOENT ? "There is no such key." : "");
	close(fd);
}

static void copy(char *to, const char *text, size_t room)
{
	size_t len = strlen(text);

	errno = E2BIG;
	if (len > room)
		fail(text, "");
	memcpy(to, text, len);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	struct entry entry = {};

	if (argc > 2)
		copy(entry.key, argv[2], sizeof(entry.key));
	if (argc == 4 && !strcmp(what, "set")) {
		copy(entry.value, argv[3], sizeof(entry.value));
		ask(SET, &entry, sizeof(entry));
	} else if (argc == 3 && !strcmp(what, "get")) {
		ask(GET, entry.key, sizeof(entry.key));
	} else if (argc == 3 && !strcmp(what, "delete")) {
		ask(DELETE, entry.key, sizeof(entry.key));
	} else if (argc == 2 && !strcmp(what, "list")) {
		ask(LIST, NULL, 0);
	} else {
		fprintf(stderr, "usage: cn_kv set <key> <value> | get <key> | delete <key> | list\n");
		return 2;
	}
	return 0;
}
