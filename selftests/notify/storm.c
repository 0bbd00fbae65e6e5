// SPDX-License-Identifier: GPL-2.0
/*
 * Notification under load: events of one id arrive in order for all registering tasks, and each
 * event is either received or counted as lost.
 */
#include <pthread.h>

#include "kselftest_harness.h"
#include "cn_client.h"
#include "cn_notify.h"

#define IDX 25
#define ROUNDS 3000
/* Of a kernel that checks everything, in emulation. */
#define STORM_SECONDS 120

FIXTURE(storm)
{
	int owner;
	int listener;
	struct events events;
};

FIXTURE_SETUP(storm)
{
	CN_NEEDS_CLIENT();
	self->owner = cn_open_in_group(0);
	ASSERT_LE(0, self->owner);
	self->listener = cn_open_in_group(EVENTS);
	ASSERT_LE(0, self->listener);
	ASSERT_EQ(0, large_buffer(self->listener));
	memset(&self->events, 0, sizeof(self->events));
}

FIXTURE_TEARDOWN(storm)
{
	events_free(&self->events);
	close(self->owner);
	close(self->listener);
	EXPECT_EQ(0, client("clear"));
}

struct churner {
	pthread_t thread;
	uint32_t val;
	uint32_t rounds;
	int result;
	long long registered;
};

/* Registers and unregisters an id that other tasks register, too. */
static void *churn(void *arg)
{
	struct churner *w = arg;

	w->result = client("churn %u:%u %u", IDX, w->val, w->rounds);
	w->registered = client_value("result");
	client_close();
	return NULL;
}

/* The number of ids whose events do not alternate, beginning with "registered". */
static size_t out_of_order(const struct events *e, uint32_t first, uint32_t n)
{
	bool there[16] = {};
	size_t i, wrong = 0;

	for (i = 0; i < e->n; i++) {
		uint32_t at = e->list[i].id.val - first;

		if (e->list[i].id.idx != IDX || at >= n) {
			wrong++;
			continue;
		}
		wrong += there[at] != (e->list[i].ack == UNREGISTERED);
		there[at] = e->list[i].ack == REGISTERED;
	}
	for (i = 0; i < n; i++)
		wrong += there[i];
	return wrong;
}

TEST_F_TIMEOUT(storm, of_one_id_is_delivered_in_order, cn_limit(STORM_SECONDS))
{
	struct churner w[3];
	long long registered = 0;
	int i;

	ASSERT_EQ(0, notify_one(self->owner, EVENTS, IDX, 1));
	for (i = 0; i < 3; i++) {
		w[i] = (struct churner) { .val = 1, .rounds = ROUNDS };
		ASSERT_EQ(0, pthread_create(&w[i].thread, NULL, churn, &w[i]));
	}
	for (i = 0; i < 3; i++) {
		pthread_join(w[i].thread, NULL);
		EXPECT_EQ(0, w[i].result);
		registered += w[i].registered;
	}
	events_read_all(self->listener, &self->events);
	EXPECT_FALSE(self->events.strange);
	EXPECT_EQ(0, self->events.enobufs);
	/* A refused registration is no event, each successful one is two. */
	EXPECT_LT(0, registered);
	EXPECT_EQ(2 * registered, self->events.n);
	EXPECT_EQ(0, out_of_order(&self->events, 1, 1));
	TH_LOG("%lld of %u registrations succeeded", registered, 3 * ROUNDS);
}

TEST_F_TIMEOUT(storm, of_several_ids_is_delivered_in_order_of_each, cn_limit(STORM_SECONDS))
{
	struct churner w[4];
	long long registered = 0;
	int i;

	ASSERT_EQ(0, notify_ask(self->owner, EVENTS, RANGES({ IDX, 1 }), RANGES({ 1, 2 })));
	for (i = 0; i < 4; i++) {
		w[i] = (struct churner) { .val = 1 + i / 2, .rounds = ROUNDS };
		ASSERT_EQ(0, pthread_create(&w[i].thread, NULL, churn, &w[i]));
	}
	for (i = 0; i < 4; i++) {
		pthread_join(w[i].thread, NULL);
		EXPECT_EQ(0, w[i].result);
		registered += w[i].registered;
	}
	events_read_all(self->listener, &self->events);
	EXPECT_FALSE(self->events.strange);
	EXPECT_EQ(2 * registered, self->events.n);
	EXPECT_EQ(0, out_of_order(&self->events, 1, 2));
}

/* While one thread storms, requests are made and end with their sockets. */
TEST_F_TIMEOUT(storm, while_requests_are_added_and_removed, cn_limit(STORM_SECONDS))
{
	struct churner w = { .val = 1, .rounds = 4 * ROUNDS };
	int i, fd;

	ASSERT_EQ(0, notify_one(self->owner, EVENTS, IDX, 1));
	ASSERT_EQ(0, pthread_create(&w.thread, NULL, churn, &w));
	for (i = 0; i < 500; i++) {
		fd = cn_open_in_group(0);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, notify_one(fd, EVENTS + 1, IDX, 1));
		ASSERT_EQ(0, notify_one(fd, EVENTS + 2, IDX, 1));
		if (i % 2)
			ASSERT_EQ(0, notify_one(fd, 0, IDX, 1));
		close(fd);
	}
	pthread_join(w.thread, NULL);
	ASSERT_EQ(0, w.result);
	/* The remaining request is undisturbed. */
	events_read_all(self->listener, &self->events);
	EXPECT_EQ(4 * ROUNDS, w.registered);
	EXPECT_EQ(2 * w.registered, self->events.n);
	EXPECT_EQ(0, out_of_order(&self->events, 1, 1));
}

