// SPDX-License-Identifier: GPL-2.0
/*
 * Writes the packets of an interface into a file, until it receives a signal: capture <interface>
 * <file>
 *
 * The file is the same as that of tcpdump on an nlmon device. It exists as soon as no packet is
 * missed any more. A missed packet is an error.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>

#define LINKTYPE_NETLINK	253
#define LARGEST			65536
#define BUFFER			(16 << 20)

struct file_header {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t zone, accuracy, snapshot, link;
};

struct frame_header {
	uint32_t seconds, nanoseconds, captured, length;
	/* The bytes in front of each frame of this kind, in network byte order. */
	uint16_t packet_type, hardware_type, address_length;
	uint8_t address[8];
	uint16_t protocol;
};

#define COOKED	(sizeof(struct frame_header) - 16)

static volatile sig_atomic_t ended;

static void end(int number)
{
	ended = 1;
}

static int open_interface(const char *name)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = if_nametoindex(name),
	};
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK, 0), size = BUFFER;

	if (!address.sll_ifindex)
		err(1, "%s", name);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)))
		err(1, "packet socket");
	return fd;
}

/* In nanoseconds, as the magic number at the beginning of the file declares. */
static int open_file(const char *name)
{
	const struct file_header header = {
		.magic = 0xa1b23c4d,
		.major = 2,
		.minor = 4,
		.snapshot = LARGEST + COOKED,
		.link = LINKTYPE_NETLINK,
	};
	char part[4096];
	int fd;

	snprintf(part, sizeof(part), "%s.part", name);
	fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
	if (fd < 0 || write(fd, &header, sizeof(header)) != sizeof(header) || rename(part, name))
		err(1, "%s", name);
	return fd;
}

/* All frames that are there. */
static void copy(int from, int to)
{
	static char frame[sizeof(struct frame_header) + LARGEST];
	struct sockaddr_ll address;
	socklen_t address_len = sizeof(address);
	struct timespec now;
	ssize_t len;

	while ((len = recvfrom(from, frame + sizeof(struct frame_header), LARGEST, MSG_TRUNC,
			       (struct sockaddr *)&address, &address_len)) >= 0) {
		size_t kept = len < LARGEST ? len : LARGEST;
		struct frame_header header = {
			.captured = COOKED + kept,
			.length = COOKED + len,
			.packet_type = htons(address.sll_pkttype),
			.hardware_type = htons(address.sll_hatype),
			.address_length = htons(address.sll_halen),
			.protocol = address.sll_protocol,
		};

		clock_gettime(CLOCK_REALTIME, &now);
		header.seconds = now.tv_sec;
		header.nanoseconds = now.tv_nsec;
		memcpy(frame, &header, sizeof(header));
		kept += sizeof(header);
		if (write(to, frame, kept) != kept)
			err(1, "write");
		address_len = sizeof(address);
	}
	if (errno != EAGAIN)
		err(1, "receive");
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = end };
	struct tpacket_stats stats;
	socklen_t stats_len = sizeof(stats);
	struct pollfd wait = { .events = POLLIN };
	int to;

	if (argc != 3)
		errx(2, "usage: capture <interface> <file>");
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	wait.fd = open_interface(argv[1]);
	to = open_file(argv[2]);
	while (!ended) {
		/* With a timeout: the signal may arrive just before. */
		if (poll(&wait, 1, 100) < 0 && errno != EINTR)
			err(1, "poll");
		copy(wait.fd, to);
	}
	copy(wait.fd, to);
	if (getsockopt(wait.fd, SOL_PACKET, PACKET_STATISTICS, &stats, &stats_len))
		err(1, "PACKET_STATISTICS");
	if (stats.tp_drops)
		errx(1, "%u frames are missing", stats.tp_drops);
	return 0;
}
