/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The longest section with interrupts, or bottom halves, off during some work. Samples are no
 * bound, but a longer section is found with higher probability.
 *
 * Occasional work of the kernel itself is in one window. Sections of the measured work are in all
 * windows. The results are the median of the longest times of all windows, and the longest time of
 * all.
 */
#ifndef BENCH_IRQS_OFF_H
#define BENCH_IRQS_OFF_H

#include <termios.h>

#include "bench.h"

#define WINDOWS 7
#define MOST_WINDOWS (3 * WINDOWS)
#define WINDOW 20000000ull	/* ns of the guest's time, at least */

static inline void print_sections(const char *what, const char *which, uint64_t *longest,
				  unsigned int windows)
{
	uint64_t typical = median(longest, windows);
	char name[128];

	snprintf(name, sizeof(name), "what=%s;%s", what, which);
	print_result("irqs_off", name, typical, time_unit());
	/* It is sorted now. */
	print_result("irqs_off_longest", name, longest[windows - 1], time_unit());
}

/* The longest sections in one window. */
static inline void sample_sections(void (*work)(void), uint64_t *irq, uint64_t *bh)
{
	uint64_t end, longest[3];

	/* The serial line has an interrupt that takes long. */
	tcdrain(STDOUT_FILENO);
	usleep(20000);
	end = now() + WINDOW;
	ask("bench-sampler", BENCH_SAMPLER_START, (struct bench_order){});
	while (now() < end)
		work();
	ask("bench-sampler", BENCH_SAMPLER_STOP, (struct bench_order){
		.samples = 3, .times = (uintptr_t)longest,
	});
	/* Two processors that take turns have half of the time each. */
	if (longest[2] < WINDOW / 200000)
		fail("only %llu samples were taken", (unsigned long long)longest[2]);
	*irq = longest[0];
	*bh = longest[1];
}

static inline bool has_sampler(void)
{
	return !access("/dev/bench-sampler", F_OK);
}

/* Does the work again and again. `which` describes it, for example "work=echo;callbacks=1". */
static inline void measure_windows(const char *which, void (*work)(void), unsigned int windows)
{
	uint64_t irq[MOST_WINDOWS], bh[MOST_WINDOWS];
	unsigned int i;

	for (i = 0; i < windows; i++)
		sample_sections(work, &irq[i], &bh[i]);
	print_sections("irq", which, irq, windows);
	print_sections("bh", which, bh, windows);
}

static inline void measure_sections(const char *which, void (*work)(void))
{
	measure_windows(which, work, WINDOWS);
}

#endif
