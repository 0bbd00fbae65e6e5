/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Processes that cause all kinds of events, and record them.
 */
#ifndef CN_WORKLOAD_H
#define CN_WORKLOAD_H

#include <fcntl.h>
#include <pthread.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "cn_process.h"

#define OTHER_ID 1000
#define MOST 128

/* Events in order: recorded by the processes themselves, or received. */
struct story {
	int count;
	struct proc_event events[MOST];
};

/* Written by all processes of a test, one at a time. */
static struct story *known;

/* Can the provider report this event on this kernel? */
static inline bool can_be_reported(uint32_t what)
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

static inline struct proc_event *know(uint32_t what)
{
	struct proc_event *e = &known->events[known->count];

	if (known->count < MOST - 1 && can_be_reported(what))
		known->count++;
	memset(e, 0, sizeof(*e));
	e->what = what;
	return e;
}

static inline void know_fork(int parent, int child_pid, int child_tgid)
{
	struct fork_proc_event *e = &know(PROC_EVENT_FORK)->event_data.fork;

	e->parent_pid = e->parent_tgid = parent;
	e->child_pid = child_pid;
	e->child_tgid = child_tgid;
}

static inline void know_task(uint32_t what, int pid, int tgid)
{
	struct exec_proc_event *e = &know(what)->event_data.exec;

	e->process_pid = pid;
	e->process_tgid = tgid;
}

static inline void know_ids(uint32_t what, int pid, uint32_t real, uint32_t effective)
{
	struct id_proc_event *e = &know(what)->event_data.id;

	e->process_pid = e->process_tgid = pid;
	e->r.ruid = real;
	e->e.euid = effective;
}

static inline void know_name(int pid, int tgid, const char *name)
{
	struct comm_proc_event *e = &know(PROC_EVENT_COMM)->event_data.comm;
	int i;

	e->process_pid = pid;
	e->process_tgid = tgid;
	for (i = 0; i < sizeof(e->comm) - 1 && name[i]; i++)
		e->comm[i] = name[i];
}

static inline void know_tracer(int pid, int tracer)
{
	struct ptrace_proc_event *e = &know(PROC_EVENT_PTRACE)->event_data.ptrace;

	e->process_pid = e->process_tgid = pid;
	e->tracer_pid = e->tracer_tgid = tracer;
}

static inline void know_coredump(int pid, int parent)
{
	struct coredump_proc_event *e = &know(PROC_EVENT_COREDUMP)->event_data.coredump;

	e->process_pid = e->process_tgid = pid;
	e->parent_pid = e->parent_tgid = parent;
}

static inline void know_exit(int pid, int tgid, uint32_t code, int parent)
{
	struct exit_proc_event *e = &know(PROC_EVENT_EXIT)->event_data.exit;

	e->process_pid = pid;
	e->process_tgid = tgid;
	e->exit_code = code;
	e->exit_signal = pid == tgid ? SIGCHLD : -1;
	e->parent_pid = e->parent_tgid = parent;
}

/* -- Actions of the processes ---------------------------------------------- */

/* A child that does something and ends. */
static inline int begin(void (*work)(void))
{
	int parent = getpid(), child = fork();

	if (!child) {
		work();
		_exit(0);
	}
	know_fork(parent, child, child);
	return child;
}

static inline void end(int child, uint32_t code)
{
	know_exit(child, child, code, getpid());
	waitpid(child, NULL, 0);
}

static inline void exit_with_code(void)
{
	_exit(3);
}

static inline void wait_for_a_signal(void)
{
	for (;;)
		pause();
}

static inline void dump_core(void)
{
	struct rlimit none = {};

	setrlimit(RLIMIT_CORE, &none);
	abort();
}

static inline void execute(void)
{
	execl("/bin/true", "true", NULL);
	_exit(127);
}

static inline void end_in_each_way(void)
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

/* vfork(): the parent continues when the child has executed. */
static inline void vfork_and_execute(void)
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

static inline void write_name(const char *path, const char *name)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (write(fd, name, strlen(name)) < 0)
		_exit(1);
	close(fd);
}

static inline void change_name(void)
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

static inline void change_ids(void)
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

static inline void begin_session(void)
{
	int self = getpid();

	if (setsid() != self)
		_exit(1);
	know_task(PROC_EVENT_SID, self, self);
	if (setsid() != -1)
		_exit(1);
}

static inline void ask_to_be_traced(void)
{
	ptrace(PTRACE_TRACEME, 0, 0, 0);
	_exit(0);
}

static inline void trace_others(void)
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

static inline void *thread_that_takes_a_name(void *parent)
{
	int tid = syscall(SYS_gettid), self = getpid();

	/* The parent of a thread is that of the process. */
	know_fork(*(int *)parent, tid, self);
	prctl(PR_SET_NAME, "thread");
	know_name(tid, self, "thread");
	know_exit(tid, self, 0, *(int *)parent);
	return NULL;
}

static inline void make_a_thread(void)
{
	int parent = getppid();
	pthread_t thread;

	if (pthread_create(&thread, NULL, thread_that_takes_a_name, &parent))
		_exit(1);
	pthread_join(thread, NULL);
}

static inline void do_everything(void)
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

static inline void do_nothing(void)
{
}

#endif
