// SPDX-License-Identifier: GPL-2.0
/*
 * Process events: what processes do against what is told of them. Runs on every provider; where
 * they differ, selftests/proc_differences.txt says why.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "kselftest_harness.h"
#include "cn_process.h"

#define OTHER_ID 1000
#define MOST 128

/* Events in order; what processes know of themselves, or what was told. */
struct story {
	int count;
	struct proc_event events[MOST];
};

/* Written by all processes of a test, one at a time. */
static struct story *known;
static struct story told;

/* What a provider cannot tell of on this kernel, it ought not to. */
static bool can_be_told(uint32_t what)
{
	switch (what) {
	case PROC_EVENT_UID:
	case PROC_EVENT_GID:
		return process_events_have(" uid gid");
	case PROC_EVENT_SID:
		return process_events_have(" sid");
	case PROC_EVENT_PTRACE:
		return process_events_have(" ptrace");
	case PROC_EVENT_COREDUMP:
		return process_events_have(" coredump");
	default:
		return true;
	}
}

static struct proc_event *know(uint32_t what)
{
	struct proc_event *e = &known->events[known->count];

	if (known->count < MOST - 1 && can_be_told(what))
		known->count++;
	memset(e, 0, sizeof(*e));
	e->what = what;
	return e;
}

static void know_fork(int parent, int child_pid, int child_tgid)
{
	struct fork_proc_event *e = &know(PROC_EVENT_FORK)->event_data.fork;

	e->parent_pid = e->parent_tgid = parent;
	e->child_pid = child_pid;
	e->child_tgid = child_tgid;
}

static void know_task(uint32_t what, int pid, int tgid)
{
	struct exec_proc_event *e = &know(what)->event_data.exec;

	e->process_pid = pid;
	e->process_tgid = tgid;
}

static void know_ids(uint32_t what, int pid, uint32_t real, uint32_t effective)
{
	struct id_proc_event *e = &know(what)->event_data.id;

	e->process_pid = e->process_tgid = pid;
	e->r.ruid = real;
	e->e.euid = effective;
}

static void know_name(int pid, int tgid, const char *name)
{
	struct comm_proc_event *e = &know(PROC_EVENT_COMM)->event_data.comm;

	e->process_pid = pid;
	e->process_tgid = tgid;
	memcpy(e->comm, name, strnlen(name, sizeof(e->comm) - 1));
}

static void know_tracer(int pid, int tracer)
{
	struct ptrace_proc_event *e = &know(PROC_EVENT_PTRACE)->event_data.ptrace;

	e->process_pid = e->process_tgid = pid;
	e->tracer_pid = e->tracer_tgid = tracer;
}

static void know_coredump(int pid, int parent)
{
	struct coredump_proc_event *e = &know(PROC_EVENT_COREDUMP)->event_data.coredump;

	e->process_pid = e->process_tgid = pid;
	e->parent_pid = e->parent_tgid = parent;
}

static void know_exit(int pid, int tgid, uint32_t code, int parent)
{
	struct exit_proc_event *e = &know(PROC_EVENT_EXIT)->event_data.exit;

	e->process_pid = pid;
	e->process_tgid = tgid;
	e->exit_code = code;
	e->exit_signal = pid == tgid ? SIGCHLD : -1;
	e->parent_pid = e->parent_tgid = parent;
}

/* -- What processes do ------------------------------------------------------ */

/* A child that does something and ends. */
static int begin(void (*work)(void))
{
	int parent = getpid(), child = fork();

	if (!child) {
		work();
		_exit(0);
	}
	know_fork(parent, child, child);
	return child;
}

static void end(int child, uint32_t code)
{
	know_exit(child, child, code, getpid());
	waitpid(child, NULL, 0);
}

static void exit_with_code(void)
{
	_exit(3);
}

static void wait_for_a_signal(void)
{
	for (;;)
		pause();
}

static void dump_core(void)
{
	struct rlimit none = {};

	setrlimit(RLIMIT_CORE, &none);
	abort();
}

static void execute(void)
{
	execl("/bin/true", "true", NULL);
	_exit(127);
}

static void end_in_each_way(void)
{
	int self = getpid(), child;

	end(begin(exit_with_code), 3 << 8);

	child = begin(wait_for_a_signal);
	kill(child, SIGKILL);
	end(child, SIGKILL);

	child = begin(wait_for_a_signal);
	kill(child, SIGTERM);
	end(child, SIGTERM);

	child = begin(dump_core);
	know_coredump(child, self);
	end(child, SIGABRT);

	child = begin(execute);
	know_task(PROC_EVENT_EXEC, child, child);
	end(child, 0);
}

