// SPDX-License-Identifier: GPL-2.0
/*
 * Row "multicast": the kernel fills a message and sends it to a group. The C interface copies it
 * from the caller's memory. With the crate, generic netlink and bare netlink it is written directly
 * into the buffer that is sent.
 */
#include "sizes.h"
#include "socket.h"

#define ROW "multicast"
#define SAMPLES 31

/* Each listener has got it, and a new one. */
static void check_listener(int fd, size_t payload)
{
	static char bytes[65536];
	size_t headers = provider_headers(), length = receive(fd, bytes, sizeof(bytes));

	if (length < headers + payload || bytes[headers] != bytes[headers + payload - 1])
		fail("a received message of %zu bytes differs from the sent one", length);
	expect_silence(fd);
}

static void measure(unsigned int listeners, size_t payload)
{
	int fds[MOST_LISTENERS];
	uint64_t times[SAMPLES];
	uint32_t group = provider_group();
	unsigned int i, listener;
	char which[64];

	for (listener = 0; listener < listeners; listener++)
		fds[listener] = open_socket(group);
	for (i = 0; i < SAMPLES; i++) {
		ask(provider_device(), BENCH_MULTICAST, (struct bench_order){
			.samples = 1, .times = (uintptr_t)&times[i], .count = 1, .payload = payload,
		});
		for (listener = 0; listener < listeners; listener++)
			check_listener(fds[listener], payload);
	}
	for (listener = 0; listener < listeners; listener++)
		close(fds[listener]);
	snprintf(which, sizeof(which), "listeners=%u;payload=%zu", listeners, payload);
	print_result(ROW, which, median(times, SAMPLES), time_unit());
}

int main(void)
{
	unsigned int i, j;

	/* The group is that of an id. */
	if (provider_is("c") || provider_is("rust"))
		ask("bench-client", BENCH_REGISTER, (struct bench_order){ .count = 1 });
	for (i = 0; i < SIZES(listener_counts); i++)
		for (j = 0; j < SIZES(payload_sizes); j++)
			measure(listener_counts[i], payload_sizes[j]);
	return 0;
}
