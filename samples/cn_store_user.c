// SPDX-License-Identifier: GPL-2.0
/*
 * Sample: the program of cn_store.rs. It stores values in the kernel under keys:
 *
 *	cn_store_user set <key> <value>		needs CAP_NET_ADMIN
 *	cn_store_user get <key>
 *	cn_store_user delete <key>		needs CAP_NET_ADMIN
 *	cn_store_user list
 */
#include "cn_user.h"

static const struct cb_id store = { .idx = 22, .val = 1 };

/* The command, in cn_msg.flags. */
enum { SET = 1, GET, DELETE, LIST };

/* Both fields are padded with zeroes. The kernel does not interpret them. */
struct entry {
	char key[16];
	char value[48];
};

static void print_entries(struct packet *packet)
{
	struct cn_msg *msg;
	struct entry entry;

	/* A list is a bundle: one message for each entry, one after the other. */
	for (msg = first_message(packet); msg; msg = next_message(packet, msg)) {
		if (msg->len < sizeof(entry))
			continue;
		memcpy(&entry, msg->data, sizeof(entry));
		printf("%.16s = %.48s\n", entry.key, entry.value);
	}
}

static void request(int command, const void *payload, size_t len)
{
	int fd = open_connector(0);
	struct packet packet;
	int ret;

	send_message(fd, store, 1, command, payload, len);
	/* A reply with entries precedes the acknowledgement. */
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
	const char *command = argc > 1 ? argv[1] : "";
	struct entry entry = {};

	if (argc > 2)
		copy(entry.key, argv[2], sizeof(entry.key));
	if (argc == 4 && !strcmp(command, "set")) {
		copy(entry.value, argv[3], sizeof(entry.value));
		request(SET, &entry, sizeof(entry));
	} else if (argc == 3 && !strcmp(command, "get")) {
		request(GET, entry.key, sizeof(entry.key));
	} else if (argc == 3 && !strcmp(command, "delete")) {
		request(DELETE, entry.key, sizeof(entry.key));
	} else if (argc == 2 && !strcmp(command, "list")) {
		request(LIST, NULL, 0);
	} else {
		fprintf(stderr, "usage: cn_store_user set <key> <value> | get <key> | delete <key> | list\n");
		return 2;
	}
	return 0;
}
