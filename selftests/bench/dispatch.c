// SPDX-License-Identifier: GPL-2.0
/*
 * Row "dispatch": the cost of one message with 32 bytes of payload, from the kernel's side of
 * sendmsg() to the return of a callback that does nothing.
 *
 *   dispatch [callbacks [hit]]   on c, rust: with the given number of callbacks registered, to
 *                                one or all of first, last, absent
 */
#include "datagram.h"

#define ROW "dispatch"
#define PAYLOAD 32

/* Odd, so that there is a middle one. Fewer messages where one takes a million instructions. */
static unsigned int samples_with(unsigned int callbacks)
{
	return callbacks > 4096 ? 51 : 301;
}

/* Sends, and checks the number of calls of the callback. */
static void measure(const struct datagram *datagram, unsigned int samples, const char *which,
		    const char *device, bool called)
{
	uint64_t times[301];
	struct bench_order order = datagram_order(datagram);
	int before = device ? ask(device, BENCH_CALLS, order) : 0, calls = 0;

	order.samples = samples;
	order.times = (uintptr_t)times;
	ask("bench-sender", BENCH_SEND, order);
	if (device)
		calls = ask(device, BENCH_CALLS, order) - before;
	if (device && calls != (called ? samples : 0))
		fail("%s: %d calls by %u messages", which, calls, samples);
	print_result(ROW, which, median(times, samples), time_unit());
}

static void measure_connector(unsigned int callbacks, const char *hit)
{
	static const struct { const char *name; int position; } hits[] = {
		{ "first", 0 }, { "last", -1 }, { "absent", 1 },
	};
	unsigned int i;

	ask("bench-client", BENCH_REGISTER, (struct bench_order){ .count = callbacks });
	for (i = 0; i < sizeof(hits) / sizeof(*hits); i++) {
		uint32_t val = BENCH_FIRST + (hits[i].position ? callbacks : 0);
		struct datagram datagram;
		char which[64];

		if (hit && strcmp(hit, hits[i].name))
			continue;
		datagram_begin(&datagram, NETLINK_CONNECTOR);
		datagram_add_connector(&datagram, hits[i].position < 0 ? val - 1 : val, 0, PAYLOAD);
		snprintf(which, sizeof(which), "callbacks=%u;hit=%s", callbacks, hits[i].name);
		measure(&datagram, samples_with(callbacks), which, "bench-client",
			hits[i].position <= 0);
	}
}

int main(int argc, char **argv)
{
	struct datagram datagram;

	if (provider_is("baseline")) {
		datagram_begin(&datagram, BENCH_BASELINE);
		datagram_add_connector(&datagram, BENCH_FIRST, 0, PAYLOAD);
		measure(&datagram, 301, "-", NULL, false);
	} else if (provider_is("genl")) {
		datagram_begin(&datagram, NETLINK_GENERIC);
		datagram_add_genl(&datagram, BENCH_GENL_NOTHING, 0, PAYLOAD);
		measure(&datagram, 301, "callbacks=1;hit=first", "bench-genl", true);
	} else if (provider_is("crate")) {
		datagram_begin(&datagram, NETLINK_CONNECTOR);
		datagram_add_connector(&datagram, BENCH_CRATE, 0, PAYLOAD);
		measure(&datagram, 301, "callbacks=1;hit=first", "bench-crate", true);
	} else {
		if (argc < 2 || argc > 3)
			fail("usage: dispatch <callbacks> [first|last|absent]");
		measure_connector(atoi(argv[1]), argv[2]);
	}
	return 0;
}
