/* SPDX-License-Identifier: GPL-2.0 */
/*
 * User side of process events for the tests: requests for events, and reading them. Independent of
 * the provider.
 */
#ifndef CN_PROCESS_H
#define CN_PROCESS_H

#include <linux/cn_proc.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "cn_needs.h"

/* The length of a message with an event. */
#define PROCESS_MESSAGE (CN_HEADERS + sizeof(struct proc_event))

/* Only our module has this file. */
#define PROCESS_FILE "/proc/net/cn_proc"

/* Does the file have a line with this beginning? */
static inline bool process_file_has(const char *line)
{
	char *text = read_file(PROCESS_FILE);
	bool has = text && find_line(text, line);

	free(text);
	return has;
}

/* For tests of features that only our module has. */
#define SKIP_WITHOUT_PROCESS_FILE() do { \
	if (access(PROCESS_FILE, F_OK)) \
		SKIP(return, "not a feature of the kernel's own provider"); \
} while (0)

static inline bool process_events_are_provided(void)
{
	char *text = read_file("/proc/net/connector");
	bool found = text && find_line(text, "cn_proc ");

	free(text);
	return found;
}

/* Process events from either provider: the kernel itself, or our module. */
#define CN_NEEDS_PROCESS_EVENTS() \
	CN_NEEDS_LIST(process_events_are_provided() && !module_is_loaded("cn_proc") ? \
		      (const char * const []){ NULL } : \
		      ((const char * const []){ "cn_proc", NULL }))

/* Can the provider report this event? Our module lists its events on this kernel. */
static inline bool process_events_have(const char *kind)
{
	char *text = read_file(PROCESS_FILE);
	const char *line = text ? find_line(text, "available ") : NULL;
	const char *end = line ? strchr(line, '\n') : NULL;
	bool found = !text;

	if (line && end)
		found = memmem(line, end - line, kind, strlen(kind));
	free(text);
	return found;
}

/* -- Asking --------------------------------------------------------------- */

/* Sends a payload to the provider; the number of bytes or an error. */
static inline int process_ask(int fd, const void *payload, size_t len, uint32_t seq, uint32_t ack)
{
	struct cn_packet p = {
		.id = { CN_IDX_PROC, CN_VAL_PROC },
		.seq = seq,
		.ack = ack,
		.data = payload,
		.data_len = len,
	};

	return cn_send(fd, &p);
}

static inline int process_operation(int fd, uint32_t operation, uint32_t seq, uint32_t ack)
{
	return process_ask(fd, &operation, sizeof(operation), seq, ack);
}

static inline int process_filtered(int fd, uint32_t operation, uint32_t events, uint32_t seq,
				   uint32_t ack)
{
	struct proc_input input = { operation, events };

	return process_ask(fd, &input, sizeof(input), seq, ack);
}

/* -- Reading -------------------------------------------------------------- */

struct process_message {
	struct nlmsghdr header;
	struct cn_msg message;
	struct proc_event event;
	struct sockaddr_nl from;
};

