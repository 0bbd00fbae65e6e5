// SPDX-License-Identifier: GPL-2.0
/*
 * The snapshot of the notification channel: the requester alone receives the currently registered
 * ids, and after them every change without a gap.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "kselftest_harness.h"
#include "cn_client.h"
#include "cn_notify.h"

#define IDX 25
#define STORM 10000
/* Of a kernel that checks everything, in emulation. */
#define STORM_SECONDS 120

FIXTURE(snapshot)
{
	int owner;
	int listener;
	struct events events;
};

FIXTURE_SETUP(snapshot)
{
	CN_NEEDS_CLIENT();
	self->owner = cn_open_in_group(0);
	ASSERT_LE(0, self->owner);
	ASSERT_EQ(0, large_buffer(self->owner));
	self->listener = cn_open_in_group(EVENTS);
	ASSERT_LE(0, self->listener);
	ASSERT_EQ(0, large_buffer(self->listener));
	memset(&self->events, 0, sizeof(self->events));
}

FIXTURE_TEARDOWN(snapshot)
{
	events_free(&self->events);
	close(self->owner);
	close(self->listener);
	EXPECT_EQ(0, client("clear"));
}

static int ask(int fd, struct ranges idx, struct ranges val)
{
	return notify_send(fd, EVENTS, NLM_F_ACK, CN_NOTIFY_SNAPSHOT, idx, val);
}

/* Reads the messages to a requester. Checks the properties that they all have. */
#define READ_SNAPSHOT(fd, e) do { \
	events_free(e); \
	events_read_all(fd, e); \
	EXPECT_FALSE((e)->strange); \
	EXPECT_EQ(1, (e)->answers); \
	EXPECT_EQ(0, (e)->error); \
} while (0)

TEST_F(snapshot, has_what_is_registered)
{
	struct events *e = &self->events;

	ASSERT_EQ(0, client("add %u:1 name count", IDX));
	ASSERT_EQ(0, client("add %u:2 name count", IDX));
	ASSERT_EQ(0, client("add %u:3 name count", IDX));
	ASSERT_EQ(0, client("add %u:4 name count", IDX));
	ASSERT_EQ(0, client("add %u:2 name count", IDX + 1));
	ASSERT_EQ(0, client("del %u:3", IDX));
	ASSERT_LT(0, ask(self->owner, RANGES({ IDX, 1 }), RANGES({ 2, 10 })));
	READ_SNAPSHOT(self->owner, e);
	EXPECT_EQ(2, e->n);
	EXPECT_EQ(1, events_count(e, 0, 2, IDX, 2, REGISTERED));
	EXPECT_EQ(1, events_count(e, 0, 2, IDX, 4, REGISTERED));
	EXPECT_TRUE(e->list[0].unicast && e->list[1].unicast);
	/* To the requester alone. */
	EXPECT_TRUE(cn_is_silent(self->listener));
}

TEST_F(snapshot, comes_before_the_answer)
{
	ASSERT_EQ(0, client("add_many %u:1 100", IDX));
	ASSERT_LT(0, ask(self->owner, ALL, ALL));
	READ_SNAPSHOT(self->owner, &self->events);
	EXPECT_LE(100, self->events.n);
	EXPECT_EQ(self->events.n, self->events.before_answer);
}

TEST_F(snapshot, comes_without_an_answer_too)
{
	ASSERT_EQ(0, client("add %u:1 name count", IDX));
	ASSERT_LT(0, notify_send(self->owner, EVENTS, 0, CN_NOTIFY_SNAPSHOT, RANGES({ IDX, 1 }),
				 RANGES({ 1, 1 })));
	events_read_all(self->owner, &self->events);
	EXPECT_EQ(1, self->events.n);
	EXPECT_EQ(0, self->events.answers);
}

TEST_F(snapshot, is_not_sent_unasked)
{
	ASSERT_EQ(0, client("add %u:1 name count", IDX));
	ASSERT_EQ(0, notify_one(self->owner, EVENTS, IDX, 1));
	EXPECT_TRUE(cn_is_silent(self->owner));
}

TEST_F(snapshot, of_nothing_is_empty)
{
	ASSERT_EQ(0, client("add %u:1 name count", IDX));
	ASSERT_LT(0, ask(self->owner, RANGES({ IDX, 1 }), RANGES({ 2, 1 })));
	READ_SNAPSHOT(self->owner, &self->events);
	EXPECT_EQ(0, self->events.n);
}

