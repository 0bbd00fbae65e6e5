// SPDX-License-Identifier: GPL-2.0
/*
 * Opens a socket, joins a group, requests notification, sends, receives and closes, again and
 * again. The kernel has no more objects afterwards than before. sockets <rounds>
 */
#include "../cn_client.h"
#include "../cn_notify.h"
#include "slab.h"

#define IDX 25
#define MOST_GROWTH 49
/* Before the first sample, so that caches fill up. */
#define FIRST_ROUNDS 1000

static struct cn_received got;

static int one_round(int i)
{
	struct cn_packet p = { .id = { IDX, 1 }, .data = &i, .data_len = sizeof(i) };
	int fd = cn_open_in_group(IDX), err;

	if (fd < 0)
		return 1;
	err = cn_send(fd, &p) < 0 || cn_receive(fd, &got) < 0;
	if (i % 4 == 0)
		err |= notify_send(fd, EVENTS, 0, 0, RANGES({ IDX, 1 }), RANGES({ 1, 1 })) < 0;
	/* Some close with a message in the queue, some leave the group. */
	if (i % 3 == 0)
		err |= cn_send(fd, &p) < 0;
	if (i % 5 == 0)
		err |= cn_leave(fd, IDX) != 0;
	close(fd);
	return err;
}

int main(int argc, char **argv)
{
	long rounds = argc == 2 ? atol(argv[1]) : 0, i, errors = 0;
	static struct slab_use before;
	int grown;

	if (!rounds || client("clear") || client("add %u:1 sockets echo", IDX)) {
		printf("usage: sockets <rounds>, with cn_client loaded\n");
		return 1;
	}
	for (i = 0; i < FIRST_ROUNDS; i++)
		errors += one_round(i);
	slab_sample(&before);
	for (i = 0; i < rounds; i++)
		errors += one_round(i);
	printf("%ld sockets, %ld errors, ", rounds, errors);
	grown = slab_has_grown(&before, MOST_GROWTH);
	printf("\n");
	client("clear");
	client_close();
	return errors || grown;
}