/* vfork(): the parent goes on when the child has executed. */
static void vfork_and_execute(void)
{
	int child = vfork();

	if (!child) {
		execl("/bin/true", "true", NULL);
		_exit(127);
	}
	know_fork(getpid(), child, child);
	know_task(PROC_EVENT_EXEC, child, child);
	end(child, 0);
}

static void write_name(const char *path, const char *name)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (write(fd, name, strlen(name)) < 0)
		_exit(1);
	close(fd);
}

static void change_name(void)
{
	int self = getpid();

	prctl(PR_SET_NAME, "first");
	know_name(self, self, "first");
	prctl(PR_SET_NAME, "a name that is too long");
	know_name(self, self, "a name that is ");
	write_name("/proc/self/comm", "third");
	know_name(self, self, "third");
	prctl(PR_SET_NAME, "");
	know_name(self, self, "");
}

static void change_ids(void)
{
	int self = getpid();

	if (setresgid(-1, OTHER_ID, -1))
		_exit(1);
	know_ids(PROC_EVENT_GID, self, 0, OTHER_ID);
	if (setresuid(-1, OTHER_ID, -1))
		_exit(1);
	know_ids(PROC_EVENT_UID, self, 0, OTHER_ID);
	if (setresuid(-1, 0, -1))
		_exit(1);
	know_ids(PROC_EVENT_UID, self, 0, 0);
	setfsuid(OTHER_ID);
	know_ids(PROC_EVENT_UID, self, 0, 0);
	if (setresgid(OTHER_ID, OTHER_ID, OTHER_ID))
		_exit(1);
	know_ids(PROC_EVENT_GID, self, OTHER_ID, OTHER_ID);
	if (setresuid(OTHER_ID, OTHER_ID, OTHER_ID))
		_exit(1);
	know_ids(PROC_EVENT_UID, self, OTHER_ID, OTHER_ID);
	/* These change nothing. */
	if (setresuid(OTHER_ID, OTHER_ID, OTHER_ID) || setresgid(OTHER_ID, OTHER_ID, OTHER_ID))
		_exit(1);
	/* And these are refused. */
	if (!setresuid(0, 0, 0) || !setresgid(0, 0, 0))
		_exit(1);
}

static void begin_session(void)
{
	int self = getpid();

	if (setsid() != self)
		_exit(1);
	know_task(PROC_EVENT_SID, self, self);
	if (setsid() != -1)
		_exit(1);
}

static void ask_to_be_traced(void)
{
	ptrace(PTRACE_TRACEME, 0, 0, 0);
	_exit(0);
}

static void trace_others(void)
{
	int self = getpid(), child = begin(wait_for_a_signal);

	if (ptrace(PTRACE_ATTACH, child, 0, 0))
		_exit(1);
	know_tracer(child, self);
	waitpid(child, NULL, __WALL);
	if (ptrace(PTRACE_DETACH, child, 0, 0))
		_exit(1);
	know_tracer(child, 0);
	if (ptrace(PTRACE_SEIZE, child, 0, 0))
		_exit(1);
	know_tracer(child, self);
	/* Refused: it is traced already. */
	if (!ptrace(PTRACE_ATTACH, child, 0, 0))
		_exit(1);
	ptrace(PTRACE_INTERRUPT, child, 0, 0);
	waitpid(child, NULL, __WALL);
	if (ptrace(PTRACE_DETACH, child, 0, 0))
		_exit(1);
	know_tracer(child, 0);
	kill(child, SIGKILL);
	end(child, SIGKILL);

	end(begin(ask_to_be_traced), 0);
}

static void *thread_that_takes_a_name(void *parent)
{
	int tid = syscall(SYS_gettid), self = getpid();

	/* The parent of a thread is that of the process. */
	know_fork(*(int *)parent, tid, self);
	prctl(PR_SET_NAME, "thread");
	know_name(tid, self, "thread");
	know_exit(tid, self, 0, *(int *)parent);
	return NULL;
}

static void make_a_thread(void)
{
	int parent = getppid();
	pthread_t thread;

	if (pthread_create(&thread, NULL, thread_that_takes_a_name, &parent))
		_exit(1);
	pthread_join(thread, NULL);
}

