// SPDX-License-Identifier: GPL-2.0
/*
 * Sockets with notification requests are closed, or their owner is killed, or executes another
 * program. None of the requests is left. Otherwise there is no room for the next ones.
 *
 *   storm_owners <requests>
 */
#include <signal.h>
#include <sys/wait.h>

#include "../cn_module.h"
#include "../cn_notify.h"

#define IDX 25
#define CHILDREN (MAX_IN_ALL / MAX_PER_SOCKET)

enum { CLOSE, KILL, EXEC, WAYS };

/* All that one socket may have. */
static int fill(int fd)
{
	int i, err = fd < 0 ? fd : 0;

	for (i = 0; i < MAX_PER_SOCKET && !err; i++)
		err = notify_one(fd, EVENTS, IDX, i);
	return err;
}

static void be_owner(int way, int report)
{
	int fd = cn_open_in_group(0);
	char ok = !fill(fd);

	if (way == CLOSE)
		close(fd);
	if (write(report, &ok, 1) != 1)
		_exit(1);
	if (way == EXEC)
		execl("/bin/busybox", "true", NULL);
	if (way == KILL)
		pause();
	_exit(0);
}

/*
 * Children make as many requests as the limit allows, and end. Returns the number of refused
 * requests.
 */
static int one_round(int round)
{
	pid_t children[CHILDREN];
	int report[2], i, failed = 0;
	char ok;

	if (pipe(report))
		return 1;
	for (i = 0; i < CHILDREN; i++) {
		children[i] = fork();
		if (!children[i])
			be_owner((round + i) % WAYS, report[1]);
	}
	for (i = 0; i < CHILDREN; i++)
		failed += read(report[0], &ok, 1) != 1 || !ok;
	for (i = 0; i < CHILDREN; i++)
		if ((round + i) % WAYS == KILL)
			kill(children[i], SIGKILL);
	for (i = 0; i < CHILDREN; i++)
		waitpid(children[i], NULL, 0);
	close(report[0]);
	close(report[1]);
	return failed;
}

int main(int argc, char **argv)
{
	int fds[CHILDREN + 1], i, rounds, failed = 0, left = 0, last;

	if (argc != 2) {
		printf("usage: storm_owners <requests>\n");
		return 1;
	}
	rounds = (atoi(argv[1]) + MAX_IN_ALL - 1) / MAX_IN_ALL;
	for (i = 0; i < rounds; i++)
		failed += one_round(i);
	/* As many as there may be, and not one more. */
	for (i = 0; i <= CHILDREN; i++)
		fds[i] = cn_open_in_group(0);
	for (i = 0; i < CHILDREN; i++)
		left += fill(fds[i]) != 0;
	last = notify_one(fds[CHILDREN], EVENTS, IDX, 1);
	for (i = 0; i <= CHILDREN; i++)
		close(fds[i]);
	printf("%d requests closed, killed, executed; %d sockets refused, %d left, the limit says %d\n",
	       rounds * MAX_IN_ALL, failed, left, last);
	return failed || left || last != -ENOSPC;
}