/* Overlapping ranges are still one match. */
TEST_F(snapshot, has_each_id_once)
{
	ASSERT_EQ(0, client("add %u:1 name count", IDX));
	ASSERT_LT(0, ask(self->owner, RANGES({ IDX, 1 }, { IDX, 2 }), RANGES({ 1, 1 }, { 0, 3 })));
	READ_SNAPSHOT(self->owner, &self->events);
	EXPECT_EQ(1, self->events.n);
}

/*
 * The channel's own id among them. The file of the built-in connector lists process events as well,
 * of which its guest does not know.
 */
TEST_F(snapshot, of_everything_is_the_proc_file)
{
	struct events *e = &self->events;
	char *text, *line;
	size_t lines = 0;
	struct cb_id id;
	bool ours;

	ASSERT_EQ(0, client("add 0:0 low count"));
	ASSERT_EQ(0, client("add 4294967295:4294967294 high count"));
	ASSERT_EQ(0, client("add_many %u:1 500", IDX));
	ASSERT_LT(0, ask(self->owner, ALL, ALL));
	READ_SNAPSHOT(self->owner, e);
	text = read_file("/proc/net/connector");
	ASSERT_NE(NULL, text);
	for (line = strchr(text, '\n') + 1; *line; line = strchr(line, '\n') + 1) {
		ASSERT_EQ(2, sscanf(line, "%*s %u:%u", &id.idx, &id.val));
		ours = !provider_is_guest() || id.idx != CN_IDX_PROC;
		EXPECT_EQ(ours, events_count(e, 0, e->n, id.idx, id.val, REGISTERED))
			TH_LOG("id %u:%u", id.idx, id.val);
		lines += ours;
	}
	EXPECT_EQ(lines, e->n);
	EXPECT_EQ(1, events_count(e, 0, e->n, CN_IDX_NOTIFY, CN_VAL_NOTIFY, REGISTERED));
	free(text);
}

TEST_F(snapshot, has_several_messages_in_a_datagram)
{
	struct events *e = &self->events;
	uint32_t i;

	ASSERT_EQ(0, client("add_many %u:1 3000", IDX));
	ASSERT_LT(0, ask(self->owner, RANGES({ IDX, 1 }), RANGES({ 1, 3000 })));
	READ_SNAPSHOT(self->owner, e);
	ASSERT_EQ(3000, e->n);
	EXPECT_LT(10, e->bundle);
	for (i = 1; i <= 3000; i++)
		ASSERT_EQ(1, events_count(e, 0, e->n, IDX, i, REGISTERED));
}

TEST_F(snapshot, is_followed_by_events)
{
	ASSERT_EQ(0, client("add %u:1 name count", IDX));
	ASSERT_LT(0, ask(self->owner, RANGES({ IDX, 1 }), RANGES({ 1, 5 })));
	READ_SNAPSHOT(self->owner, &self->events);
	EXPECT_EQ(1, self->events.n);
	ASSERT_EQ(0, client("add %u:2 name count", IDX));
	ASSERT_EQ(0, client("del %u:1", IDX));
	EXPECT_TRUE(event_arrives(self->listener, EVENTS, IDX, 2, REGISTERED));
	EXPECT_TRUE(event_arrives(self->listener, EVENTS, IDX, 1, UNREGISTERED));
	EXPECT_TRUE(cn_is_silent(self->listener));
}

/* Equal to a stored one: another snapshot, and no second request. */
TEST_F(snapshot, can_be_repeated)
{
	int i;

	ASSERT_EQ(0, notify_ask(self->owner, EVENTS, RANGES({ IDX, 1 }), RANGES({ 1, 5 })));
	for (i = 1; i <= 3; i++) {
		ASSERT_EQ(0, client("add %u:%u name count", IDX, i));
		ASSERT_LT(0, ask(self->owner, RANGES({ IDX, 1 }), RANGES({ 1, 5 })));
		READ_SNAPSHOT(self->owner, &self->events);
		EXPECT_EQ(i, self->events.n);
		EXPECT_TRUE(event_arrives(self->listener, EVENTS, IDX, i, REGISTERED));
		EXPECT_TRUE(cn_is_silent(self->listener));
	}
}

TEST_F(snapshot, can_be_repeated_at_the_limit)
{
	int i;

	ASSERT_EQ(0, client("add %u:1 name count", IDX));
	for (i = 0; i < MAX_PER_SOCKET; i++)
		ASSERT_EQ(0, notify_one(self->owner, EVENTS, IDX, i));
	ASSERT_LT(0, ask(self->owner, RANGES({ IDX, 1 }), RANGES({ 1, 1 })));
	READ_SNAPSHOT(self->owner, &self->events);
	EXPECT_EQ(1, self->events.n);
	/* A refused request delivers nothing. */
	ASSERT_LT(0, ask(self->owner, RANGES({ IDX, 1 }), RANGES({ 0, 100 })));
	EXPECT_EQ(-ENOSPC, notify_answer(self->owner));
	EXPECT_TRUE(cn_is_silent(self->owner));
}

