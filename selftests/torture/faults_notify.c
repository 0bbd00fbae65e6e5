// SPDX-License-Identifier: GPL-2.0
/*
 * Notification with every allocation failing in turn. A request is stored or refused, as its
 * acknowledgement says. An event is sent or counted as lost; the program gets ENOBUFS for a loss.
 *
 *   faults_notify          each allocation fails once
 *   faults_notify large    large allocations fail as let_large_fail has set; a large request repeats
 */
#include "fault.h"
#include "../cn_client.h"
#include "../cn_notify.h"

#define IDX 25

static struct cn_received got;
static int owner, listener;
static long long notified, lost;
static uint8_t datagram[512];
/* Whether the answer came with the error. */
static bool overrun;

static void save_counters(void)
{
	notified = read_counter(STATS, "notified");
	lost = read_counter(STATS, "notify_lost");
	cn_drain(owner);
	cn_drain(listener);
}

static int ask(uint32_t group, uint16_t flags)
{
	uint8_t request[64];
	struct cn_packet p = {
		.id = { CN_IDX_NOTIFY, CN_VAL_NOTIFY }, .nl_flags = NLM_F_ACK, .flags = flags,
		.data = request,
		.data_len = notify_build(request, group, RANGES({ IDX, 1 }), RANGES({ 0, 10 })),
	};
	int ret = cn_send_raw(owner, datagram, cn_build(datagram, &p));

	return ret < 0 ? ret : 0;
}

/* The answer, behind the ids that match; -ENOBUFS if it is lost. */
static int answer(int *ids)
{
	struct cn_ack ack;
	int error = -ENOBUFS;

	*ids = 0;
	overrun = false;
	while (cn_receive_within(owner, &got, 0) > 0 || got.len == -ENOBUFS) {
		overrun |= got.len < 0;
		if (got.len < 0)
			continue;
		if (got.nlh.nlmsg_type == NLMSG_DONE)
			*ids += got.len / CN_HEADERS;
		else
			error = cn_parse_ack(&got, &ack) ? -EBADMSG : ack.error;
	}
	return error;
}

static int subscribe(void)
{
	return ask(EVENTS, 0);
}

static int snapshot(void)
{
	return ask(EVENTS, CN_NOTIFY_SNAPSHOT);
}

static int unsubscribe(void)
{
	return ask(0, 0);
}

/* Is there a request? It is removed. */
static bool is_stored(void)
{
	int ids, error;

	cn_drain(owner);
	expect(!unsubscribe(), "removing");
	error = answer(&ids);
	expect(!error || error == -ENOENT, "removing: %d", error);
	return !error;
}

static void check_request(int ret, bool failed, int in_snapshot)
{
	int ids, error = answer(&ids);
	long long delivered = read_counter(STATS, "notified") - notified;
	long long undelivered = read_counter(STATS, "notify_lost") - lost;
	bool reported = overrun, stored = is_stored();

	if (ret < 0) {
		expect(!stored, "sending failed, and there is a request");
	} else if (!error) {
		expect(stored, "the answer is 0, and there is no request");
		expect(delivered + undelivered == in_snapshot, "delivered %lld, undelivered %lld",
		       delivered, undelivered);
	} else if (error == -ENOMEM) {
		expect(!stored, "the answer is -ENOMEM, and there is a request");
		expect(!delivered && !undelivered, "delivered %lld, undelivered %lld", delivered,
		       undelivered);
	} else {
		expect(error == -ENOBUFS, "the answer is %d", error);
	}
	expect(reported || !undelivered, "%lld ids were lost without a word", undelivered);
	expect(failed || !error, "no fault, and the answer is %d", error);
	expect(ids == delivered, "received %d, delivered %lld", ids, delivered);
	save_counters();
}

static void check_subscribe(int ret, bool failed)
{
	check_request(ret, failed, 0);
}

static void check_snapshot(int ret, bool failed)
{
	check_request(ret, failed, 3);
}

static void check_unsubscribe(int ret, bool failed)
{
	int ids, error = answer(&ids);
	bool stored = is_stored();

	if (ret >= 0 && !error)
		expect(!stored, "the answer is 0, and the request is still there");
	else if (ret < 0 || error == -ENOMEM)
		expect(stored, "removing failed, and the request is gone");
	else
		expect(error == -ENOBUFS, "the answer is %d", error);
	cn_drain(owner);
	expect(!subscribe() && !answer(&ids), "asking again");
	save_counters();
}

