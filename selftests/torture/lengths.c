// SPDX-License-Identifier: GPL-2.0
/*
 * Every length that a datagram can have, with right and with corrupt lengths in its headers. The
 * callback is called where all of them fit, and in no other case. lengths <all|edges>
 */
#include "../cn_client.h"

#define IDX 25
#define MOST (CONNECTOR_MAX_MSG_SIZE - (int)sizeof(struct cn_msg))
#define LARGEST 70000

/* By how much the lengths in the netlink header and in the message header exceed the data. */
static const struct { int netlink, message; } corruptions[] = {
	{ 0, 0 }, { 0, 1 }, { 0, -1 }, { 0, 20 }, { 1, 0 }, { 1, 1 }, { -1, 0 }, { -1, -1 },
	{ 4, 0 }, { -4, -4 }, { -20, 0 }, { LARGEST, 0 },
};

static uint8_t bytes[CN_HEADERS + LARGEST];

/*
 * The netlink length must fit in the datagram, the message in the netlink length, and the payload
 * in the limit.
 */
static bool fits(int real, int netlink, int message)
{
	int payload = sizeof(struct cn_msg) + real + netlink;

	return netlink <= 0 && payload >= (int)sizeof(struct cn_msg) &&
	       payload <= CONNECTOR_MAX_MSG_SIZE &&
	       (int)sizeof(struct cn_msg) + message <= payload;
}

static bool is_edge(int real)
{
	return real <= 300 || (real >= MOST - 300 && real <= MOST + 300) || real % 4096 <= 1;
}

/* Sends one datagram. Is the number of calls as expected? */
static bool is_right(int fd, int real, int netlink, int message, long long *calls)
{
	struct cn_packet p = {
		.id = { IDX, 1 }, .data_len = real, .use_msg_len = true, .msg_len = message,
		.nl_len = CN_HEADERS + real + netlink,
	};
	size_t len = cn_build(bytes, &p);

	*calls += fits(real, netlink, message);
	return cn_send_raw(fd, bytes, len) == (int)len && callback_value(IDX, 1, "calls") == *calls;
}

int main(int argc, char **argv)
{
	bool all = argc == 2 && !strcmp(argv[1], "all");
	long long calls = 0, datagrams = 0;
	int fd = cn_open_in_group(0), real, size = 4 << 20;
	unsigned int i;

	if (argc != 2 || fd < 0 || client("clear") || client("add %u:1 lengths count", IDX)) {
		printf("usage: lengths <all|edges>, with cn_client loaded\n");
		return 1;
	}
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	for (real = 0; real <= 65535; real++) {
		if (!all && !is_edge(real))
			continue;
		for (i = 0; i < sizeof(corruptions) / sizeof(*corruptions); i++) {
			int message = real + corruptions[i].message;

			/* A datagram without room for a header has no length field. */
			if (message < 0 || message > 65535 ||
			    (int)CN_HEADERS + real + corruptions[i].netlink <= 0)
				continue;
			datagrams++;
			if (is_right(fd, real, corruptions[i].netlink, message, &calls))
				continue;
			printf("%d bytes, of which netlink says %+d and the message %+d: %lld calls, not %lld\n",
			       real, corruptions[i].netlink, corruptions[i].message,
			       callback_value(IDX, 1, "calls"), calls);
			return 1;
		}
	}
	client("clear");
	client_close();
	close(fd);
	printf("%lld datagrams of every length%s, of which %lld fit and were received\n", datagrams,
	       all ? "" : " near a limit", calls);
	return 0;
}
