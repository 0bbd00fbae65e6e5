// SPDX-License-Identifier: GPL-2.0
/*
 * Row "processes": the cost of a process that forks, executes a program and ends, until its parent
 * has waited for it. It is measured without a connector that reports it (the baseline), and with
 * process events. The row also has the longest section with interrupts and bottom halves off.
 *
 *   processes none       without listeners
 *   processes all        one socket listens to everything; it is read between the measurements
 *   processes filtered   one socket listens to ends with a status that is not 0, of which there are
 *                        none
 */
#include <linux/cn_proc.h>
#include <sys/wait.h>

#include "socket.h"
#include "irqs_off.h"

#define ROW "processes"
#define SAMPLES 101

static int listener = -1;

static void drain(int fd)
{
	char byte;

	while (recv(fd, &byte, 1, MSG_DONTWAIT) >= 0 || errno == ENOBUFS)
		;
}

static int listen_to(uint32_t events)
{
	struct {
		struct nlmsghdr netlink;
		struct cn_msg message;
		struct proc_input input;
	} __attribute__((packed)) request = {
		.netlink = { .nlmsg_len = sizeof(request), .nlmsg_type = NLMSG_DONE },
		.message = {
			.id = { CN_IDX_PROC, CN_VAL_PROC },
			.len = sizeof(request.input),
		},
		.input = { PROC_CN_MCAST_LISTEN, events },
	};
	struct sockaddr_nl address = {
		.nl_family = AF_NETLINK,
		.nl_groups = 1 << (CN_IDX_PROC - 1),
	};
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_CONNECTOR);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)))
		fail("listening: %s", strerror(errno));
	address.nl_groups = 0;
	if (sendto(fd, &request, sizeof(request), 0, (struct sockaddr *)&address,
		   sizeof(address)) < 0)
		fail("asking for events: %s", strerror(errno));
	return fd;
}

/* One process. Its events are read after the time is taken. */
static uint64_t measure(void)
{
	uint64_t start = now(), time;
	pid_t child = fork();

	if (child < 0)
		fail("fork: %s", strerror(errno));
	if (!child) {
		execl("/proc/self/exe", "processes", "end", NULL);
		_exit(1);
	}
	if (waitpid(child, NULL, 0) != child)
		fail("waitpid: %s", strerror(errno));
	time = now() - start;
	if (listener >= 0)
		drain(listener);
	return time;
}

static void run_one(void)
{
	measure();
}

int main(int argc, char **argv)
{
	const char *which = argc == 2 ? argv[1] : "";
	uint64_t times[SAMPLES];
	char name[64];
	int i;

	if (!strcmp(which, "end"))
		return 0;
	if (!strcmp(which, "all"))
		listener = listen_to(PROC_EVENT_ALL);
	else if (!strcmp(which, "filtered"))
		listener = listen_to(PROC_EVENT_NONZERO_EXIT);
	else if (strcmp(which, "none"))
		fail("the argument is none, all or filtered");

	measure();
	for (i = 0; i < SAMPLES; i++)
		times[i] = measure();
	snprintf(name, sizeof(name), "listener=%s", which);
	print_result(ROW, provider_is("baseline") ? "-" : name, median(times, SAMPLES),
		     "instructions");
	snprintf(name, sizeof(name), "work=processes_%s", which);
	measure_sections(name, run_one);
	return 0;
}