static void do_everything(void)
{
	change_name();
	begin_session();
	end_in_each_way();
	vfork_and_execute();
	trace_others();
	make_a_thread();
	change_ids();
	know_task(PROC_EVENT_EXEC, getpid(), getpid());
	execute();
}

static void do_nothing(void)
{
}

/* -- What is told ------------------------------------------------------------- */

static bool is_told(int tgid)
{
	int i;

	for (i = 0; i < told.count; i++)
		if ((uint32_t)told.events[i].what == PROC_EVENT_FORK &&
		    told.events[i].event_data.fork.child_tgid == tgid)
			return true;
	return false;
}

static int process_of(const struct proc_event *e)
{
	return (uint32_t)e->what == PROC_EVENT_FORK ? e->event_data.fork.child_tgid :
						      e->event_data.exec.process_tgid;
}

/* What is told of a process and those that it makes; others, and acknowledgements, are passed over. */
static bool belongs_to(const struct proc_event *e, int root)
{
	return process_of(e) == root || is_told(process_of(e)) ||
	       ((uint32_t)e->what == PROC_EVENT_FORK && is_told(e->event_data.fork.parent_tgid));
}

static bool end_is_told_of(int pid)
{
	int i;

	for (i = 0; i < told.count; i++)
		if (is_exit_of(&told.events[i], pid))
			return true;
	return false;
}

/* When the end of the first one is told, it has noted all that it made. */
static bool all_ends_are_told(int root)
{
	int i;

	if (!end_is_told_of(root))
		return false;
	for (i = 0; i < known->count; i++)
		if ((uint32_t)known->events[i].what == PROC_EVENT_FORK &&
		    !end_is_told_of(known->events[i].event_data.fork.child_pid))
			return false;
	return true;
}

/*
 * Reads what is told of a process and those that it makes, up to the last of their ends: where an end
 * is told after the parent has heard of it, that need not be the parent's.
 */
