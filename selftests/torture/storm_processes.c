// SPDX-License-Identifier: GPL-2.0
/*
 * Many short processes, and four listeners: one that reads everything at once, one that is slow and
 * has a small buffer, one with a filter, and one that registers and unregisters in every way. For
 * each listener, the received and the lost events are together the sent ones, and those are the
 * events that occurred.
 *
 *   storm_processes <processes>
 */
#include <pthread.h>

#include "../cn_process.h"

#ifndef SO_RCVBUFFORCE
#define SO_RCVBUFFORCE 33
#endif

#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif
#define MEMINFO_DROPS 8
#define MEMINFO_VARS 9

#define WORKERS 2
#define PROCESSORS 64
/* More than there can be. */
#define PIDS (1 << 22)

struct listener {
	const char *name;
	uint32_t events;
	int fd;
	bool is_slow;
	/* The listener has left the group and will receive nothing more. */
	int has_left;
	pthread_t thread;
	/*
	 * Events of the processes of the storm; `others` has all other messages, acknowledgements
	 * included.
	 */
	unsigned long long forks, ends, failures, others;
	unsigned long long overruns, gaps, wrong;
	uint32_t next[PROCESSORS];
	bool seen[PROCESSORS];
	/*
	 * The processes of the storm. An end may be reported when its process has no parent any
	 * more.
	 */
	bool *is_ours;
	/*
	 * The values in /proc, and of the socket, since the file omits sockets that have left the
	 * group.
	 */
	unsigned long long sent, no_memory, dropped;
};

static struct listener fast = { "fast", PROC_EVENT_ALL };
static struct listener slow = { "slow", PROC_EVENT_ALL, .is_slow = true };
static struct listener filtered = { "filtered", PROC_EVENT_FORK | PROC_EVENT_NONZERO_EXIT };
static int over;
static int workers[WORKERS];

static void fail(const char *what)
{
	printf("%s: %s\n", what, strerror(errno));
	exit(1);
}

static bool is_worker(int tgid)
{
	int i;

	for (i = 0; i < WORKERS; i++)
		if (workers[i] == tgid)
			return true;
	return false;
}

static unsigned long long received_by(const struct listener *l)
{
	return l->forks + l->ends + l->others;
}

/* Of a fork. */
static bool begins(struct listener *l, const struct proc_event *e)
{
	bool is_ours = is_worker(e->event_data.fork.parent_tgid);

	if (l->is_ours)
		l->is_ours[e->event_data.fork.child_pid % PIDS] = is_ours;
	return is_ours;
}

/* Of an end. */
static bool is_over(const struct listener *l, const struct proc_event *e)
{
	return l->is_ours && l->is_ours[e->event_data.exit.process_pid % PIDS];
}

static void count_message(struct listener *l, const struct process_message *m)
{
	const struct proc_event *e = &m->event;
	uint32_t cpu = e->cpu;

	if ((uint32_t)e->what == PROC_EVENT_FORK && begins(l, e)) {
		l->forks++;
	} else if ((uint32_t)e->what == (uint32_t)PROC_EVENT_EXIT && is_over(l, e)) {
		l->ends++;
		l->failures += e->event_data.exit.exit_code != 0;
	} else {
		l->others++;
	}
	if ((uint32_t)e->what == PROC_EVENT_NONE)
		return;
	if (cpu >= PROCESSORS) {
		l->wrong++;
		return;
	}
	if (l->seen[cpu])
		l->gaps += m->message.seq - l->next[cpu];
	l->seen[cpu] = true;
	l->next[cpu] = m->message.seq + 1;
}

static uint32_t drops_of(const struct listener *l)
{
	uint32_t meminfo[MEMINFO_VARS] = {};
	socklen_t size = sizeof(meminfo);

	if (getsockopt(l->fd, SOL_SOCKET, SO_MEMINFO, meminfo, &size))
		fail("asking for drops");
	return meminfo[MEMINFO_DROPS];
}

/* Reads nothing before one more message is lost, on both fast and slow machines. */
static void be_slow(const struct listener *l)
{
	uint32_t before = drops_of(l);

	while (drops_of(l) == before && !__atomic_load_n(&over, __ATOMIC_ACQUIRE))
		usleep(5000);
}

/* Until it has left the group and its buffer is empty. */
static void *listen_to(void *arg)
{
	struct listener *l = arg;
	struct process_message m;
	int ret, has_left, count = 0;

	for (;;) {
		has_left = __atomic_load_n(&l->has_left, __ATOMIC_ACQUIRE);
		ret = process_read_within(l->fd, &m, 20);
		if (ret == -ETIMEDOUT) {
			if (has_left)
				return NULL;
		} else if (ret == -ENOBUFS) {
			l->overruns++;
		} else if (ret) {
			l->wrong++;
		} else {
			count_message(l, &m);
			if (l->is_slow && ++count % 16 == 0)
				be_slow(l);
		}
	}
}

