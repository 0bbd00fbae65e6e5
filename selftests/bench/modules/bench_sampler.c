// SPDX-License-Identifier: GPL-2.0
/*
 * Samples how long interrupts and bottom halves are off during other work.
 *
 * A timer fires again and again, at times that are independent of the work that it interrupts. The
 * delay of the timer shows how long interrupts are off. The delay of the tasklet that it schedules
 * shows how long bottom halves are off.
 *
 * The kernel's own tick does its work with interrupts off, and then in bottom halves; so the timer
 * avoids the time after a tick.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/hrtimer.h>
#include <linux/i8253.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/jiffies.h>
#include <linux/math64.h>
#include <linux/mutex.h>

#include "bench_device.h"

#define SAMPLER_SHORTEST	17000		/* ns between two samples */
#define SAMPLER_SPREAD		20011		/* at most so much more; a prime */
#define SAMPLER_AFTER_TICK	100000		/* the longest time of a tick */

static DEFINE_MUTEX(sampler_mutex);
static struct hrtimer sampler_timer;
static bool sampler_runs;
static u64 sampler_tick;
static u64 sampler_phase;
static u64 sampler_raised;
static bool sampler_waits;
static u64 sampler_irq, sampler_bh, sampler_samples;

static void sampler_bottom_half(struct tasklet_struct *unused)
{
	sampler_bh = max(sampler_bh, ktime_get_ns() - sampler_raised);
	WRITE_ONCE(sampler_waits, false);
}

static DECLARE_TASKLET(sampler_tasklet, sampler_bottom_half);

static void sampler_set_pit(u8 mode, u16 count)
{
	guard(raw_spinlock_irqsave)(&i8253_lock);
	outb_p(mode, PIT_MODE);
	outb_p(count & 0xff, PIT_CH0);
	outb_p(count >> 8, PIT_CH0);
}

/*
 * Two processors of an emulator that counts instructions take turns. A turn ends half way to the
 * next timer of either of them. The oldest timer of a PC is unused by the kernel, and nothing
 * receives its interrupt here. It makes the turns some 400 instructions long: close to what really
 * runs at the same time.
 */
static void sampler_shorten_turns(void)
{
	if (num_online_cpus() == 1)
		return;
	disable_irq(0);
	/* Again and again, with the shortest period. */
	sampler_set_pit(0x34, 2);
}

static void sampler_restore_turns(void)
{
	if (num_online_cpus() == 1)
		return;
	/* As the kernel leaves it. */
	sampler_set_pit(0x30, 0);
	enable_irq(0);
}

/* When the next sample is taken. */
static ktime_t sampler_next(u64 now)
{
	u64 next, after;

	sampler_phase = (sampler_phase + 7919) % SAMPLER_SPREAD;
	next = now + SAMPLER_SHORTEST + sampler_phase;
	div64_u64_rem(next - sampler_tick, TICK_NSEC, &after);
	if (after < SAMPLER_AFTER_TICK)
		next += SAMPLER_AFTER_TICK - after + sampler_phase;
	return ns_to_ktime(next);
}

static enum hrtimer_restart sampler_fires(struct hrtimer *timer)
{
	u64 now = ktime_get_ns();

	sampler_samples++;
	sampler_irq = max(sampler_irq, now - ktime_to_ns(hrtimer_get_expires(timer)));
	if (!READ_ONCE(sampler_waits)) {
		sampler_waits = true;
		sampler_raised = now;
		tasklet_hi_schedule(&sampler_tasklet);
	}
	hrtimer_set_expires(timer, sampler_next(ktime_get_ns()));
	return HRTIMER_RESTART;
}

/* The time of a tick. All others are whole multiples of their distance away. */
static u64 sampler_find_tick(void)
{
	unsigned long last = jiffies;

	while (READ_ONCE(jiffies) == last)
		cpu_relax();
	return ktime_get_ns();
}

static int sampler_start(void)
{
	if (sampler_runs)
		return -EBUSY;
	/* The time from the interrupt to this handler, including the tick before. */
	sampler_tick = sampler_find_tick() - SAMPLER_AFTER_TICK / 2;
	sampler_irq = sampler_bh = sampler_samples = 0;
	sampler_waits = false;
	sampler_runs = true;
	sampler_shorten_turns();
	hrtimer_start(&sampler_timer, sampler_next(ktime_get_ns()), HRTIMER_MODE_ABS_PINNED_HARD);
	return 0;
}

static void sampler_end(void)
{
	if (!sampler_runs)
		return;
	hrtimer_cancel(&sampler_timer);
	tasklet_kill(&sampler_tasklet);
	sampler_restore_turns();
	sampler_runs = false;
}

static int sampler_stop(const struct bench_order *order)
{
	u64 *times;

	sampler_end();
	if (order->samples != 3)
		return -EINVAL;
	times = bench_times(order);
	if (IS_ERR(times))
		return PTR_ERR(times);
	times[0] = sampler_irq;
	times[1] = sampler_bh;
	times[2] = sampler_samples;
	return bench_hand_back(order, times, 0);
}

static long bench_work(unsigned int request, const struct bench_order *order)
{
	guard(mutex)(&sampler_mutex);
	switch (request) {
	case BENCH_SAMPLER_START:
		return sampler_start();
	case BENCH_SAMPLER_STOP:
		return sampler_stop(order);
	default:
		return -ENOTTY;
	}
}

BENCH_DEVICE("bench-sampler", bench_work);

static int __init bench_init(void)
{
	hrtimer_setup(&sampler_timer, sampler_fires, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_PINNED_HARD);
	return misc_register(&bench_device);
}

static void __exit bench_exit(void)
{
	misc_deregister(&bench_device);
	sampler_end();
}

module_init(bench_init);
module_exit(bench_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Benchmark: how long interrupts and bottom halves are off");
