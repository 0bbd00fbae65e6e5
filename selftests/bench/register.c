// SPDX-License-Identifier: GPL-2.0
/*
 * Row "register": the cost of registering and unregistering one callback while others are
 * registered.
 *
 *   register <callbacks>
 */
#include "bench.h"

#define ROW "register"
#define SAMPLES 101

static void measure(unsigned int callbacks)
{
	uint64_t times[SAMPLES];
	char which[64];

	ask(provider_is("crate") ? "bench-crate" : "bench-client", BENCH_REGISTER_PAIR,
	    (struct bench_order){
		.samples = SAMPLES, .times = (uintptr_t)times,
	});
	snprintf(which, sizeof(which), "callbacks=%u", callbacks);
	print_result(ROW, which, median(times, SAMPLES), time_unit());
}

int main(int argc, char **argv)
{
	unsigned int callbacks;

	if (argc != 2)
		fail("usage: register <callbacks>");
	callbacks = atoi(argv[1]);
	ask("bench-client", BENCH_REGISTER, (struct bench_order){ .count = callbacks });
	measure(callbacks);
	return 0;
}
