// SPDX-License-Identifier: GPL-2.0
/*
 * Readers that never read, in the group of one that does. The latter receives everything. Sending
 * takes at most one second longer than without them. silent <readers> <messages>
 */
#include "../cn_client.h"

#define IDX 25
#define MOST 1000
/* By all messages together, and by each. */
#define LIMIT_US 1000000

static struct cn_received got;

static long long time_of_sending(int messages, long long *longest)
{
	client("send id=%u:1 group=%u msg_len=16 repeat=%d", IDX, IDX, messages);
	*longest = client_value("longest") / 1000;
	return client_value("nsec") / 1000;
}

int main(int argc, char **argv)
{
	int fds[MOST], reader, readers, messages, i, received = 0, large = 64 << 20, small = 1;
	long long alone, together, longest;

	if (argc != 3 || atoi(argv[1]) > MOST || client("clear")) {
		printf("usage: silent <readers> <messages>, with cn_client loaded\n");
		return 1;
	}
	readers = atoi(argv[1]);
	messages = atoi(argv[2]);
	reader = cn_open_in_group(IDX);
	setsockopt(reader, SOL_SOCKET, SO_RCVBUFFORCE, &large, sizeof(large));
	alone = time_of_sending(messages, &longest);
	for (i = 0; i < readers; i++) {
		fds[i] = cn_open_in_group(IDX);
		if (fds[i] < 0)
			return 1;
		setsockopt(fds[i], SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	}
	together = time_of_sending(messages, &longest);
	while (cn_receive_within(reader, &got, 0) > 0)
		received++;
	for (i = 0; i < readers; i++)
		close(fds[i]);
	close(reader);
	client_close();
	printf("%d messages in %lld us alone, in %lld us with %d silent readers, %lld us the longest; %d of %d received\n",
	       messages, alone, together, readers, longest, received, 2 * messages);
	return received != 2 * messages || longest < 0 || longest > LIMIT_US ||
	       together - alone > LIMIT_US;
}
