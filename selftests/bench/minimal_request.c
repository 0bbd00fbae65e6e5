// SPDX-License-Identifier: GPL-2.0
/*
 * The smallest C program that sends requests to an id and waits for each reply, and for the
 * acknowledgement if it asks for one:
 *
 *   minimal_request <idx>:<val> <count> <bytes> yes|no
 */
#include "socket.h"

/* Others may send to our port as well, and their messages do not count. */
static ssize_t receive_from_kernel(int fd, struct datagram *datagram)
{
	struct sockaddr_nl from;
	socklen_t size = sizeof(from);
	ssize_t length;

	do
		length = recvfrom(fd, datagram->bytes, sizeof(datagram->bytes), 0,
				  (struct sockaddr *)&from, &size);
	while (length >= 0 && from.nl_pid);
	return length;
}

int main(int argc, char **argv)
{
	static struct datagram request, reply;
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct cn_msg *question, *answer = NLMSG_DATA(&reply.nlh);
	const struct nlmsgerr *acknowledgement = NLMSG_DATA(&reply.nlh);
	unsigned int idx, val;
	size_t bytes;
	long count;
	bool ack;
	int fd;

	if (argc != 5 || sscanf(argv[1], "%u:%u", &idx, &val) != 2)
		fail("the arguments are idx:val, count, bytes, yes or no");
	count = atol(argv[2]);
	bytes = atol(argv[3]);
	ack = !strcmp(argv[4], "yes");
	fd = open_socket(0);
	if (connect(fd, (struct sockaddr *)&kernel, sizeof(kernel)))
		fail("connecting: %s", strerror(errno));
	datagram_begin(&request, NETLINK_CONNECTOR);
	datagram_add_connector(&request, val, ack ? NLM_F_ACK : 0, bytes);
	question = NLMSG_DATA(&request.nlh);
	question->id.idx = idx;
	while (count--) {
		ssize_t length;

		question->seq++;
		request.nlh.nlmsg_seq++;
		if (send(fd, request.bytes, request.length, 0) < 0)
			fail("sending: %s", strerror(errno));
		length = receive_from_kernel(fd, &reply);
		if (length < (ssize_t)(NLMSG_LENGTH(sizeof(*answer)) + bytes) ||
		    answer->seq != question->seq || memcmp(answer->data, question->data, bytes))
			fail("the reply differs from the request");
		if (!ack)
			continue;
		length = receive_from_kernel(fd, &reply);
		if (length < (ssize_t)NLMSG_LENGTH(sizeof(*acknowledgement)) ||
		    reply.nlh.nlmsg_type != NLMSG_ERROR || acknowledgement->error ||
		    reply.nlh.nlmsg_seq != request.nlh.nlmsg_seq)
			fail("no acknowledgement was received");
	}
	return 0;
}
