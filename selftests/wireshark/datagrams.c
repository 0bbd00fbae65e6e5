// SPDX-License-Identifier: GPL-2.0
/*
 * Sends datagrams that no other program here sends, to the id 25:1: three messages in one datagram,
 * of lengths that leave gaps between them; a message whose length was rounded up; one with a
 * corrupt length; one with less than a header.
 */
#include <err.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/connector.h>
#include <linux/netlink.h>

static char datagram[1024];
static size_t used;
static unsigned int number = 100;

/* The payload is LEN letters, and the header claims CLAIMED. */
static struct nlmsghdr *append(size_t len, size_t claimed)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)(datagram + used);
	struct cn_msg *msg = NLMSG_DATA(nlh);

	msg->id = (struct cb_id){ 25, 1 };
	msg->seq = number;
	msg->len = claimed;
	memset(msg + 1, 'a' + number % 26, len);
	nlh->nlmsg_len = NLMSG_LENGTH(sizeof(*msg) + len);
	nlh->nlmsg_type = NLMSG_DONE;
	nlh->nlmsg_seq = number++;
	used += NLMSG_ALIGN(nlh->nlmsg_len);
	return nlh;
}

static void send_all(int fd)
{
	if (send(fd, datagram, used, 0) != used)
		err(1, "send");
	memset(datagram, 0, sizeof(datagram));
	used = 0;
}

int main(void)
{
	int fd = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_CONNECTOR);
	struct nlmsghdr *nlh;

	if (fd < 0)
		err(1, "socket");
	append(3, 3);
	append(0, 0);
	append(13, 13)->nlmsg_flags = NLM_F_ACK;
	send_all(fd);

	nlh = append(5, 5);
	nlh->nlmsg_len = NLMSG_ALIGN(nlh->nlmsg_len);
	send_all(fd);

	append(8, 400)->nlmsg_flags = NLM_F_ACK;
	send_all(fd);

	nlh = append(0, 0);
	nlh->nlmsg_len = NLMSG_LENGTH(10);
	nlh->nlmsg_flags = NLM_F_ACK;
	used = nlh->nlmsg_len;
	send_all(fd);
	return 0;
}
