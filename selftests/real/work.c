// SPDX-License-Identifier: GPL-2.0
/*
 * Causes the events that listeners to process events receive. Prints its actions in order, one in a
 * line:
 *
 *   fork <parent> <child>, exec <pid>, comm <pid> <name>, uid <pid> <real> <effective>,
 *   gid likewise, sid <pid>, ptrace <pid> <tracer> (0: none), exit <pid> <status> as in wait(2)
 *
 *   work [file]   with the output of a listener. forkstat reads more about a process in /proc, and
 *                 takes an exiting one for a thread; so processes wait for their lines there.
 *                 Without a file no process waits.
 */
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINE(...) dprintf(STDOUT_FILENO, __VA_ARGS__)

enum { LOOKS_PER_SECOND = 100, PATIENCE = 60 * LOOKS_PER_SECOND };

static const char *shown_in;

/* The number of lines of the listener that name the process. */
static int lines_of(pid_t pid)
{
	FILE *file = fopen(shown_in, "r");
	char line[512], word[16];
	int lines = 0;

	if (!file)
		err(1, "%s", shown_in);
	snprintf(word, sizeof(word), " %d ", pid);
	while (fgets(line, sizeof(line), file)) {
		/* The process may be the last word. */
		line[strcspn(line, "\n")] = ' ';
		lines += strstr(line, word) != NULL;
	}
	fclose(file);
	return lines;
}

static void await_lines(pid_t pid, int lines)
{
	for (int look = 0; shown_in && lines_of(pid) < lines; look++) {
		if (look == PATIENCE)
			errx(1, "the listener shows no line %d of process %d", lines, pid);
		usleep(1000000 / LOOKS_PER_SECOND);
	}
}

/* The child does WORK, and exits with its result if it returns. */
static pid_t begin(int (*work)(void))
{
	pid_t parent = getpid(), child;
	int go[2];
	char byte;

	if (pipe(go))
		err(1, "pipe");
	child = fork();
	if (child < 0)
		err(1, "fork");
	if (!child) {
		close(go[1]);
		/* The parent prints its line first, and the listener shows its own. */
		if (read(go[0], &byte, 1) < 0)
			_exit(99);
		_exit(work());
	}
	LINE("fork %d %d\n", parent, child);
	await_lines(child, 1);
	close(go[0]);
	close(go[1]);
	return child;
}

static void await(pid_t child)
{
	int status;

	if (waitpid(child, &status, 0) != child)
		err(1, "waitpid");
	LINE("exit %d %d\n", child, status);
}

static void run(int (*work)(void))
{
	await(begin(work));
}

static int ends_well(void)
{
	return 0;
}

static int ends_badly(void)
{
	return 3;
}

static int is_killed(void)
{
	return raise(SIGKILL);
}

static int executes(void)
{
	LINE("exec %d\n", getpid());
	execl("/bin/busybox", "sh", "-c", "exit 7", NULL);
	return 98;
}

static int changes_name(void)
{
	LINE("comm %d another_name\n", getpid());
	if (prctl(PR_SET_NAME, "another_name"))
		return 1;
	await_lines(getpid(), 2);
	return 0;
}

static int changes_ids(void)
{
	LINE("gid %d 2000 2000\n", getpid());
	LINE("uid %d 1000 1000\n", getpid());
	return setgid(2000) || setuid(1000);
}

static int begins_a_session(void)
{
	LINE("sid %d\n", getpid());
	return setsid() < 0;
}

static int is_traced(void)
{
	pause();
	return 0;
}

static void traces(void)
{
	pid_t child = begin(is_traced);
	int status;

	LINE("ptrace %d %d\n", child, getpid());
	if (ptrace(PTRACE_ATTACH, child, NULL, NULL) || waitpid(child, &status, 0) != child)
		err(1, "PTRACE_ATTACH");
	LINE("ptrace %d 0\n", child);
	if (ptrace(PTRACE_DETACH, child, NULL, NULL))
		err(1, "PTRACE_DETACH");
	kill(child, SIGTERM);
	await(child);
}

int main(int argc, char **argv)
{
	if (argc > 2)
		errx(2, "usage: work [file with a listener's lines]");
	shown_in = argv[1];
	run(ends_well);
	run(ends_badly);
	run(is_killed);
	run(executes);
	run(changes_name);
	run(changes_ids);
	run(begins_a_session);
	traces();
	return 0;
}
