/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The programs of the benchmark share this code: orders to the modules, medians, and the result
 * line of a measurement:
 *
 *   result,<round>,<row>,<case>,<provider>,<value>,<unit>
 *
 * A program measures one row. CN_PROVIDER names the provider, BENCH_ROUND the round; the result is
 * that of BENCH_LABEL instead, if it is set. A program that fails prints the reason and exits with 1.
 */
#ifndef BENCH_H
#define BENCH_H

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "bench_order.h"

static inline __attribute__((noreturn, format(printf, 1, 2)))
void fail(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "error: %s: ", program_invocation_short_name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

static inline const char *variable(const char *name)
{
	const char *value = getenv(name);

	if (!value || !*value)
		fail("the variable %s is not set", name);
	return value;
}

static inline bool provider_is(const char *name)
{
	return !strcmp(variable("CN_PROVIDER"), name);
}

/* Sends an order to a module of the benchmark, by its device. An error result ends the program. */
static inline int ask(const char *device, unsigned long request, struct bench_order order)
{
	char path[64];
	int fd, ret;

	snprintf(path, sizeof(path), "/dev/%s", device);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		fail("%s: %s (is its module loaded?)", path, strerror(errno));
	ret = ioctl(fd, request, &order);
	if (ret < 0)
		fail("order %lu to %s: %s", _IOC_NR(request), device, strerror(errno));
	close(fd);
	return ret;
}

static inline uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ull + time.tv_nsec;
}

static inline int compare_times(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

/* The first ones fill caches, some are interrupted; the middle one is neither. */
static inline uint64_t median(uint64_t *times, size_t samples)
{
	qsort(times, samples, sizeof(*times), compare_times);
	return times[samples / 2];
}

static inline const char *time_unit(void)
{
	return strcmp(variable("BENCH_MODE"), "wall") ? "instructions" : "ns";
}

static inline void print_result(const char *row, const char *which, double value, const char *unit)
{
	const char *label = getenv("BENCH_LABEL");

	printf("result,%s,%s,%s,%s,%.10g,%s\n", variable("BENCH_ROUND"), row, which,
	       label && *label ? label : variable("CN_PROVIDER"), value, unit);
	fflush(stdout);
}

#endif
