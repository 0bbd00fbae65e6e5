// SPDX-License-Identifier: GPL-2.0
/*
 * Messages from programs, replies, and the files in /proc/net, with every allocation failing in
 * turn. Messages that sendmsg() accepts are counted, as delivered or as lost, and nothing else is.
 */
#include <pthread.h>
#include <semaphore.h>
#include <sys/ioctl.h>

#include "fault.h"
#include "../cn_client.h"

#define IDX 25
#define CRATE_IDX 26

struct command {
	uint32_t idx, val, what, argument, second, atomic, access, access_argument;
};

#define ADD _IOW('c', 1, struct command)

static struct cn_received got;
static int fd, crate_fd;
static long long received, delivered;
static char plain_text[64 * 1024], stats_text[64 * 1024];
static uint8_t datagram[512];

static void save_counters(void)
{
	received = read_counter(STATS, "received");
	delivered = read_counter(STATS, "delivered");
	cn_drain(fd);
}

/* A datagram without the use of the heap, to an id. */
static int send_to(uint32_t idx, uint32_t val, uint16_t flags)
{
	struct cn_packet p = { .id = { idx, val }, .nl_flags = flags, .data = "1234567890123456",
			       .data_len = 16 };
	int ret = cn_send_raw(fd, datagram, cn_build(datagram, &p));

	return ret < 0 ? ret : 0;
}

static int send_echo(void)
{
	return send_to(IDX, 1, 0);
}

static int send_crate(void)
{
	return send_to(CRATE_IDX, 1, NLM_F_ACK);
}

static void check_send(int ret, bool failed)
{
	long long received_now = read_counter(STATS, "received") - received;
	long long called = read_counter(STATS, "delivered") - delivered;

	expect(received_now == (ret >= 0), "sending said %d, and %lld were received", ret,
	       received_now);
	expect(called == received_now, "%lld were received, and %lld were delivered", received_now,
	       called);
	expect(failed || cn_receive(fd, &got) > 0, "no reply");
	save_counters();
}

/* -- /proc ------------------------------------------------------------------ */

static int read_all(const char *path, char *text, size_t size)
{
	int file = open(path, O_RDONLY | O_CLOEXEC), error;
	ssize_t len = 0, all = 0;

	if (file < 0)
		return -errno;
	do {
		all += len;
		len = read(file, text + all, size - 1 - all);
	} while (len > 0);
	error = len < 0 ? -errno : 0;
	text[all] = '\0';
	close(file);
	return error;
}

static int read_callbacks(void)
{
	return read_all("/proc/net/connector", plain_text, sizeof(plain_text));
}

static int read_stats(void)
{
	return read_all(STATS, stats_text, sizeof(stats_text));
}

static void check_callbacks(int ret, bool failed)
{
	static char again[sizeof(plain_text)];

	expect(!read_all("/proc/net/connector", again, sizeof(again)), "reading again");
	expect(ret < 0 || !strcmp(plain_text, again), "the file is another one:\n%s", plain_text);
	expect(strstr(again, "faults          25:1\n") != NULL, "a callback is missing");
}

static void check_stats(int ret, bool failed)
{
	static char again[sizeof(stats_text)];

	expect(!read_all(STATS, again, sizeof(again)), "reading again");
	expect(ret < 0 || !strcmp(stats_text, again), "the file is another one:\n%s", stats_text);
}

/* -- Many threads ----------------------------------------------------------- */

/* Calls at once, each of which lacks memory where it takes some. */
#define CALLERS 300

static int points_before;
static int short_of_memory, not_sent;

struct caller {
	pthread_t thread;
	int fd;
	sem_t done;
	bool failed;
};

static void *call(void *arg)
{
	struct caller *caller = arg;
	struct cn_packet p = { .id = { IDX, 2 } };
	uint8_t bytes[64] = {};
	size_t len = cn_build(bytes, &p);

	fault_arm(points_before + 1);
	if (cn_send_raw(caller->fd, bytes, len) < 0)
		__atomic_add_fetch(&not_sent, 1, __ATOMIC_SEQ_CST);
	caller->failed = fault_disarm();
	close(fault_fd);
	sem_post(&caller->done);
	return NULL;
}

/* The number of points up to the callback, which has none itself. */
static void count_points(void)
{
	struct cn_packet p = { .id = { IDX, 3 } };
	size_t len = cn_build(datagram, &p);
	bool failed = true;

	cn_send_raw(fd, datagram, len);
	for (points_before = -1; failed; points_before++) {
		fault_arm(points_before + 2);
		cn_send_raw(fd, datagram, len);
		failed = fault_disarm();
	}
}

/* A message that netlink has accepted reaches the callback: no memory is allocated after that. */
static void try_many_callers(void)
{
	static struct caller callers[CALLERS];
	pthread_attr_t small;
	int i, calls, tries = 0;

	fault_name = "many threads";
	count_points();
	expect(!client("add %u:2 held hold", IDX), "registering");
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 64 * 1024);
	for (i = 0; i < CALLERS; i++) {
		callers[i].fd = cn_open_in_group(0);
		sem_init(&callers[i].done, 0, 0);
		if (!expect(!pthread_create(&callers[i].thread, &small, call, &callers[i]),
			    "no thread"))
			exit(1);
	}
	/* All messages are inside, or netlink has refused them. */
	do {
		usleep(10 * 1000);
		calls = callback_value(IDX, 2, "calls");
	} while (calls + __atomic_load_n(&not_sent, __ATOMIC_SEQ_CST) < CALLERS && tries++ < 2000);
	expect(!client("release %u:2", IDX), "releasing");
	for (i = 0; i < CALLERS; i++) {
		pthread_join(callers[i].thread, NULL);
		short_of_memory += callers[i].failed;
		close(callers[i].fd);
	}
	expect(calls + not_sent == CALLERS, "%d calls, %d not sent", calls, not_sent);
	expect(not_sent <= short_of_memory, "%d faults, %d not sent", short_of_memory, not_sent);
	expect(callback_value(IDX, 2, "running") == 0, "a call has not ended");
	expect(!client("del %u:2", IDX), "unregistering");
}

int main(void)
{
	struct sweep sweeps[] = {
		{ "message_and_reply", send_echo, check_send },
		{ "message_and_reply_crate", send_crate, check_send },
		{ "proc_connector", read_callbacks, check_callbacks },
		{ "proc_connector_stats", read_stats, check_stats },
	};
	struct command add = { .idx = CRATE_IDX, .val = 1 };

	faults_begin();
	crate_fd = open("/dev/cn-rust-client", O_RDWR | O_CLOEXEC);
	fd = cn_open_in_group(0);
	if (crate_fd < 0 || fd < 0 || client("clear") || client("add %u:1 faults echo", IDX) ||
	    client("add %u:3 plain count", IDX) || ioctl(crate_fd, ADD, &add)) {
		printf("the test modules must be loaded\n");
		return 1;
	}
	save_counters();
	sweep(&sweeps[0]);
	sweep(&sweeps[1]);
	sweep(&sweeps[2]);
	sweep(&sweeps[3]);
	munlockall();
	try_many_callers();
	client("clear");
	client_close();
	close(crate_fd);
	close(fd);
	printf("%d of %d messages were not sent for want of memory, and none was lost\n", not_sent,
	       CALLERS);
	return sweeps_end(sweeps, 4);
}
