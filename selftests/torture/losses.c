// SPDX-License-Identifier: GPL-2.0
/*
 * Messages to groups and ports, and notifications, to readers that are slow, have small buffers,
 * and request error reports or not. The received and the lost messages are together the sent ones.
 * The received ones are in order. The sender is informed of the messages that did not reach all
 * readers, and the connector's own counters agree.
 *
 *   losses group|port|notify <messages>
 */
#include <pthread.h>

#include "../cn_client.h"
#include "../cn_notify.h"
#include "seed.h"

#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif
#define MEMINFO_DROPS 8
#define MEMINFO_VARS 9

#define IDX 25
#define READERS 6
#define BATCH 1000

/* A reader. Its number determines its socket options. */
struct reader {
	pthread_t thread;
	int fd, number;
	long received, enobufs, wrong;
	uint32_t next;
};

static int done;
static bool of_notify;

/* Of sends, as reported to the sender. */
static long accepted, refused, other_errors;

/* The connector's counters of sends and of notifications. */
static const char * const counters[] = {
	"sent", "send_undelivered", "send_no_listener", "send_unknown_id", "send_no_memory",
	"notified", "notify_lost",
};

#define COUNTERS (sizeof(counters) / sizeof(counters[0]))

static void read_counters(long long *values)
{
	size_t i;

	for (i = 0; i < COUNTERS; i++)
		values[i] = read_counter("/proc/net/connector_stats", counters[i]);
}

/* The number of counters with a wrong increase. A notification increases one of two. */
static int wrong_counters(const long long *before, long long events)
{
	long long wanted[COUNTERS] = { accepted, refused }, now[COUNTERS];
	int i, wrong = 0;

	read_counters(now);
	if (of_notify) {
		wanted[6] = now[6] - before[6];
		wanted[5] = events - wanted[6];
	}
	for (i = 0; i < (int)COUNTERS; i++) {
		if (now[i] - before[i] == wanted[i])
			continue;
		printf("%s has grown by %lld instead of %lld\n", counters[i], now[i] - before[i],
		       wanted[i]);
		wrong++;
	}
	return wrong;
}

static long drops_of(int fd)
{
	uint32_t meminfo[MEMINFO_VARS] = {};
	socklen_t len = sizeof(meminfo);

	return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, meminfo, &len) ? -1 : meminfo[MEMINFO_DROPS];
}

/* Checks the order: seq rises; registering and unregistering alternate unless an event is lost. */
static void check_order(struct reader *r, const struct cn_msg *msg)
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
	unsigned int random = seed_of(r->number);
	bool last;
	ssize_t len;

	do {
		/* Read before the buffer: if it is set, the buffer now holds all messages. */
		last = __atomic_load_n(&done, __ATOMIC_SEQ_CST);
		poll(&pfd, 1, 20);
		for (;;) {
			len = recv(r->fd, buf, sizeof(buf), MSG_DONTWAIT);
			if (len < 0 && errno != ENOBUFS)
				break;
			if (len < 0)
				r->enobufs++;
			else
				check_order(r, NLMSG_DATA((struct nlmsghdr *)buf));
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
	/* Reader 4 is slow and has the smallest buffer, so that some sends are reported. */
	if (!err && number >= 2)
		err = cn_setopt(r->fd, NETLINK_BROADCAST_ERROR, 1);
	return err ? err : pthread_create(&r->thread, NULL, read_slowly, r);
}

/* After a command that sends. A full buffer is reported with this error only. */
static void note_sends(int error)
{
	accepted += client_value("sent");
	refused += client_value("failed");
	other_errors += client_value("failed") && client_value("error") != error;
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
		/* Because some readers want it. */
		note_sends(-ENOBUFS);
		return client_value("sent") + client_value("failed");
	}
	for (i = 0; i < READERS; i++) {
		client("send id=%u:1 portid=%u seq=%u gfp=atomic msg_len=64 repeat=%u", IDX,
		       cn_port(readers[i].fd), seq, BATCH);
		note_sends(-EAGAIN);
	}
	return client_value("sent") + client_value("failed");
}

int main(int argc, char **argv)
{
	struct reader readers[READERS];
	long sent = 0, wanted, received = 0, lost = 0, drops, enobufs = 0;
	int i, owner = cn_open_in_group(0), bad = 0;
	long long before[COUNTERS];

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
		if (open_reader(&readers[i], i,
				of_notify ? EVENTS : !strcmp(argv[1], "group") ? IDX : 0)) {
			printf("a reader can't be opened\n");
			return 1;
		}
	}
	if (of_notify && notify_one(owner, EVENTS, IDX, 1))
		return 1;
	read_counters(before);
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
		/* Both sources of the number agree. */
		if (drops != cn_drops(cn_port(r->fd)) || r->received + drops != sent || r->wrong ||
		    ((r->number & 1) && r->enobufs)) {
			printf("reader %d: %ld received, %ld lost (%ld in /proc) of %ld, %ld out of order, %ld times ENOBUFS\n",
			       i, r->received, drops, cn_drops(cn_port(r->fd)), sent, r->wrong,
			       r->enobufs);
			bad++;
		}
		received += r->received;
		lost += drops;
		enobufs += r->enobufs;
		close(r->fd);
	}
	close(owner);
	bad += wrong_counters(before, sent);
	client("clear");
	client_close();
	printf("%s: %ld received, %ld lost, together %ld of %ld, %ld times ENOBUFS, ", argv[1],
	       received, lost, received + lost, sent * READERS, enobufs);
	if (!of_notify)
		printf("%ld sends of %ld reported as failed, %ld with another error, ", refused,
		       accepted + refused, other_errors);
	printf("%d readers or counters wrong\n", bad);
	/* Without losses the run has tried nothing. */
	return bad || !lost || !received || other_errors || (!of_notify && !refused);
}
