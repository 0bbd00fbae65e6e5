// SPDX-License-Identifier: GPL-2.0
/*
 * Readers that never read, in the group of one that does: it gets everything, and sending takes no longer than it did
 * without them, within reason. silent <readers> <messages>
 */
#include "../cn_client.h"

#define IDX 25
#define MOST 1000
/* For a message to be handed to a socket that is full already: generous, since it is what must not be waiting. */
#define LIMIT_US (100 * CN_SLOWNESS)

static struct cn_received got;

static long long time_of_sending(int messages)
{
	client("send id=%u:1 group=%u msg_len=16 repeat=%d", IDX, IDX, messages);
	return client_value("nsec") / 1000;
}

int main(int argc, char **argv)
{
	int fds[MOST], reader, readers, messages, i, received = 0, large = 64 << 20, small = 1;
	long long alone, together;

	if (argc != 3 || atoi(argv[1]) > MOST || client("clear")) {
		printf("usage: silent <readers> <messages>, with cn_client loaded\n");
		return 1;
	}
	readers = atoi(argv[1]);
	messages = atoi(argv[2]);
	reader = cn_open_in_group(IDX);
	setsockopt(reader, SOL_SOCKET, SO_RCVBUFFORCE, &large, sizeof(large));
	alone = time_of_sending(messages);
	for (i = 0; i < readers; i++) {
		fds[i] = cn_open_in_group(IDX);
		if (fds[i] < 0)
			return 1;
		setsockopt(fds[i], SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	}
	together = time_of_sending(messages);
	while (cn_receive_within(reader, &got, 0) > 0)
		received++;
	for (i = 0; i < readers; i++)
		close(fds[i]);
	close(reader);
	client_close();
	printf("%d messages in %lld us alone, in %lld us with %d silent readers; %d of %d received\n", messages, alone,
	       together, readers, received, 2 * messages);
	return received != 2 * messages || together - alone > (long long)LIMIT_US * messages * readers;
}