/* A registration that is an event. */
static int add(void)
{
	return client("add %u:5 faults count", IDX);
}

static int del(void)
{
	return client("del %u:5", IDX);
}

static void check_event(int ret)
{
	long long delivered = read_counter(STATS, "notified") - notified;
	long long undelivered = read_counter(STATS, "notify_lost") - lost;
	int received = 0;
	bool reported = false;

	while (cn_receive_within(listener, &got, 0) > 0 || got.len == -ENOBUFS) {
		received += got.len > 0;
		reported |= got.len < 0;
	}
	expect(reported || !undelivered, "an event was lost without a word");
	expect(delivered + undelivered == (ret >= 0), "%d; delivered %lld, undelivered %lld", ret,
	       delivered, undelivered);
	expect(received == delivered, "received %d, delivered %lld", received, delivered);
}

static int events_lost;

static void check_add(int ret, bool failed)
{
	check_event(ret);
	events_lost += read_counter(STATS, "notify_lost") - lost;
	if (ret >= 0)
		expect(!del(), "unregistering");
	save_counters();
}

static void check_del(int ret, bool failed)
{
	check_event(ret);
	if (ret < 0)
		expect(!del(), "unregistering");
	expect(!add(), "registering");
	save_counters();
}

/* As many ranges as fit in a datagram. */
#define MANY_RANGES 2000

static int ask_much(void)
{
	static struct cn_notify_req list[MANY_RANGES];
	static uint8_t large[32768], request[32768];
	struct ranges many = { .n = MANY_RANGES, .list = list }, none = {};
	struct cn_packet p = {
		.id = { CN_IDX_NOTIFY, CN_VAL_NOTIFY }, .nl_flags = NLM_F_ACK, .data = request,
	};
	int i, ret, ids;

	for (i = 0; i < MANY_RANGES; i++)
		list[i] = (struct cn_notify_req){ .first = i, .range = 1 };
	p.data_len = notify_build(request, EVENTS, many, none);
	ret = cn_send_raw(owner, large, cn_build(large, &p));
	return ret < 0 ? ret : answer(&ids);
}

/*
 * The memory of the request is from vmalloc() then. It is freed when an equal request is there
 * already. Freeing may sleep; if something is locked meanwhile, the kernel complains.
 */
static int repeat_large(void)
{
	int i, ret;

	owner = cn_open_in_group(0);
	if (owner < 0)
		return 1;
	faults_by_chance(true);
	for (i = 0; i < 3; i++) {
		ret = ask_much();
		expect(!ret, "request %d: %d", i, ret);
	}
	faults_by_chance(false);
	printf("%d large requests, %d unexpected\n", i, faults_wrong);
	close(owner);
	return faults_wrong ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct sweep sweeps[] = {
		{ "request", subscribe, check_subscribe },
		{ "snapshot", snapshot, check_snapshot },
		{ "removal", unsubscribe, check_unsubscribe },
		{ "registered", add, check_add },
		{ "unregistered", del, check_del },
		/* No memory for the event, neither before nor with the table locked. */
		{ "unregistered, two failures", del, check_del, .two = true },
	};
	int i, ids;

	faults_begin();
	if (argc > 1 && !strcmp(argv[1], "large"))
		return repeat_large();
	owner = cn_open_in_group(0);
	listener = cn_open_in_group(EVENTS);
	if (owner < 0 || listener < 0 || client("clear")) {
		printf("the test modules must be loaded\n");
		return 1;
	}
	for (i = 1; i <= 3; i++)
		expect(!client("add %u:%d faults count", IDX, i), "registering");
	save_counters();
	sweep(&sweeps[0]);
	sweep(&sweeps[1]);
	expect(!subscribe() && !answer(&ids), "asking");
	sweep(&sweeps[2]);
	sweep(&sweeps[3]);
	expect(events_lost > 0, "no event was ever lost");
	expect(!add(), "registering");
	save_counters();
	sweep(&sweeps[4]);
	sweep(&sweeps[5]);
	client("clear");
	client_close();
	close(owner);
	close(listener);
	return sweeps_end(sweeps, 6);
}