/* Waits for one message; 0, -ETIMEDOUT, -EBADMSG if it is not an event, or an error. */
static inline int process_read_within(int fd, struct process_message *m, int timeout_ms)
{
	union {
		struct nlmsghdr header;
		uint8_t bytes[512];
	} datagram;
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	struct iovec iov = { &datagram, sizeof(datagram) };
	struct msghdr msg = {
		.msg_name = &m->from,
		.msg_namelen = sizeof(m->from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	ssize_t len;
	int ret;

	memset(&datagram, 0xa5, sizeof(datagram));
	ret = poll(&pfd, 1, timeout_ms);
	if (ret <= 0)
		return ret ? -errno : -ETIMEDOUT;
	len = recvmsg(fd, &msg, MSG_DONTWAIT);
	if (len < 0)
		return -errno;
	if (len != PROCESS_MESSAGE)
		return -EBADMSG;
	m->header = datagram.header;
	memcpy(&m->message, datagram.bytes + NLMSG_HDRLEN, sizeof(m->message));
	memcpy(&m->event, datagram.bytes + CN_HEADERS, sizeof(m->event));
	if (m->header.nlmsg_len != PROCESS_MESSAGE || m->header.nlmsg_type != NLMSG_DONE ||
	    m->message.id.idx != CN_IDX_PROC || m->message.id.val != CN_VAL_PROC ||
	    m->message.len != sizeof(struct proc_event))
		return -EBADMSG;
	return 0;
}

static inline int process_read(int fd, struct process_message *m)
{
	return process_read_within(fd, m, cn_timeout());
}

/*
 * Waits for the acknowledgement with this number, and skips other messages. Returns the error that
 * it holds, or one of process_read().
 */
static inline int process_acknowledged(int fd, uint32_t ack)
{
	struct process_message m;
	int ret;

	do {
		ret = process_read(fd, &m);
		if (ret)
			return ret;
	} while (m.event.what != PROC_EVENT_NONE || m.message.ack != ack);
	return -(int)m.event.event_data.ack.err;
}

/* A number for each request, so that its acknowledgement is known. */
static inline uint32_t process_number(void)
{
	static uint32_t last;

	return ((uint32_t)getpid() << 8) + ++last;
}

/* Asks, and waits for the acknowledgement. */
static inline int process_listen_to(int fd, uint32_t events)
{
	uint32_t number = process_number();
	int ret = process_filtered(fd, PROC_CN_MCAST_LISTEN, events, number, number);

	return ret < 0 ? ret : process_acknowledged(fd, number + 1);
}

static inline int process_listen(int fd)
{
	uint32_t number = process_number();
	int ret = process_operation(fd, PROC_CN_MCAST_LISTEN, number, number);

	return ret < 0 ? ret : process_acknowledged(fd, number + 1);
}

/* Not waited for: not every provider acknowledges this. */
static inline int process_ignore(int fd)
{
	return process_operation(fd, PROC_CN_MCAST_IGNORE, 0, 0);
}

/* A socket that listens to some events (0: to all); or an error. */
static inline int process_open(uint32_t events)
{
	int fd = cn_open_in_group(CN_IDX_PROC);
	int ret;

	if (fd < 0)
		return fd;
	ret = events ? process_listen_to(fd, events) : process_listen(fd);
	if (ret) {
		close(fd);
		return ret;
	}
	return fd;
}

/* The provider's answer to the sender of a request; 1 for no answer. */
static inline int process_answer(int fd, uint32_t ack)
{
	struct process_message m;
	int ret;

	while (!(ret = process_read_within(fd, &m, cn_pause())))
		if (m.event.what == PROC_EVENT_NONE && m.message.ack == ack)
			return -(int)m.event.event_data.ack.err;
	return ret == -ETIMEDOUT ? 1 : ret;
}

static inline int process_try(int fd, uint32_t operation)
{
	uint32_t number = process_number();
	int ret = process_operation(fd, operation, number, number);

	return ret < 0 ? ret : process_answer(fd, number + 1);
}

/* -- The subject of an event ----------------------------------------------- */

/* The thread that an event is about; for a fork, the new one. */
static inline int process_subject(const struct proc_event *e)
{
	switch ((uint32_t)e->what) {
	case PROC_EVENT_NONE:
		return 0;
	case PROC_EVENT_FORK:
		return e->event_data.fork.child_pid;
	default:
		return e->event_data.exec.process_pid;
	}
}

static inline bool is_exit_of(const struct proc_event *e, int pid)
{
	return (uint32_t)e->what == (uint32_t)PROC_EVENT_EXIT && process_subject(e) == pid;
}

/* -- A little work ---------------------------------------------------------- */

/* Forks a process that ends at once with this code; its number. */
static inline int process_make(int code)
{
	int pid = fork();

	if (!pid)
		_exit(code);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return pid;
}

/* Reads up to the end of a thread; 0 or an error. */
static inline int process_wait_for_end(int fd, int pid)
{
	struct process_message m;
	int ret;

	do {
		ret = process_read(fd, &m);
	} while (!ret && !is_exit_of(&m.event, pid));
	return ret;
}

/*
 * The status of a child, or the negative number of the signal that killed it. -EAGAIN if the child
 * can't be reaped yet.
 */
static inline int process_reap_now(int pid)
{
	int status, ret = waitpid(pid, &status, WNOHANG);

	if (ret <= 0)
		return ret ? -errno : -EAGAIN;
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/*
 * Counts the events about one thread that a socket receives, up to the thread's end. Where the
 * provider does not report that, it counts up to a period of silence. -1 for an error.
 */
static inline int process_count(int fd, int pid)
{
	struct process_message m;
	int count = 0, ret;

	for (;;) {
		ret = process_read_within(fd, &m, cn_pause());
		if (ret == -ETIMEDOUT)
			return count;
		if (ret)
			return -1;
		if (process_subject(&m.event) == pid)
			count++;
	}
}

/* Does a socket receive events of processes that are created now? */
static inline bool process_hears(int fd)
{
	return process_count(fd, process_make(0)) > 0;
}

#endif
