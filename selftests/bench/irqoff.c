// SPDX-License-Identifier: GPL-2.0
/*
 * Row "irqoff": the longest time that interrupts, or bottom halves, are off while
 * messages are dispatched to the last callback, or callbacks registered. Samples
 * are no bound, but the longer something takes the surer it is found.
 *
 * What the kernel does now and then of its own accord is in one window, what
 * belongs to the work is in all of them: the result is the median of the longest
 * times in each.
 *
 *   irqoff <callbacks>
 *
 * On "floor" messages go to an empty handler, and instead of registering nothing
 * is done: what the kernel itself has off.
 */
#include <termios.h>

#include "datagram.h"

#define ROW "irqoff"
#define WINDOWS 7
#define WINDOW 40000000ull	/* ns of the guest's time, at least */
#define ROUNDS_AT_ONCE 11

static void dispatch(unsigned int callbacks)
{
	static struct datagram datagram;
	uint64_t times[ROUNDS_AT_ONCE];
	struct bench_order order;

	datagram_begin(&datagram, provider_is("floor") ? BENCH_FLOOR : NETLINK_CONNECTOR);
	datagram_add_connector(&datagram, BENCH_FIRST + callbacks - 1, 0, 32);
	order = datagram_order(&datagram);
	order.samples = ROUNDS_AT_ONCE;
	order.times = (uintptr_t)times;
	ask("bench-sender", BENCH_SEND, order);
}

static void register_pairs(unsigned int callbacks)
{
	uint64_t times[ROUNDS_AT_ONCE];

	if (provider_is("floor"))
		return;
	ask("bench-client", BENCH_REGISTER_PAIR, (struct bench_order){
		.samples = ROUNDS_AT_ONCE, .times = (uintptr_t)times,
	});
}

static void print(const char *what, const char *work, unsigned int callbacks, uint64_t value)
{
	char which[64];

	snprintf(which, sizeof(which), "what=%s;work=%s;callbacks=%u", what, work, callbacks);
	print_result(ROW, which, value, time_unit());
}

/* The longest times in one window. */
static void sample(unsigned int callbacks, void (*work)(unsigned int callbacks), uint64_t *irq,
		   uint64_t *bh)
{
	uint64_t end, longest[3];

	/* The serial line has an interrupt that takes long. */
	tcdrain(STDOUT_FILENO);
	usleep(20000);
	end = now() + WINDOW;
	ask("bench-sampler", BENCH_SAMPLER_START, (struct bench_order){});
	while (now() < end)
		work(callbacks);
	ask("bench-sampler", BENCH_SAMPLER_STOP, (struct bench_order){
		.samples = 3, .times = (uintptr_t)longest,
	});
	if (longest[2] < WINDOW / 100000)
		fail("only %llu samples were taken", (unsigned long long)longest[2]);
	*irq = longest[0];
	*bh = longest[1];
}

static void measure(unsigned int callbacks, const char *name, void (*work)(unsigned int callbacks))
{
	uint64_t irq[WINDOWS], bh[WINDOWS];
	unsigned int i;

	for (i = 0; i < WINDOWS; i++)
		sample(callbacks, work, &irq[i], &bh[i]);
	print("irq", name, callbacks, median(irq, WINDOWS));
	print("bh", name, callbacks, median(bh, WINDOWS));
}

int main(int argc, char **argv)
{
	unsigned int callbacks;

	if (argc != 2)
		fail("usage: irqoff <callbacks>");
	callbacks = atoi(argv[1]);
	if (!provider_is("floor"))
		ask("bench-client", BENCH_REGISTER, (struct bench_order){ .count = callbacks });
	measure(callbacks, "dispatch", dispatch);
	measure(callbacks, "register", register_pairs);
	return 0;
}
