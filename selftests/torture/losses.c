// SPDX-License-Identifier: GPL-2.0
/*
 * Messages to groups and ports, and notifications, to readers that are slow, have small buffers, and want errors told or
 * not: what was received and what was counted as lost is what was sent, and what was received is in order.
 * losses group|port|notify <messages>
 */
#include <pthread.h>

#include "../cn_client.h"
#include "../cn_notify.h"

#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif
#define MEMINFO_DROPS 8
#define MEMINFO_VARS 9

#define IDX 25
#define READERS 6
#define BATCH 1000

/* A reader; what it asked for depends on its number. */
struct reader {
	pthread_t thread;
	int fd, number;
	long received, enobufs, wrong;
	uint32_t next;
};

static int done;
static bool of_notify;

static long drops_of(int fd)
{
	uint32_t meminfo[MEMINFO_VARS] = {};
	socklen_t len = sizeof(meminfo);

	return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, meminfo, &len) ? -1 : meminfo[MEMINFO_DROPS];
}

/* In the order in which they were sent: seq rises, and registering and unregistering take turns where none is lost. */
static void look_at(struct reader *r, const struct cn_msg *msg)
{
	if (!of_notify) {
		r->wrong += msg->seq < r->next;
		r->next = msg->seq + 1;
	} else {
		r->wrong += msg->ack > 1 || (!drops_of(r->fd) && msg->ack != r->next);
		r->next = !msg->ack;
	}
	r->received++;
}

static void *read_slowly(void *arg)
{
	struct reader *r = arg;
	struct pollfd pfd = { .fd = r->fd, .events = POLLIN };
	uint8_t buf[512] __attribute__((aligned(8)));
	unsigned int random = r->number;
	bool last;
	ssize_t len;

	do {
		/* Looked at before the buffer is: what is there then is all. */
		last = __atomic_load_n(&done, __ATOMIC_SEQ_CST);
		poll(&pfd, 1, 20);
		for (;;) {
			len = recv(r->fd, buf, sizeof(buf), MSG_DONTWAIT);
			if (len < 0 && errno != ENOBUFS)
				break;
			if (len < 0)
				r->enobufs++;
			else
				look_at(r, NLMSG_DATA((struct nlmsghdr *)buf));
			/* Two of three are slow. */
			if (!last && r->number % 3 && !(rand_r(&random) % 16))
				usleep(500 * r->number);
		}
	} while (!last);
	return NULL;
}

static int open_reader(struct reader *r, int number, uint32_t group)
{
	int size = number % 3 == 0 ? 4 << 20 : number % 3 == 1 ? 1 : 16 << 10, err;

	*r = (struct reader) { .fd = cn_open_in_group(group), .number = number };
	if (r->fd < 0)
		return r->fd;
	err = setsockopt(r->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) ? -errno : 0;
	if (!err && number & 1)
		err = cn_setopt(r->fd, NETLINK_NO_ENOBUFS, 1);
	if (!err && number & 2)
		err = cn_setopt(r->fd, NETLINK_BROADCAST_ERROR, 1);
	return err ? err : pthread_create(&r->thread, NULL, read_slowly, r);
}

/* One batch; the number of messages that each reader should know of. */
static long send_batch(const struct reader *readers, const char *what, uint32_t seq)
{
	int i;

	if (of_notify) {
		if (client("churn %u:1 %u", IDX, BATCH / 2))
			return 0;
		return 2 * client_value("result");
	}
	if (!strcmp(what, "group")) {
		client("send id=%u:1 group=%u seq=%u msg_len=64 repeat=%u", IDX, IDX, seq, BATCH);
		return client_value("sent") + client_value("failed");
	}
	for (i = 0; i < READERS; i++)
		client("send id=%u:1 portid=%u seq=%u gfp=atomic msg_len=64 repeat=%u", IDX,
		       cn_port(readers[i].fd), seq, BATCH);
	return client_value("sent") + client_value("failed");
}

int main(int argc, char **argv)
{
	struct reader readers[READERS];
	long sent = 0, wanted, received = 0, lost = 0, drops, enobufs = 0;
	int i, owner = cn_open_in_group(0), bad = 0;

	if (argc != 3) {
		printf("usage: losses group|port|notify <messages>\n");
		return 1;
	}
	of_notify = !strcmp(argv[1], "notify");
	wanted = atol(argv[2]) / READERS;
	if (client("clear")) {
		printf("the test module must be loaded\n");
		return 1;
	}
	for (i = 0; i < READERS; i++) {
		if (open_reader(&readers[i], i, of_notify ? EVENTS : !strcmp(argv[1], "group") ? IDX : 0)) {
			printf("a reader can't be opened\n");
			return 1;
		}
	}
	if (of_notify && notify_one(owner, EVENTS, IDX, 1))
		return 1;
	while (sent < wanted && !bad) {
		long n = send_batch(readers, argv[1], sent);

		bad += !n;
		sent += n;
	}
	__atomic_store_n(&done, 1, __ATOMIC_SEQ_CST);
	for (i = 0; i < READERS; i++) {
		struct reader *r = &readers[i];

		pthread_join(r->thread, NULL);
		drops = drops_of(r->fd);
		/* The two places where it can be read say the same. */
		if (drops != cn_drops(cn_port(r->fd)) || r->received + drops != sent || r->wrong ||
		    ((r->number & 1) && r->enobufs)) {
			printf("reader %d: %ld received, %ld lost (%ld in /proc) of %ld, %ld out of order, %ld times ENOBUFS\n",
			       i, r->received, drops, cn_drops(cn_port(r->fd)), sent, r->wrong, r->enobufs);
			bad++;
		}
		received += r->received;
		lost += drops;
		enobufs += r->enobufs;
		close(r->fd);
	}
	close(owner);
	client("clear");
	client_close();
	printf("%s: %ld received, %ld lost, together %ld of %ld, %ld times ENOBUFS, %d readers wrong\n", argv[1],
	       received, lost, received + lost, sent * READERS, enobufs, bad);
	/* Without losses nothing was tried. */
	return bad || !lost || !received;
}
