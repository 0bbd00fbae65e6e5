// SPDX-License-Identifier: GPL-2.0
/*
 * Row "unregister_sleeping": the time to unregister a callback that is running, and sleeps for 10
 * ms. The C connector does not wait for it.
 */
#include <sys/wait.h>

#include "socket.h"

#define ROW "unregister_sleeping"
#define SAMPLES 11

static uint64_t measure(const struct datagram *datagram)
{
	uint64_t time;
	pid_t sender;
	int status;

	ask("bench-client", BENCH_REGISTER_SLEEPER, (struct bench_order){ .count = 1 });
	sender = fork();
	if (sender < 0)
		fail("fork: %s", strerror(errno));
	if (!sender) {
		int fd = open_socket(0);

		_exit(send(fd, datagram->bytes, datagram->length, 0) != datagram->length);
	}
	ask("bench-client", BENCH_LEAVE_SLEEPER, (struct bench_order){
		.samples = 1, .times = (uintptr_t)&time,
	});
	/* The callback has returned when the program that called it has ended. */
	if (waitpid(sender, &status, 0) != sender || status)
		fail("the sender failed");
	return time;
}

int main(void)
{
	static struct datagram datagram;
	uint64_t times[SAMPLES];
	unsigned int i;

	datagram_begin(&datagram, NETLINK_CONNECTOR);
	datagram_add_connector(&datagram, BENCH_SLEEPER, 0, 32);
	for (i = 0; i < SAMPLES; i++)
		times[i] = measure(&datagram);
	print_result(ROW, "-", median(times, SAMPLES), "ns");
	return 0;
}
