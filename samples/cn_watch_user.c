// SPDX-License-Identifier: GPL-2.0
/*
 * Sample: the program of cn_watch.rs. It prints the registrations and
 * unregistrations that the module reports:
 *
 *	cn_watch_user		prints events until it is stopped
 *	cn_watch_user <number>	prints that many events; fails after 5 s without one
 */
#include "cn_user.h"

static const struct cb_id watch = { .idx = 23, .val = 1 };

struct event {
	struct cb_id id;
	uint32_t registered;
};

int main(int argc, char **argv)
{
	int left = argc > 1 ? atoi(argv[1]) : -1;
	int fd = open_connector(watch.idx);
	struct packet packet;
	struct event event;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("listening to group %u\n", watch.idx);
	for (; left; left -= left > 0) {
		receive(fd, &packet, left < 0 ? 1000000 : 5);
		memcpy(&event, first_message(&packet)->data, sizeof(event));
		printf("%u:%u was %s\n", event.id.idx, event.id.val,
		       event.registered ? "registered" : "unregistered");
	}
	close(fd);
	return 0;
}
