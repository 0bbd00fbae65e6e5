// SPDX-License-Identifier: GPL-2.0
/*
 * Sample: the program of cn_echo.rs. It sends a text to that module and prints
 * the reply.
 *
 * A message on the wire is a netlink header, a struct cn_msg with the id of the
 * callback, and the payload.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/connector.h>
#include <linux/netlink.h>

/* The module's id. */
static const struct cb_id echo_id = { .idx = 20, .val = 1 };

struct packet {
	struct nlmsghdr nlh;
	struct cn_msg msg;
	char payload[256];
};

static void fail(const char *what, const char *hint)
{
	fprintf(stderr, "cn_echo_user: %s: %s%s%s\n", what, strerror(errno), *hint ? "\n  " : "", hint);
	exit(1);
}

static int open_connector(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_CONNECTOR);

	if (fd < 0)
		fail("cannot open the connector", errno == EPROTONOSUPPORT ?
		     "Is the module cn loaded?" : "");
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)))
		fail("cannot bind the socket", "");
	return fd;
}

static void send_text(int fd, const char *text, unsigned int seq)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct packet packet = { .msg = { .id = echo_id, .seq = seq, .len = strlen(text) + 1 } };

	memcpy(packet.payload, text, packet.msg.len);
	packet.nlh.nlmsg_type = NLMSG_DONE;
	packet.nlh.nlmsg_len = NLMSG_LENGTH(sizeof(packet.msg) + packet.msg.len);
	/* Without an acknowledgement, the program could not notice that the module is missing. */
	packet.nlh.nlmsg_flags = NLM_F_ACK;
	packet.nlh.nlmsg_seq = seq;
	if (sendto(fd, &packet, packet.nlh.nlmsg_len, 0,
		   (struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		fail("cannot send", errno == ECONNREFUSED ?
		     "The connector is in the initial network namespace only." : "");
}

/* Waits up to five seconds for a message. */
static void receive(int fd, struct packet *packet)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };

	memset(packet, 0, sizeof(*packet));
	errno = ETIMEDOUT;
	if (poll(&pollfd, 1, 5000) < 1)
		fail("no message arrived", "Is the module cn_echo loaded?");
	/* The last byte stays 0, so the payload is always a string. */
	if (recv(fd, packet, sizeof(*packet) - 1, 0) < 0)
		fail("cannot receive", errno == ENOBUFS ? "Messages were lost." : "");
	if (packet->nlh.nlmsg_type == NLMSG_ERROR) {
		/* The acknowledgement: a negative error number, or 0 for success. */
		memcpy(&errno, &packet->msg, sizeof(errno));
		errno = -errno;
		if (errno)
			fail("the message was refused", errno == ENODEV ?
			     "Is the module cn_echo loaded?" : "");
	}
}

int main(int argc, char **argv)
{
	const char *text = argc > 1 ? argv[1] : "Hello, kernel!";
	struct packet packet;
	int fd = open_connector();

	if (strlen(text) >= sizeof(packet.payload)) {
		fprintf(stderr, "cn_echo_user: the text is longer than 255 bytes\n");
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("sent to %u:%u: \"%s\"\n", echo_id.idx, echo_id.val, text);
	send_text(fd, text, 1);
	do
		receive(fd, &packet);
	while (packet.nlh.nlmsg_type == NLMSG_ERROR);
	printf("reply from %u:%u: \"%s\" (seq %u, ack %u)\n", packet.msg.id.idx,
	       packet.msg.id.val, packet.payload, packet.msg.seq, packet.msg.ack);
	close(fd);
	return 0;
}
