// SPDX-License-Identifier: GPL-2.0
/*
 * Sample: the program of cn_rust_test.rs, and the counterpart of the kernel's
 * samples/connector/ucon.c. It works with the kernel's cn_test.c as well.
 *
 * It requests notification of the module's ids, sends the module a message, and
 * prints each message that it receives. The kernel's own connector no longer has
 * notification.
 *
 *	cn_rust_test_user		runs until it is stopped
 *	cn_rust_test_user <seconds>	runs for that time
 */
#include <time.h>

#include <linux/connector_notify.h>

#include "cn_user.h"

/* The module's id. Its idx is also the number of the module's multicast group. */
static const struct cb_id test = { .idx = 14, .val = 0x456 };

/* The id of the notification channel. */
static const struct cb_id notify = { .idx = CN_IDX_NOTIFY, .val = CN_VAL_NOTIFY };

/* The group that gets the events. Any other group works as well. */
#define EVENT_GROUP 15

/* One range of idx, two of val: the same ranges as in the kernel's cn_test.c. */
struct request {
	struct cn_ctl_msg control;
	struct cn_notify_req ranges[3];
};

/* CN_NOTIFY_SNAPSHOT requests the ids that are registered now, too. */
static void request_events(int fd)
{
	struct request request = {
		.control = {
			.idx_notify_num = 1,
			.val_notify_num = 2,
			.group = EVENT_GROUP,
			.len = sizeof(request.ranges),
		},
		.ranges = {
			{ .first = test.idx, .range = 10 },
			{ .first = test.val, .range = 10 },
			{ .first = test.val + 20, .range = 10 },
		},
	};

	send_message(fd, notify, 1, CN_NOTIFY_SNAPSHOT, &request, sizeof(request));
}

/* An event has the registered or unregistered id, and no payload. */
static void print_message(const struct cn_msg *msg)
{
	if (!msg->len)
		printf("[%x.%x] was %s\n", msg->id.idx, msg->id.val,
		       msg->ack ? "unregistered" : "registered");
	else
		printf("[%x.%x] [%08u.%08u] \"%.*s\"\n", msg->id.idx, msg->id.val, msg->seq,
		       msg->ack, msg->len, (const char *)msg->data);
}

static void print_answer(const struct nlmsghdr *nlh)
{
	int error;

	memcpy(&error, NLMSG_DATA(nlh), sizeof(error));
	printf("answer to message %u: %s\n", nlh->nlmsg_seq, error ? strerror(-error) : "done");
}

/* A packet may hold several netlink messages. */
static void print_packet(struct packet *packet, int len)
{
	struct nlmsghdr *nlh;

	for (nlh = &packet->nlh; NLMSG_OK(nlh, len); nlh = NLMSG_NEXT(nlh, len))
		if (nlh->nlmsg_type == NLMSG_ERROR)
			print_answer(nlh);
		else
			print_message(NLMSG_DATA(nlh));
}

int main(int argc, char **argv)
{
	time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 1000000);
	int fd = open_connector(test.idx);
	uint32_t group = EVENT_GROUP;
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	struct packet packet;
	int len;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)))
		fail("cannot join the group for events", "");
	request_events(fd);
	send_message(fd, test, 2, 0, "hello", sizeof("hello"));
	while (time(NULL) < end) {
		if (poll(&pollfd, 1, 500) < 1)
			continue;
		len = recv(fd, &packet, sizeof(packet), 0);
		if (len < 0)
			fail("cannot receive", errno == ENOBUFS ? "Messages were lost." : "");
		print_packet(&packet, len);
	}
	close(fd);
	return 0;
}
