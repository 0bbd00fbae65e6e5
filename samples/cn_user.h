/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Functions that the programs of the samples share: open a connector socket, send
 * a message, receive one. cn_echo_user.c shows the same in one file.
 *
 * A message on the wire is a netlink header, a struct cn_msg with the id of the
 * callback, and the payload.
 */
#ifndef CN_USER_H
#define CN_USER_H

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/connector.h>
#include <linux/netlink.h>

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

/* Large enough for a bundle of messages. */
struct packet {
	union {
		struct nlmsghdr nlh;
		char bytes[16384];
	};
};

/* The first message of a packet. */
static inline struct cn_msg *first_message(struct packet *packet)
{
	return NLMSG_DATA(&packet->nlh);
}

/* The next message of the same packet, or NULL after the last one. */
static inline struct cn_msg *next_message(struct packet *packet, struct cn_msg *msg)
{
	char *end = packet->bytes + packet->nlh.nlmsg_len;
	char *next = (char *)msg->data + msg->len;

	return next + sizeof(*msg) <= end ? (struct cn_msg *)next : NULL;
}

static inline void fail(const char *what, const char *hint)
{
	fprintf(stderr, "error: %s: %s%s%s\n", what, strerror(errno), *hint ? "\n  " : "", hint);
	exit(1);
}

/* Opens a socket that receives answers and the messages to a group (0: no group). */
static inline int open_connector(uint32_t group)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_CONNECTOR);

	if (fd < 0)
		fail("cannot open the connector", errno == EPROTONOSUPPORT ?
		     "Is the module cn loaded?" : "");
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)))
		fail("cannot bind the socket", "");
	if (group && setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)))
		fail("cannot join the group of the module", errno == EPERM ?
		     "Is its module loaded? Else, listening needs CAP_NET_ADMIN; run this as root." : "");
	return fd;
}

/* Sends a message and requests an acknowledgement (NLM_F_ACK). */
static inline void send_message(int fd, struct cb_id id, uint32_t seq, uint16_t flags,
				const void *payload, uint16_t len)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct packet packet = { .nlh = {
		.nlmsg_len = NLMSG_LENGTH(sizeof(struct cn_msg) + len),
		.nlmsg_type = NLMSG_DONE,
		.nlmsg_flags = NLM_F_ACK,
		.nlmsg_seq = seq,
	} };
	struct cn_msg *msg = first_message(&packet);

	msg->id = id;
	msg->seq = seq;
	msg->flags = flags;
	msg->len = len;
	if (len)
		memcpy(msg->data, payload, len);
	if (sendto(fd, &packet, packet.nlh.nlmsg_len, 0,
		   (struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		fail("cannot send", errno == ECONNREFUSED ?
		     "The connector is in the initial network namespace only." : "");
}

/*
 * Waits for a packet, and ends the program if none arrives within that many
 * seconds. Returns 1 for a message, 0 for an acknowledgement of success, or the
 * negative error number of an acknowledgement.
 */
static inline int receive(int fd, struct packet *packet, int seconds)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	int error;

	memset(packet, 0, sizeof(*packet));
	errno = ETIMEDOUT;
	if (poll(&pollfd, 1, seconds * 1000) < 1)
		fail("no message arrived", "");
	if (recv(fd, packet, sizeof(*packet), 0) < 0)
		fail("cannot receive", errno == ENOBUFS ? "Messages were lost." : "");
	if (packet->nlh.nlmsg_type != NLMSG_ERROR)
		return 1;
	memcpy(&error, NLMSG_DATA(&packet->nlh), sizeof(error));
	return error;
}

#endif