static int read_story(int fd, int root)
{
	struct process_message m;
	int ret;

	told.count = 0;
	do {
		ret = process_read(fd, &m);
		if (ret)
			return ret;
		if (!belongs_to(&m.event, root))
			continue;
		if (told.count == MOST)
			return -E2BIG;
		told.events[told.count++] = m.event;
	} while (!all_ends_are_told(root));
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
 * A provider may tell of an end when the parent has heard of it already; then the parent's later doings
 * may come first, and the parent is not known any more. What is told of one thread is in order in any case.
 */
static void compare_threads(struct __test_metadata *_metadata, bool with_parent_of_dead)
{
	int i, n;

	EXPECT_EQ(known->count, told.count);
	for (i = 0; i < known->count; i++) {
		int pid = process_subject(&known->events[i]);

		if (&known->events[i] != nth_of(known, pid, 0))
			continue;
		for (n = 0; nth_of(known, pid, n) || nth_of(&told, pid, n); n++) {
			const struct proc_event *is = nth_of(&told, pid, n);
			struct proc_event *ought = (struct proc_event *)nth_of(known, pid, n);
			struct proc_event lenient;

			if (ought && is && is_exit_of(is, pid) && !with_parent_of_dead &&
			    !is->event_data.exit.parent_pid) {
				lenient = *ought;
				lenient.event_data.exit.parent_pid = 0;
				lenient.event_data.exit.parent_tgid = 0;
				ought = &lenient;
			}
			EXPECT_TRUE(ought && is && is_same(ought, is)) {
				if (ought)
					show(_metadata, "known", ought);
				if (is)
					show(_metadata, "told ", is);
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
	SKIP_WITHOUT_PROCESS_EVENTS();
	known = mmap(NULL, sizeof(*known), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
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
FIXTURE_VARIANT_ADD(events, ends) { end_in_each_way };
FIXTURE_VARIANT_ADD(events, vfork) { vfork_and_execute };
FIXTURE_VARIANT_ADD(events, names) { change_name };
FIXTURE_VARIANT_ADD(events, ids) { change_ids };
FIXTURE_VARIANT_ADD(events, session) { begin_session };
FIXTURE_VARIANT_ADD(events, ptrace) { trace_others };
FIXTURE_VARIANT_ADD(events, thread) { make_a_thread };
FIXTURE_VARIANT_ADD(events, everything) { do_everything };

/* The child waits, so that it does nothing before its own start is noted. */
static int tell_story(const FIXTURE_VARIANT(events) *variant, int fd)
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

TEST_F(events, each_thread_is_told_of_in_order)
{
	ASSERT_EQ(0, tell_story(variant, self->fd));
	compare_threads(_metadata, false);
}

TEST_F(events, all_are_told_in_order_and_with_their_parents)
{
	int i;

	ASSERT_EQ(0, tell_story(variant, self->fd));
	compare_threads(_metadata, true);
	for (i = 0; i < known->count && i < told.count; i++) {
		EXPECT_TRUE(is_same(&known->events[i], &told.events[i])) {
			TH_LOG("event %d", i);
			show(_metadata, "known", &known->events[i]);
			show(_metadata, "told ", &told.events[i]);
			break;
		}
	}
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
	/* What comes of them. */
	uint32_t told;
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
FIXTURE_VARIANT_ADD(filter, unknown_is_passed_over) { 0x400 | PROC_EVENT_EXEC, PROC_EVENT_EXEC };

FIXTURE_SETUP(filter)
{
	uint32_t number = process_number();

	SKIP_WITHOUT_PROCESS_EVENTS();
	known = mmap(NULL, sizeof(*known), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, known);
	self->all = process_open(0);
	ASSERT_LE(0, self->all);
	self->fd = cn_open_in_group(CN_IDX_PROC);
	ASSERT_LE(0, self->fd);
	/* Not every provider acknowledges a request with a filter. */
	ASSERT_LT(0, process_filtered(self->fd, PROC_CN_MCAST_LISTEN, variant->events, number, number));
}

FIXTURE_TEARDOWN(filter)
{
	close(self->fd);
	close(self->all);
	munmap(known, sizeof(*known));
}

static bool passes(const struct proc_event *e, uint32_t events, uint32_t told)
{
	if ((events & PROC_EVENT_NONZERO_EXIT) && (uint32_t)e->what == (uint32_t)PROC_EVENT_EXIT &&
	    e->event_data.exit.exit_code)
		return true;
	return (uint32_t)e->what & told;
}

/* What was told to who gets everything, as it ought to be told through the filter. */
static void know_what_passes(uint32_t events, uint32_t kinds)
{
	int i;

	known->count = 0;
	for (i = 0; i < told.count; i++)
		if (passes(&told.events[i], events, kinds))
			known->events[known->count++] = told.events[i];
}

/* Two processors may tell two listeners of two threads in two orders; that of one thread is the same. */
static void compare_with_known(struct __test_metadata *_metadata, const struct story *passed)
{
	int i;

	EXPECT_EQ(known->count, passed->count);
	for (i = 0; i < known->count; i++) {
		const struct proc_event *ought = &known->events[i], *is;
		int k, n = 0, pid = process_subject(ought);

		for (k = 0; k < i; k++)
			n += process_subject(&known->events[k]) == pid;
		is = nth_of(passed, pid, n);
		EXPECT_TRUE(is && is_same(ought, is)) {
			show(_metadata, "all   ", ought);
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

	ASSERT_EQ(0, tell_story(&everything, self->all));
	know_what_passes(variant->events, variant->told);
	while (!(ret = process_read_within(self->fd, &m, passed.count < known->count ? CN_TIMEOUT_MS :
								      CN_SILENCE_MS))) {
		/* Of others, and the acknowledgement. */
		if (!is_told(process_of(&m.event)))
			continue;
		ASSERT_GT(MOST, passed.count);
		passed.events[passed.count++] = m.event;
	}
	ASSERT_EQ(-ETIMEDOUT, ret);
	compare_with_known(_metadata, &passed);
}

/* -- The message ------------------------------------------------------------------ */

FIXTURE(message)
{
	int fd;
	struct process_message m;
};

FIXTURE_SETUP(message)
{
	SKIP_WITHOUT_PROCESS_EVENTS();
	self->fd = process_open(0);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(message)
{
	close(self->fd);
}

TEST_F(message, header_is_as_programs_expect)
{
	process_make(0);
	ASSERT_EQ(0, process_read(self->fd, &self->m));
	EXPECT_EQ(76, self->m.header.nlmsg_len);
	EXPECT_EQ(NLMSG_DONE, self->m.header.nlmsg_type);
	EXPECT_EQ(0, self->m.header.nlmsg_flags);
	EXPECT_EQ(self->m.message.seq, self->m.header.nlmsg_seq);
	EXPECT_EQ(0, self->m.header.nlmsg_pid);
	EXPECT_EQ(1, self->m.message.id.idx);
	EXPECT_EQ(1, self->m.message.id.val);
	EXPECT_EQ(0, self->m.message.ack);
	EXPECT_EQ(40, self->m.message.len);
	EXPECT_EQ(0, self->m.message.flags);
	EXPECT_EQ(0, self->m.from.nl_pid);
	EXPECT_EQ(1 << (CN_IDX_PROC - 1), self->m.from.nl_groups);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

TEST_F(message, time_is_that_of_the_event)
{
	uint64_t before = now_ns(), after;
	int pid = process_make(0);

	after = now_ns();
	do {
		ASSERT_EQ(0, process_read(self->fd, &self->m));
	} while (process_subject(&self->m.event) != pid);
	EXPECT_LE(before, self->m.event.timestamp_ns);
	EXPECT_GE(after, self->m.event.timestamp_ns);
}

/* A listener that gets everything finds no gap, on any processor. */
TEST_F(message, numbers_of_a_processor_have_no_gap)
{
	uint32_t next[64];
	bool seen[64] = {};
	int i, cpu, counted = 0;

	for (i = 0; i < 50; i++) {
		cpu_set_t one;

		CPU_ZERO(&one);
		CPU_SET(i % 2, &one);
		sched_setaffinity(0, sizeof(one), &one);
		process_make(0);
	}
	while (!process_read_within(self->fd, &self->m, CN_SILENCE_MS * CN_SLOWNESS)) {
		if ((uint32_t)self->m.event.what == PROC_EVENT_NONE)
			continue;
		cpu = self->m.event.cpu;
		ASSERT_GT(64, (uint32_t)cpu);
		if (seen[cpu])
			EXPECT_EQ(next[cpu], self->m.message.seq);
		seen[cpu] = true;
		next[cpu] = self->m.message.seq + 1;
		counted++;
	}
	EXPECT_LE(100, counted);
}

TEST_F(message, processor_is_that_of_the_event)
{
	cpu_set_t one;
	int i, pid;

	for (i = 0; i < 2; i++) {
		CPU_ZERO(&one);
		CPU_SET(i, &one);
		if (sched_setaffinity(0, sizeof(one), &one))
			continue;
		pid = process_make(0);
		do {
			ASSERT_EQ(0, process_read(self->fd, &self->m));
		} while (process_subject(&self->m.event) != pid);
		EXPECT_EQ(i, self->m.event.cpu);
	}
}

/* -- The acknowledgement -------------------------------------------------------------- */

TEST_F(message, acknowledgement_of_a_request)
{
	uint32_t zeroes[6] = {};

	ASSERT_LT(0, process_operation(self->fd, PROC_CN_MCAST_LISTEN, 17, 0x4711));
	do {
		ASSERT_EQ(0, process_read(self->fd, &self->m));
	} while ((uint32_t)self->m.event.what != PROC_EVENT_NONE);
	EXPECT_EQ(0x4712, self->m.message.ack);
	EXPECT_EQ(0, self->m.message.flags);
	EXPECT_EQ(0, self->m.header.nlmsg_flags);
	EXPECT_EQ(0, memcmp(zeroes, &self->m.event.event_data, sizeof(zeroes)));
}

TEST_F(message, acknowledgement_is_sent_to_one_socket)
{
	ASSERT_LT(0, process_operation(self->fd, PROC_CN_MCAST_LISTEN, 17, 0x4711));
	do {
		ASSERT_EQ(0, process_read(self->fd, &self->m));
	} while ((uint32_t)self->m.event.what != PROC_EVENT_NONE);
	EXPECT_EQ(0, self->m.from.nl_pid);
	EXPECT_EQ(0, self->m.from.nl_groups);
}

TEST_F(message, acknowledgement_takes_no_number)
{
	ASSERT_LT(0, process_operation(self->fd, PROC_CN_MCAST_LISTEN, 17, 0x4711));
	do {
		ASSERT_EQ(0, process_read(self->fd, &self->m));
	} while ((uint32_t)self->m.event.what != PROC_EVENT_NONE);
	EXPECT_EQ(17, self->m.message.seq);
	EXPECT_EQ(17, self->m.header.nlmsg_seq);
	EXPECT_EQ(UINT32_MAX, self->m.event.cpu);
}

TEST_HARNESS_MAIN
