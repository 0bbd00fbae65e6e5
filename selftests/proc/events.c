// SPDX-License-Identifier: GPL-2.0
/*
 * Process events: the actions of processes against the reported events. Runs on every provider.
 * selftests/proc_differences.txt has the reason for each difference.
 */
#include "kselftest_harness.h"
#include "cn_workload.h"

static struct story reported;

static bool is_reported(int tgid)
{
	int i;

	for (i = 0; i < reported.count; i++)
		if ((uint32_t)reported.events[i].what == PROC_EVENT_FORK &&
		    reported.events[i].event_data.fork.child_tgid == tgid)
			return true;
	return false;
}

static int process_of(const struct proc_event *e)
{
	return (uint32_t)e->what == PROC_EVENT_FORK ? e->event_data.fork.child_tgid :
						      e->event_data.exec.process_tgid;
}

/* Is the event about a process of the test? Others, and acknowledgements, are skipped. */
static bool belongs_to(const struct proc_event *e, int root)
{
	return process_of(e) == root || is_reported(process_of(e)) ||
	       ((uint32_t)e->what == PROC_EVENT_FORK &&
		is_reported(e->event_data.fork.parent_tgid));
}

static bool end_is_reported(int pid)
{
	int i;

	for (i = 0; i < reported.count; i++)
		if (is_exit_of(&reported.events[i], pid))
			return true;
	return false;
}

/* When the end of the first process is reported, it has recorded all of its children. */
static bool all_ends_are_reported(int root)
{
	int i;

	if (!end_is_reported(root))
		return false;
	for (i = 0; i < known->count; i++)
		if ((uint32_t)known->events[i].what == PROC_EVENT_FORK &&
		    !end_is_reported(known->events[i].event_data.fork.child_pid))
			return false;
	return true;
}

/*
 * Reads the events of a process and its children, up to the last of their ends. The end of a child
 * is reported after its parent is notified, so the last end need not be the parent's.
 */
static int read_story(int fd, int root)
{
	struct process_message m;
	int ret;

	reported.count = 0;
	do {
		ret = process_read(fd, &m);
		if (ret)
			return ret;
		if (!belongs_to(&m.event, root))
			continue;
		if (reported.count == MOST)
			return -E2BIG;
		reported.events[reported.count++] = m.event;
	} while (!all_ends_are_reported(root));
	return 0;
}

/* The same to the last byte, except when and where. */
static bool is_same(const struct proc_event *a, const struct proc_event *b)
{
	return a->what == b->what && !memcmp(&a->event_data, &b->event_data, sizeof(a->event_data));
}

static void show(struct __test_metadata *_metadata, const char *whose, const struct proc_event *e)
{
	const int *data = (const int *)&e->event_data;

	TH_LOG("%s: what %#x data %d %d %d %d %d %d", whose, (uint32_t)e->what, data[0], data[1],
	       data[2], data[3], data[4], data[5]);
}

/* The number of events of one thread, and the one with a number. */
static const struct proc_event *nth_of(const struct story *story, int pid, int n)
{
	int i;

	for (i = 0; i < story->count; i++)
		if (process_subject(&story->events[i]) == pid && !n--)
			return &story->events[i];
	return NULL;
}

/*
 * An end is reported after the parent is notified. Then later actions of the parent may be reported
 * before it, and the parent is no longer known. The events of one thread are always in order.
 */
static void compare_threads(struct __test_metadata *_metadata)
{
	int i, n;

	EXPECT_EQ(known->count, reported.count);
	for (i = 0; i < known->count; i++) {
		int pid = process_subject(&known->events[i]);

		if (&known->events[i] != nth_of(known, pid, 0))
			continue;
		for (n = 0; nth_of(known, pid, n) || nth_of(&reported, pid, n); n++) {
			const struct proc_event *is = nth_of(&reported, pid, n);
			struct proc_event *expected = (struct proc_event *)nth_of(known, pid, n);
			struct proc_event lenient;

			if (expected && is && is_exit_of(is, pid) &&
			    !is->event_data.exit.parent_pid) {
				lenient = *expected;
				lenient.event_data.exit.parent_pid = 0;
				lenient.event_data.exit.parent_tgid = 0;
				expected = &lenient;
			}
			EXPECT_TRUE(expected && is && is_same(expected, is)) {
				if (expected)
					show(_metadata, "expected", expected);
				if (is)
					show(_metadata, "reported", is);
			}
		}
	}
}

