// SPDX-License-Identifier: GPL-2.0
/*
 * Rows "one_sender", "two_senders", "sender_with_storm": the messages per second that arrive from
 * kernel threads on processors of their own. Row "registrations": how often per second one
 * processor registers and unregisters a callback, while the other one is idle or sends.
 *
 * Wall time on a shared machine drifts. So each measurement is short, and follows one of the
 * baseline in the same round.
 */
#include "datagram.h"

#define SLICE_MS 100

/* Two datagrams, one behind the other, as the order wants them. */
static struct datagram messages[BENCH_SENDERS];

static double measure_rate(int protocol, unsigned int count, bool same)
{
	static char both[sizeof(messages)];
	struct bench_order order;
	uint64_t rate;
	unsigned int i;

	for (i = 0; i < BENCH_SENDERS; i++) {
		datagram_begin(&messages[i], protocol);
		datagram_add_connector(&messages[i], BENCH_FIRST + (same ? 0 : i), 0, 32);
		memcpy(both + i * messages[i].length, messages[i].bytes, messages[i].length);
	}
	order = datagram_order(&messages[0]);
	order.message = (uintptr_t)both;
	order.count = count;
	order.milliseconds = SLICE_MS;
	order.samples = 1;
	order.times = (uintptr_t)&rate;
	ask("bench-sender", BENCH_SEND_PARALLEL, order);
	return rate;
}

static void measure(const char *row, const char *which, unsigned int count, bool same, bool storm)
{
	static const char * const devices[] = { "bench-baseline", "bench-client" };
	static const int protocols[] = { BENCH_BASELINE, NETLINK_CONNECTOR };
	char provider[16];
	unsigned int i;

	snprintf(provider, sizeof(provider), "%s", variable("CN_PROVIDER"));
	for (i = 0; i < 2; i++) {
		double rate;

		if (storm)
			ask(devices[i], BENCH_STORM_START, (struct bench_order){});
		rate = measure_rate(protocols[i], count, same);
		if (storm)
			ask(devices[i], BENCH_STORM_STOP, (struct bench_order){});
		setenv("CN_PROVIDER", i ? provider : "baseline", 1);
		print_result(row, which, rate, "messages/s");
	}
}

static void measure_registrations(unsigned int callbacks, bool busy)
{
	char which[64];
	int rate;

	ask("bench-client", BENCH_REGISTER, (struct bench_order){ .count = callbacks });
	ask("bench-client", BENCH_STORM_START, (struct bench_order){});
	if (busy)
		measure_rate(NETLINK_CONNECTOR, 1, true);
	else
		usleep(SLICE_MS * 1000);
	rate = ask("bench-client", BENCH_STORM_STOP, (struct bench_order){});
	snprintf(which, sizeof(which), "callbacks=%u;traffic=%s", callbacks,
		 busy ? "busy" : "idle");
	print_result("registrations", which, rate, "pairs/s");
}

int main(void)
{
	ask("bench-client", BENCH_REGISTER, (struct bench_order){ .count = 2 });
	measure("one_sender", "-", 1, true, false);
	measure("two_senders", "ids=same", 2, true, false);
	measure("two_senders", "ids=different", 2, false, false);
	measure("sender_with_storm", "-", 1, true, true);
	measure_registrations(2, false);
	measure_registrations(2, true);
	measure_registrations(4096, false);
	measure_registrations(4096, true);
	return 0;
}