TEST_F(snapshot, of_a_refused_request_is_not_sent)
{
	ASSERT_EQ(0, client("add %u:1 name count", IDX));
	ASSERT_LT(0, notify_send(self->owner, 33, NLM_F_ACK, CN_NOTIFY_SNAPSHOT,
				 RANGES({ IDX, 1 }), RANGES({ 1, 1 })));
	EXPECT_EQ(-EINVAL, notify_answer(self->owner));
	EXPECT_TRUE(cn_is_silent(self->owner));
}

/* A loss is reported, and repaired by another request. */
TEST_F(snapshot, larger_than_the_receive_buffer)
{
	struct events *e = &self->events;
	int small = 1;

	ASSERT_EQ(0, client("add_many %u:1 %u", IDX, STORM));
	ASSERT_EQ(0, setsockopt(self->owner, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)));
	ASSERT_LT(0, ask(self->owner, RANGES({ IDX, 1 }), RANGES({ 1, STORM })));
	events_read_all(self->owner, e);
	EXPECT_FALSE(e->strange);
	EXPECT_GT(STORM, e->n);
	EXPECT_EQ(1, e->enobufs);
	EXPECT_LT(0, cn_drops(cn_port(self->owner)));

	ASSERT_EQ(0, large_buffer(self->owner));
	ASSERT_LT(0, ask(self->owner, RANGES({ IDX, 1 }), RANGES({ 1, STORM })));
	READ_SNAPSHOT(self->owner, e);
	EXPECT_EQ(STORM, e->n);
	EXPECT_EQ(0, e->enobufs);
}

/* -- While ids are registered and unregistered ----------------------------- */

struct worker {
	pthread_t thread;
	uint32_t first;
	int result;
	/* If there is one, the storm goes on until it is true. */
	const atomic_bool *requested;
};

/*
 * Adds ids in pieces, and removes the middle half of each piece again. The last piece is added and
 * removed until the snapshot is requested. So the request is in the middle of this on both fast and
 * slow processors.
 */
static void *add_and_delete(void *arg)
{
	struct worker *w = arg;
	uint32_t i;

	for (i = 0; i < STORM && !w->result; i += 500) {
		/*
		 * The last ids wait for the request of the snapshot, so that it precedes the end.
		 */
		while (i == STORM - 500 && w->requested && !*w->requested)
			usleep(100);
		w->result = client("add_many %u:%u 500", IDX, w->first + i);
		if (!w->result)
			w->result = client("del_many %u:%u 250", IDX, w->first + i + 125);
	}
	client_close();
	return NULL;
}

/*
 * The last id waits for the request of the snapshot, so that it precedes the end on both fast and
 * slow processors.
 */
static void *add_all(void *arg)
{
	struct worker *w = arg;

	w->result = client("add_many %u:%u %u", IDX, w->first, STORM - 1);
	while (!w->result && !*w->requested)
		usleep(100);
	if (!w->result)
		w->result = client("add_many %u:%u 1", IDX, w->first + STORM - 1);
	client_close();
	return NULL;
}

/* Waits until the storm has made some events, on a socket that hears them. */
static bool wait_for_events(int fd, int n)
{
	struct events e = {};
	bool more = true;

	while (more && e.n < n)
		more = events_read(fd, &e, cn_timeout());
	events_free(&e);
	return more;
}

/*
 * Replays the events to a requester: an id is registered only when it is absent, and unregistered
 * only when it is present. The final state is in `there`.
 */
static size_t replay(const struct events *e, uint8_t *there, size_t n, size_t *snapshot)
{
	size_t i, wrong = 0;

	*snapshot = 0;
	for (i = 0; i < e->n; i++) {
		const struct event *event = &e->list[i];

		if (event->id.idx != IDX || event->id.val >= n) {
			wrong++;
			continue;
		}
		if (event->unicast) {
			/* In one piece, before any event. */
			wrong += *snapshot != i || event->ack != REGISTERED;
			++*snapshot;
		}
		wrong += there[event->id.val] != (event->ack == UNREGISTERED);
		there[event->id.val] = event->ack == REGISTERED;
	}
	return wrong;
}

