// SPDX-License-Identifier: GPL-2.0
/*
 * Row "register": what registering and unregistering one callback costs, with
 * others present, without and with messages to one of them meanwhile.
 *
 *   register <callbacks>
 */
#include "datagram.h"

#define ROW "register"
#define SAMPLES 101

static void measure(unsigned int callbacks, const char *traffic)
{
	uint64_t times[SAMPLES];
	char which[64];

	ask(provider_is("crate") ? "bench-crate" : "bench-client", BENCH_REGISTER_PAIR, (struct bench_order){
		.samples = SAMPLES, .times = (uintptr_t)times,
	});
	snprintf(which, sizeof(which), "callbacks=%u;traffic=%s", callbacks, traffic);
	print_result(ROW, which, median(times, SAMPLES), time_unit());
}

int main(int argc, char **argv)
{
	unsigned int callbacks;
	struct datagram datagram;
	int before;

	if (argc != 2)
		fail("usage: register <callbacks>");
	callbacks = atoi(argv[1]);
	ask("bench-client", BENCH_REGISTER, (struct bench_order){ .count = callbacks });
	measure(callbacks, "idle");
	if (provider_is("crate"))
		return 0;

	datagram_begin(&datagram, NETLINK_CONNECTOR);
	datagram_add_connector(&datagram, BENCH_FIRST, 0, 32);
	before = ask("bench-client", BENCH_CALLS, (struct bench_order){});
	ask("bench-sender", BENCH_TRAFFIC_START, datagram_order(&datagram));
	measure(callbacks, "busy");
	ask("bench-sender", BENCH_TRAFFIC_STOP, (struct bench_order){});
	if (ask("bench-client", BENCH_CALLS, (struct bench_order){}) - before < SAMPLES / 2)
		fail("there was hardly any traffic");
	return 0;
}
