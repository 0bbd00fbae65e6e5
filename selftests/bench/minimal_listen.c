// SPDX-License-Identifier: GPL-2.0
/*
 * The smallest C program that prints the messages to a group, in the lines of "cnctl listen --time
 * none": minimal_listen <group> <count>
 */
#include "socket.h"

static void show(const struct cn_msg *message)
{
	static const char digits[] = "0123456789abcdef";
	unsigned int i;

	printf("%u:%u seq %u ack %u len %u ", message->id.idx, message->id.val, message->seq,
	       message->ack, message->len);
	for (i = 0; i < message->len; i++) {
		putchar_unlocked(digits[message->data[i] >> 4]);
		putchar_unlocked(digits[message->data[i] & 15]);
	}
	fputs(" \"", stdout);
	for (i = 0; i < message->len; i++) {
		unsigned char byte = message->data[i];

		putchar_unlocked(byte >= ' ' && byte <= '~' ? byte : '.');
	}
	fputs("\"\n", stdout);
}

int main(int argc, char **argv)
{
	static struct datagram datagram;
	const struct cn_msg *message = NLMSG_DATA(&datagram.nlh);
	struct sockaddr_nl from;
	socklen_t size = sizeof(from);
	long count;
	int fd;

	if (argc != 3)
		fail("the arguments are group and count");
	fd = open_socket(atol(argv[1]));
	for (count = atol(argv[2]); count;) {
		ssize_t length = recvfrom(fd, datagram.bytes, sizeof(datagram.bytes), 0,
					  (struct sockaddr *)&from, &size);

		/* Others may send to our port as well. */
		if (length >= 0 && from.nl_pid)
			continue;
		if (length < (ssize_t)NLMSG_LENGTH(sizeof(*message)) ||
		    length < (ssize_t)(NLMSG_LENGTH(sizeof(*message)) + message->len))
			fail("receiving: %zd bytes, %s", length, strerror(errno));
		show(message);
		count--;
	}
	return 0;
}