static void read_account(struct listener *l)
{
	char *text = read_file(PROCESS_FILE), start[32];
	const char *line;

	snprintf(start, sizeof(start), "listener port %u ", cn_port(l->fd));
	line = text ? find_line(text, start) : NULL;
	line = line ? strstr(line, " sent ") : NULL;
	if (!line || sscanf(line, " sent %llu no_memory %llu", &l->sent, &l->no_memory) != 2)
		fail("the file does not name a listener");
	l->dropped = drops_of(l);
	free(text);
}

static void open_socket(struct listener *l, int size)
{
	l->fd = cn_open_in_group(CN_IDX_PROC);
	if (l->fd < 0 || setsockopt(l->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		fail("opening a socket");
}

/* Its acknowledgement is received as any other message. */
static void ask(struct listener *l)
{
	if (process_filtered(l->fd, PROC_CN_MCAST_LISTEN, l->events, 1, 1) < 0)
		fail("listening");
}

static void begin_to_read(struct listener *l)
{
	l->is_ours = calloc(PIDS, sizeof(*l->is_ours));
	if (!l->is_ours)
		fail("memory");
	if (pthread_create(&l->thread, NULL, listen_to, l))
		fail("a thread");
}

static void begin(struct listener *l, int size)
{
	open_socket(l, size);
	ask(l);
	begin_to_read(l);
}

/* After this nothing is sent to it, and nothing is on its way. */
static void leave(struct listener *l)
{
	if (cn_leave(l->fd, CN_IDX_PROC))
		fail("leaving the group");
}

static int end(struct listener *l)
{
	int wrong = 0;

	__atomic_store_n(&l->has_left, 1, __ATOMIC_RELEASE);
	pthread_join(l->thread, NULL);
	read_account(l);
	printf("# %s: received %llu (%llu forks, %llu ends, %llu others), dropped %llu, no memory %llu, sent %llu, gaps %llu, overruns %llu\n",
	       l->name, received_by(l), l->forks, l->ends, l->others, l->dropped, l->no_memory,
	       l->sent, l->gaps, l->overruns);
	if (received_by(l) + l->dropped != l->sent) {
		printf("%s: received and dropped do not add up to sent\n", l->name);
		wrong++;
	}
	if (l->wrong) {
		printf("%s: %llu messages are not as expected\n", l->name, l->wrong);
		wrong++;
	}
	/* A listener without a filter sees each loss, except the last ones, as a gap. */
	if (l->events == PROC_EVENT_ALL && l->gaps > l->dropped + l->no_memory) {
		printf("%s: there are gaps that no counter has\n", l->name);
		wrong++;
	}
	return wrong;
}

/* -- The listener that registers and unregisters ----------------------------------- */

static unsigned long long visits, visits_wrong, ignored;

/* Everything that is there. */
static void read_all(struct listener *l)
{
	struct process_message m;
	int ret;

	while ((ret = process_read_within(l->fd, &m, 0)) != -ETIMEDOUT)
		if (!ret)
			count_message(l, &m);
}

static void expect_account(const struct listener *l, unsigned int how, bool is_right)
{
	if (is_right)
		return;
	printf("visit %u: received %llu, dropped %llu, sent %llu\n", how, received_by(l),
	       l->dropped, l->sent);
	visits_wrong++;
}

static void visit(unsigned int how)
{
	struct listener l = { "guest", PROC_EVENT_ALL };
	struct process_message m;
	int ret, count = 0;

	l.fd = cn_open_in_group(how & 1 ? 0 : CN_IDX_PROC);
	if (l.fd < 0)
		fail("opening a socket");
	ask(&l);
	if (how & 1 && cn_join(l.fd, CN_IDX_PROC))
		fail("joining");
	while (count++ < 50 && !(ret = process_read_within(l.fd, &m, 20)))
		count_message(&l, &m);
	if (how & 2)
		process_filtered(l.fd, PROC_CN_MCAST_LISTEN, PROC_EVENT_EXIT, 1, 1);
	leave(&l);
	read_all(&l);
	read_account(&l);
	expect_account(&l, how, received_by(&l) + l.dropped == l.sent);
	if (how & 4) {
		/*
		 * Requests once more, to ignore while events arrive. After that the file has no
		 * values of the listener. It has received at least the messages sent before, and
		 * the acknowledgement. Messages that are counted as sent may not have arrived until
		 * it has left.
		 */
		if (cn_join(l.fd, CN_IDX_PROC))
			fail("joining");
		read_account(&l);
		if (process_ignore(l.fd) < 0)
			fail("ignoring");
		leave(&l);
		read_all(&l);
		l.dropped = drops_of(&l);
		expect_account(&l, how, received_by(&l) + l.dropped >= l.sent + 1);
		ignored++;
	}
	close(l.fd);
	visits++;
}

/* Until the storm is over, and each way at least once: a short storm leaves no time for all. */
static void *listen_briefly(void *unused)
{
	unsigned int how = 0;

	while (how < 8 || !__atomic_load_n(&over, __ATOMIC_ACQUIRE))
		visit(how++);
	return NULL;
}

/* -- The storm ---------------------------------------------------------------------- */

/* Every third process fails. */
static void work(long processes)
{
	long i;

	for (i = 0; i < processes; i++) {
		int child = fork();

		if (!child)
			_exit(i % 3 == 0);
		if (child < 0 || waitpid(child, NULL, 0) != child)
			_exit(1);
	}
	_exit(0);
}

static int compare(const char *what, unsigned long long is, unsigned long long ought)
{
	if (is == ought)
		return 0;
	printf("%s: %llu, and not %llu\n", what, is, ought);
	return 1;
}

/* The number of events for a listener without a filter. */
static unsigned long long events_for(struct listener *l)
{
	read_account(l);
	return l->sent + l->no_memory;
}

/*
 * The fast listener starts before the slow one and ends after it. In between, both are sent the
 * same events, and the slow one its acknowledgement on top. An event may occur while the slow one
 * starts or stops; then the counts of the fast one before and after that differ.
 */
static int compare_slow(const unsigned long long *at_begin, const unsigned long long *at_end)
{
	unsigned long long least = at_end[0] - at_begin[1], most = at_end[1] - at_begin[0];
	unsigned long long events = slow.sent + slow.no_memory - 1;

	if (least <= events && events <= most)
		return 0;
	printf("slow: %llu events were sent to it, and not %llu to %llu\n", events, least, most);
	return 1;
}

/* Has a listener with a large buffer lost nothing? */
static int lost_nothing(const struct listener *l)
{
	if (!l->dropped && !l->no_memory)
		return 0;
	printf("%s was not fast enough\n", l->name);
	return 1;
}

int main(int argc, char **argv)
{
	long each = (argc > 1 ? atol(argv[1]) : 1000) / WORKERS;
	unsigned long long processes = each * WORKERS, failures = WORKERS * ((each + 2) / 3);
	unsigned long long at_begin[2], at_end[2];
	int i, status, wrong = 0, go[2];
	pthread_t guest;
	char byte;

	if (pipe(go))
		fail("a pipe");
	for (i = 0; i < WORKERS; i++) {
		workers[i] = fork();
		if (!workers[i]) {
			close(go[1]);
			if (read(go[0], &byte, 1) < 0)
				_exit(1);
			work(each);
		}
	}
	begin(&fast, 256 << 20);
	open_socket(&slow, 16 << 10);
	at_begin[0] = events_for(&fast);
	ask(&slow);
	at_begin[1] = events_for(&fast);
	begin_to_read(&slow);
	begin(&filtered, 256 << 20);
	if (pthread_create(&guest, NULL, listen_briefly, NULL))
		fail("a thread");
	/* They begin at the end of the pipe. */
	close(go[1]);
	for (i = 0; i < WORKERS; i++)
		if (waitpid(workers[i], &status, 0) != workers[i] || status)
			fail("a worker has failed");

	__atomic_store_n(&over, 1, __ATOMIC_RELEASE);
	pthread_join(guest, NULL);
	at_end[0] = events_for(&fast);
	leave(&slow);
	at_end[1] = events_for(&fast);
	leave(&fast);
	leave(&filtered);
	wrong += end(&fast) + end(&slow) + end(&filtered);

	if (lost_nothing(&fast)) {
		wrong++;
	} else {
		wrong += compare("fast, forks", fast.forks, processes);
		wrong += compare("fast, ends", fast.ends, processes);
		wrong += compare("fast, failures", fast.failures, failures);
		wrong += compare("fast, gaps", fast.gaps, 0);
	}
	if (lost_nothing(&filtered)) {
		wrong++;
	} else {
		wrong += compare("filtered, forks", filtered.forks, processes);
		wrong += compare("filtered, ends", filtered.ends, failures);
		wrong += compare("filtered, failures", filtered.failures, failures);
	}
	wrong += compare_slow(at_begin, at_end);
	if (!slow.dropped) {
		printf("the slow one was not slow enough\n");
		wrong++;
	}
	wrong += compare("visits with a wrong account", visits_wrong, 0);
	if (!ignored) {
		printf("no visit ended with ignoring\n");
		wrong++;
	}
	printf("%llu processes, %llu lost for the slow one, %llu visits\n", processes, slow.dropped,
	       visits);
	return wrong != 0;
}