TEST_F_TIMEOUT(snapshot, in_a_storm_of_registrations, cn_limit(STORM_SECONDS))
{
	static uint8_t there[STORM + 1];
	atomic_bool requested = false;
	struct worker w = { .first = 1, .requested = &requested };
	struct events *e = &self->events;
	size_t snapshot, i, missing = 0;
	int pilot = cn_open_in_group(EVENTS + 1);

	ASSERT_LE(0, pilot);
	ASSERT_EQ(0, large_buffer(pilot));
	ASSERT_EQ(0, notify_ask(self->owner, EVENTS + 1, RANGES({ IDX, 1 }), RANGES({ 1, STORM })));
	ASSERT_EQ(0, pthread_create(&w.thread, NULL, add_all, &w));
	ASSERT_TRUE(wait_for_events(pilot, 300));
	ASSERT_LT(0, ask(self->listener, RANGES({ IDX, 1 }), RANGES({ 1, STORM })));
	requested = true;
	pthread_join(w.thread, NULL);
	ASSERT_EQ(0, w.result);
	READ_SNAPSHOT(self->listener, e);
	EXPECT_EQ(0, e->enobufs);

	EXPECT_EQ(0, replay(e, there, STORM + 1, &snapshot));
	EXPECT_EQ(STORM, e->n);
	for (i = 1; i <= STORM; i++)
		missing += !there[i];
	EXPECT_EQ(0, missing);
	/* The request was in the middle of the storm. */
	EXPECT_LE(300, snapshot);
	EXPECT_GT(STORM, snapshot);
	TH_LOG("%zu ids in the snapshot, %zu events after it", snapshot, e->n - snapshot);
	close(pilot);
}

TEST_F_TIMEOUT(snapshot, in_a_storm_of_short_registrations, cn_limit(STORM_SECONDS))
{
	static uint8_t there[2 * STORM + 1];
	atomic_bool requested = false;
	struct worker w[2] = { { .first = 1, .requested = &requested },
			       { .first = 1 + STORM, .requested = &requested } };
	struct events *e = &self->events;
	size_t snapshot, i, wrong = 0;
	int pilot = cn_open_in_group(EVENTS + 1);

	ASSERT_LE(0, pilot);
	ASSERT_EQ(0, large_buffer(pilot));
	ASSERT_EQ(0, notify_ask(self->owner, EVENTS + 1, RANGES({ IDX, 1 }), ALL));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&w[i].thread, NULL, add_and_delete, &w[i]));
	ASSERT_TRUE(wait_for_events(pilot, 2000));
	ASSERT_LT(0, ask(self->listener, RANGES({ IDX, 1 }), RANGES({ 0, 2 * STORM + 1 })));
	requested = true;
	for (i = 0; i < 2; i++) {
		pthread_join(w[i].thread, NULL);
		ASSERT_EQ(0, w[i].result);
	}
	READ_SNAPSHOT(self->listener, e);
	EXPECT_EQ(0, e->enobufs);

	EXPECT_EQ(0, replay(e, there, 2 * STORM + 1, &snapshot));
	for (i = 1; i <= 2 * STORM; i++) {
		size_t at = (i - 1) % 500;

		wrong += there[i] != (at < 125 || at >= 375);
	}
	EXPECT_EQ(0, wrong);
	EXPECT_LT(0, snapshot);
	EXPECT_LT(snapshot, e->n);
	close(pilot);
}

/* Again and again in one storm, each on a socket of its own. */
TEST_F_TIMEOUT(snapshot, many_in_one_storm, cn_limit(STORM_SECONDS))
{
	static uint8_t there[2 * STORM + 1];
	struct worker w = { .first = 1 };
	struct events *e = &self->events;
	size_t snapshot, i;
	int fds[6];

	ASSERT_EQ(0, pthread_create(&w.thread, NULL, add_and_delete, &w));
	for (i = 0; i < 6; i++) {
		fds[i] = cn_open_in_group(EVENTS + 2 + i);
		ASSERT_LE(0, fds[i]);
		ASSERT_EQ(0, large_buffer(fds[i]));
		ASSERT_LT(0, notify_send(fds[i], EVENTS + 2 + i, NLM_F_ACK, CN_NOTIFY_SNAPSHOT,
					 RANGES({ IDX, 1 }), RANGES({ 0, 2 * STORM + 1 })));
	}
	pthread_join(w.thread, NULL);
	ASSERT_EQ(0, w.result);
	for (i = 0; i < 6; i++) {
		READ_SNAPSHOT(fds[i], e);
		memset(there, 0, sizeof(there));
		EXPECT_EQ(0, replay(e, there, 2 * STORM + 1, &snapshot));
		EXPECT_EQ(1, there[1]);
		EXPECT_EQ(0, there[126]);
		EXPECT_EQ(1, there[STORM]);
		close(fds[i]);
	}
}
