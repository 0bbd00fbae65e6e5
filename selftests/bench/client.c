// SPDX-License-Identifier: GPL-2.0
/*
 * Row "client": the cost of a message for a program. It compares the client crate (crate) with a C
 * program that does the same with the fewest steps (minimal).
 *
 *   request               a request, until its reply is compared
 *   acknowledged-request  the same, with an acknowledgement that is received as well
 *   listen                a message that is queued already, until it is a line of text; for the
 *                         crate, by "cnctl listen"
 *
 * Each program runs with few and with many messages. The difference is the cost of the additional
 * messages.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "socket.h"

#define ROW "client"
#define FEW 100
#define MANY 4100
#define TEXT(number) TEXT_OF(number)
#define TEXT_OF(number) #number

static pid_t start(char **command)
{
	pid_t child = fork();
	int nowhere;

	if (child < 0)
		fail("fork: %s", strerror(errno));
	if (child)
		return child;
	nowhere = open("/dev/null", O_WRONLY);
	dup2(nowhere, STDOUT_FILENO);
	execv(command[0], command);
	fail("%s: %s", command[0], strerror(errno));
}

static void wait_for(pid_t child, const char *name)
{
	int status;

	if (waitpid(child, &status, 0) != child || status)
		fail("%s ended with status %#x", name, status);
}

/* Is there a member of the group, according to the kernel? */
static bool has_listener(uint32_t group)
{
	FILE *file = fopen("/proc/net/netlink", "r");
	unsigned int protocol, groups;
	bool found = false;
	char line[256];

	if (!file)
		fail("/proc/net/netlink: %s", strerror(errno));
	while (!found && fgets(line, sizeof(line), file))
		found = sscanf(line, "%*s %u %*u %x", &protocol, &groups) == 2 &&
			protocol == NETLINK_CONNECTOR && groups & 1u << (group - 1);
	fclose(file);
	return found;
}

/* It is stopped while the messages are sent. */
static uint64_t time_of_listening(char **command, int count, size_t payload)
{
	pid_t child = start(command);
	uint64_t begin;
	int status;

	while (!has_listener(BENCH_IDX)) {
		if (waitpid(child, &status, WNOHANG))
			fail("%s ended with status %#x", command[0], status);
		usleep(1000);
	}
	/* The program is in the group. It needs less than this to begin waiting for messages. */
	usleep(20000);
	if (kill(child, SIGSTOP) || waitpid(child, &status, WUNTRACED) != child)
		fail("stopping %s: %s", command[0], strerror(errno));
	while (count--) {
		uint64_t time;

		ask("bench-client", BENCH_MULTICAST, (struct bench_order){
			.samples = 1, .times = (uintptr_t)&time, .count = 1, .payload = payload,
		});
	}
	begin = now();
	kill(child, SIGCONT);
	wait_for(child, command[0]);
	return now() - begin;
}

/* The instructions, or nanoseconds, of one more message. */
static void report(const char *what, size_t payload, const char *provider, uint64_t few,
		   uint64_t many)
{
	char name[64];

	if (many <= few)
		fail("%s: many messages took no longer than few", what);
	snprintf(name, sizeof(name), "what=%s;payload=%zu", what, payload);
	setenv("CN_PROVIDER", provider, 1);
	print_result(ROW, name, (double)(many - few) / (MANY - FEW), time_unit());
}

static uint64_t time_of_requests(char *program, char *count, size_t payload, char *ack)
{
	char id[32], bytes[16], *command[] = { program, id, count, bytes, ack, NULL };
	uint64_t begin;

	snprintf(id, sizeof(id), "%u:%u", BENCH_IDX, BENCH_ECHO);
	snprintf(bytes, sizeof(bytes), "%zu", payload);
	begin = now();
	wait_for(start(command), program);
	return now() - begin;
}

static void measure_requests(const char *provider, char *program, size_t payload, bool ack)
{
	char *asked = ack ? "yes" : "no";

	report(ack ? "acknowledged-request" : "request", payload, provider,
	       time_of_requests(program, TEXT(FEW), payload, asked),
	       time_of_requests(program, TEXT(MANY), payload, asked));
}

static void measure_listening(size_t payload)
{
	char *group = TEXT(BENCH_IDX), *few = TEXT(FEW), *many = TEXT(MANY);
	char *c[] = { "/bench/minimal_listen", group, few, NULL };
	char *crate[] = { "/bin/cnctl", "listen", "--time", "none", "--buffer", "8388608",
			  "--count", few, group, NULL };
	uint64_t time;

	time = time_of_listening(c, FEW, payload);
	c[2] = many;
	report("listen", payload, "minimal", time, time_of_listening(c, MANY, payload));
	time = time_of_listening(crate, FEW, payload);
	crate[7] = many;
	report("listen", payload, "crate", time, time_of_listening(crate, MANY, payload));
}

int main(void)
{
	static const size_t payloads[] = { 32, 512 };
	unsigned int i;

	ask("bench-client", BENCH_REGISTER, (struct bench_order){ .count = 1 });
	ask("bench-client", BENCH_REGISTER_ECHO, (struct bench_order){ .count = 1 });
	for (i = 0; i < sizeof(payloads) / sizeof(*payloads); i++) {
		measure_requests("minimal", "/bench/minimal_request", payloads[i], false);
		measure_requests("crate", "/examples/many_requests", payloads[i], false);
		measure_requests("minimal", "/bench/minimal_request", payloads[i], true);
		measure_requests("crate", "/examples/many_requests", payloads[i], true);
		measure_listening(payloads[i]);
	}
	ask("bench-client", BENCH_REGISTER_ECHO, (struct bench_order){ .count = 0 });
	return 0;
}