/* -- Losses --------------------------------------------------------------- */

/* Sent and lost messages. */
static long long count_sent(void)
{
	const char *stats = "/proc/net/connector_stats";

	return read_counter(stats, "notified") + read_counter(stats, "notify_lost");
}

/* Events are sent a moment after the change. */
static bool were_sent(long long before, int n)
{
	int tries;

	for (tries = 0; tries < cn_limit(10000) && count_sent() < before + n; tries++)
		usleep(1000);
	return count_sent() == before + n;
}

TEST_F_TIMEOUT(storm, slow_reader_learns_what_it_lost, cn_limit(STORM_SECONDS))
{
	struct events *e = &self->events;
	int slow = cn_open_in_group(EVENTS), small = 1, i;
	long long before;

	ASSERT_LE(0, slow);
	ASSERT_EQ(0, setsockopt(slow, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)));
	ASSERT_EQ(0, notify_one(self->owner, EVENTS, IDX, 1));
	for (i = 0; i < 10; i++) {
		before = count_sent();
		ASSERT_EQ(0, client("churn %u:1 500", IDX));
		ASSERT_TRUE(were_sent(before, 1000));
		events_read_all(slow, e);
	}
	EXPECT_FALSE(e->strange);
	EXPECT_EQ(10, e->enobufs);
	EXPECT_LT(0, e->n);
	EXPECT_LT(0, cn_drops(cn_port(slow)));
	EXPECT_EQ(10 * 1000, e->n + cn_drops(cn_port(slow)));
	close(slow);

	/* And took nothing from a fast one. */
	events_free(e);
	events_read_all(self->listener, e);
	EXPECT_EQ(10 * 1000, e->n);
	EXPECT_EQ(0, out_of_order(e, 1, 1));
	EXPECT_EQ(0, cn_drops(cn_port(self->listener)));
}

/* The reader is the only member of the group, so each event that it lost reached no socket. */
TEST_F_TIMEOUT(storm, events_that_reach_nobody_are_counted, cn_limit(STORM_SECONDS))
{
	const char *stats = "/proc/net/connector_stats";
	struct events *e = &self->events;
	long long notified, lost;
	int small = 1;

	ASSERT_EQ(0, setsockopt(self->listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)));
	ASSERT_EQ(0, notify_one(self->owner, EVENTS, IDX, 1));
	notified = read_counter(stats, "notified");
	lost = read_counter(stats, "notify_lost");
	ASSERT_EQ(0, client("churn %u:1 500", IDX));
	events_read_all(self->listener, e);
	EXPECT_LT(0, e->n);
	EXPECT_EQ(e->n, read_counter(stats, "notified") - notified);
	EXPECT_EQ(1000 - e->n, read_counter(stats, "notify_lost") - lost);
}

TEST_F_TIMEOUT(storm, reader_that_never_reads_stalls_nobody, cn_limit(STORM_SECONDS))
{
	int slow = cn_open_in_group(EVENTS), small = 1;

	ASSERT_LE(0, slow);
	ASSERT_EQ(0, setsockopt(slow, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)));
	ASSERT_EQ(0, notify_one(self->owner, EVENTS, IDX, 1));
	EXPECT_EQ(0, client("churn %u:1 %u", IDX, ROUNDS));
	EXPECT_EQ(ROUNDS, client_value("result"));
	close(slow);
}

/* Every request that can be stored, all for the same id. */
TEST_F_TIMEOUT(storm, with_all_requests_matching, cn_limit(STORM_SECONDS))
{
	int fds[MAX_IN_ALL / MAX_PER_SOCKET];
	struct events *e = &self->events;
	int i, j;

	for (i = 0; i < MAX_IN_ALL / MAX_PER_SOCKET; i++) {
		fds[i] = cn_open_in_group(0);
		ASSERT_LE(0, fds[i]);
		for (j = 0; j < MAX_PER_SOCKET; j++)
			ASSERT_EQ(0, notify_ask(fds[i], EVENTS, RANGES({ IDX, 1 }),
						RANGES({ 1, 1 + j })));
	}
	ASSERT_EQ(0, client("churn %u:1 10", IDX));
	events_read_all(self->listener, e);
	EXPECT_EQ(10 * 2 * MAX_IN_ALL, e->n);
	EXPECT_FALSE(e->strange);
	/* All of one change before the first of the next. */
	for (i = 0; i < e->n; i++)
		ASSERT_EQ(i / MAX_IN_ALL % 2, e->list[i].ack);
	for (i = 0; i < MAX_IN_ALL / MAX_PER_SOCKET; i++)
		close(fds[i]);
}