FIXTURE(events)
{
	int fd;
};

FIXTURE_SETUP(events)
{
	CN_NEEDS_PROCESS_EVENTS();
	known = mmap(NULL, sizeof(*known), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	ASSERT_NE(MAP_FAILED, known);
	self->fd = process_open(0);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(events)
{
	close(self->fd);
	munmap(known, sizeof(*known));
}

FIXTURE_VARIANT(events)
{
	void (*work)(void);
	uint32_t code;
};

FIXTURE_VARIANT_ADD(events, nothing) { do_nothing };
FIXTURE_VARIANT_ADD(events, exits) { end_in_each_way };
FIXTURE_VARIANT_ADD(events, vfork) { vfork_and_execute };
FIXTURE_VARIANT_ADD(events, names) { change_name };
FIXTURE_VARIANT_ADD(events, ids) { change_ids };
FIXTURE_VARIANT_ADD(events, session) { begin_session };
FIXTURE_VARIANT_ADD(events, ptrace) { trace_others };
FIXTURE_VARIANT_ADD(events, thread) { make_a_thread };
FIXTURE_VARIANT_ADD(events, everything) { do_everything };

/* The child waits, so that it does nothing before its own start is recorded. */
static int act_and_read(const FIXTURE_VARIANT(events) *variant, int fd)
{
	int go[2], ret, child;
	char byte = 0;

	if (pipe(go))
		return -errno;
	child = fork();
	if (!child) {
		close(go[1]);
		if (read(go[0], &byte, 1) != 1)
			_exit(1);
		variant->work();
		_exit(0);
	}
	know_fork(getpid(), child, child);
	if (write(go[1], &byte, 1) != 1)
		return -errno;
	close(go[0]);
	close(go[1]);
	ret = read_story(fd, child);
	end(child, variant->code);
	return ret;
}

TEST_F(events, events_of_each_thread_are_in_order)
{
	ASSERT_EQ(0, act_and_read(variant, self->fd));
	compare_threads(_metadata);
}

/* The next event that is no end. */
static const struct proc_event *next_but_ends(const struct story *story, int *at)
{
	while (*at < story->count) {
		const struct proc_event *e = &story->events[(*at)++];

		if ((uint32_t)e->what != (uint32_t)PROC_EVENT_EXIT)
			return e;
	}
	return NULL;
}

/* An end may be reported after actions that the parent does once it is notified. */
TEST_F(events, all_but_exits_are_in_order)
{
	const struct proc_event *expected, *is;
	int in_known = 0, in_reported = 0;

	ASSERT_EQ(0, act_and_read(variant, self->fd));
	do {
		expected = next_but_ends(known, &in_known);
		is = next_but_ends(&reported, &in_reported);
		EXPECT_TRUE(expected ? is && is_same(expected, is) : !is) {
			if (expected)
				show(_metadata, "expected", expected);
			if (is)
				show(_metadata, "reported", is);
			break;
		}
	} while (expected);
}

/* -- Filters -------------------------------------------------------------------- */

FIXTURE(filter)
{
	int fd;
	int all;
};

FIXTURE_VARIANT(filter)
{
	uint32_t events;
	/* The event types that pass the filter. */
	uint32_t reported;
};

FIXTURE_VARIANT_ADD(filter, fork) { PROC_EVENT_FORK, PROC_EVENT_FORK };
FIXTURE_VARIANT_ADD(filter, exec) { PROC_EVENT_EXEC, PROC_EVENT_EXEC };
FIXTURE_VARIANT_ADD(filter, uid) { PROC_EVENT_UID, PROC_EVENT_UID };
FIXTURE_VARIANT_ADD(filter, gid) { PROC_EVENT_GID, PROC_EVENT_GID };
FIXTURE_VARIANT_ADD(filter, sid) { PROC_EVENT_SID, PROC_EVENT_SID };
FIXTURE_VARIANT_ADD(filter, ptrace) { PROC_EVENT_PTRACE, PROC_EVENT_PTRACE };
FIXTURE_VARIANT_ADD(filter, comm) { PROC_EVENT_COMM, PROC_EVENT_COMM };
FIXTURE_VARIANT_ADD(filter, coredump) { PROC_EVENT_COREDUMP, PROC_EVENT_COREDUMP };
FIXTURE_VARIANT_ADD(filter, exit) { (uint32_t)PROC_EVENT_EXIT, (uint32_t)PROC_EVENT_EXIT };
FIXTURE_VARIANT_ADD(filter, nonzero_exit) { PROC_EVENT_NONZERO_EXIT, 0 };
FIXTURE_VARIANT_ADD(filter, fork_and_nonzero_exit) {
	PROC_EVENT_FORK | PROC_EVENT_NONZERO_EXIT, PROC_EVENT_FORK
};
FIXTURE_VARIANT_ADD(filter, exec_and_exit) {
	PROC_EVENT_EXEC | (uint32_t)PROC_EVENT_EXIT, PROC_EVENT_EXEC | (uint32_t)PROC_EVENT_EXIT
};
FIXTURE_VARIANT_ADD(filter, everything) { PROC_EVENT_ALL, (uint32_t)PROC_EVENT_ALL };
FIXTURE_VARIANT_ADD(filter, nothing_means_everything) { 0, (uint32_t)PROC_EVENT_ALL };
FIXTURE_VARIANT_ADD(filter, unknown_means_everything) { 0x400, (uint32_t)PROC_EVENT_ALL };
FIXTURE_VARIANT_ADD(filter, unknown_is_skipped) { 0x400 | PROC_EVENT_EXEC, PROC_EVENT_EXEC };

FIXTURE_SETUP(filter)
{
	uint32_t number = process_number();

	CN_NEEDS_PROCESS_EVENTS();
	known = mmap(NULL, sizeof(*known), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	ASSERT_NE(MAP_FAILED, known);
	self->all = process_open(0);
	ASSERT_LE(0, self->all);
	self->fd = cn_open_in_group(CN_IDX_PROC);
	ASSERT_LE(0, self->fd);
	/* Not every provider acknowledges a request with a filter. */
	ASSERT_LT(0,
		  process_filtered(self->fd, PROC_CN_MCAST_LISTEN, variant->events, number,
				   number));
}

FIXTURE_TEARDOWN(filter)
{
	close(self->fd);
	close(self->all);
	munmap(known, sizeof(*known));
}

static bool passes(const struct proc_event *e, uint32_t events, uint32_t reported)
{
	if ((events & PROC_EVENT_NONZERO_EXIT) && (uint32_t)e->what == (uint32_t)PROC_EVENT_EXIT &&
	    e->event_data.exit.exit_code)
		return true;
	return (uint32_t)e->what & reported;
}

/* The expected events of a filtered listener: those of the unfiltered one that pass the filter. */
static void expect_passing(uint32_t events, uint32_t kinds)
{
	int i;

	known->count = 0;
	for (i = 0; i < reported.count; i++)
		if (passes(&reported.events[i], events, kinds))
			known->events[known->count++] = reported.events[i];
}

/*
 * The order of events of two threads may differ between two listeners, since two processors send
 * them. The order of events of one thread is the same.
 */
static void compare_with_known(struct __test_metadata *_metadata, const struct story *passed)
{
	int i;

	EXPECT_EQ(known->count, passed->count);
	for (i = 0; i < known->count; i++) {
		const struct proc_event *expected = &known->events[i], *is;
		int k, n = 0, pid = process_subject(expected);

		for (k = 0; k < i; k++)
			n += process_subject(&known->events[k]) == pid;
		is = nth_of(passed, pid, n);
		EXPECT_TRUE(is && is_same(expected, is)) {
			show(_metadata, "all   ", expected);
			if (is)
				show(_metadata, "filter", is);
		}
	}
}

TEST_F(filter, lets_through_what_was_asked_for)
{
	FIXTURE_VARIANT(events) everything = { do_everything };
	struct story passed = {};
	struct process_message m;
	int ret;

	ASSERT_EQ(0, act_and_read(&everything, self->all));
	expect_passing(variant->events, variant->reported);
	while (!(ret = process_read_within(self->fd, &m,
					   passed.count < known->count ? cn_timeout() :
									 cn_pause()))) {
		/* Of others, and the acknowledgement. */
		if (!is_reported(process_of(&m.event)))
			continue;
		ASSERT_GT(MOST, passed.count);
		passed.events[passed.count++] = m.event;
	}
	ASSERT_EQ(-ETIMEDOUT, ret);
	compare_with_known(_metadata, &passed);
}
