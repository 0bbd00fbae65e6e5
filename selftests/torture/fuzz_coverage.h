/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Coverage of the connector, from KCOV: the coverage points of cn.ko that were reached. Their
 * addresses, and the subset on the receive path, were determined when the module was built
 * (coverage_points.py).
 */
#ifndef FUZZ_COVERAGE_H
#define FUZZ_COVERAGE_H

#include <linux/kcov.h>
#include <pthread.h>
#include <regex.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "fuzz_model.h"

#define COVER_SIZE (64 << 10)
#define MOST_POINTS 8192
#define MOST_SECTIONS 16
#define MOST_UNREACHABLE 64

/* Roughly a basic block. */
struct coverage_point {
	uint32_t section, offset;
	/* On the receive path; or where an assertion of a debug build ends the kernel. */
	bool counts, panics;
	const char *function, *line;
	bool reached;
};

/* Coverage points that no program can reach, with the reason. */
struct unreachable {
	regex_t where;
	const char *text, *reason;
	size_t points, left_out;
};

static struct coverage_point points[MOST_POINTS];
static size_t n_points, n_reached;
static struct unreachable unreachable[MOST_UNREACHABLE];
static size_t n_unreachable;

/* The sections of the module with code, and where they are now. */
static struct section {
	char name[64];
	uint64_t start;
} sections[MOST_SECTIONS];
static size_t n_sections;

/* The record of this thread. */
static __thread uint64_t *cover;
static __thread size_t cover_size;
static pthread_mutex_t points_lock = PTHREAD_MUTEX_INITIALIZER;

static int by_address(const void *a, const void *b)
{
	const struct coverage_point *x = a, *y = b;

	return x->section != y->section ? (x->section < y->section ? -1 : 1) :
	       x->offset < y->offset ? -1 : x->offset > y->offset;
}

static uint32_t section_of(const char *name)
{
	size_t i;

	for (i = 0; i < n_sections; i++)
		if (!strcmp(sections[i].name, name))
			return i;
	if (n_sections == MOST_SECTIONS)
		wrong("the module has more sections than the fuzzer has room for");
	snprintf(sections[n_sections].name, sizeof(sections[0].name), "%s", name);
	return n_sections++;
}

/* The next field of a line, up to a tab. */
static char *field_of(char **line)
{
	char *field = strsep(line, "\t");

	return field ? field : "";
}

static char *text_of(const char *path)
{
	char *text = read_file(path);

	if (!text)
		wrong("%s: %s", path, strerror(errno));
	return text;
}

static void read_points(void)
{
	char path[512], *text, *line, *kind;
	struct coverage_point *point;

	snprintf(path, sizeof(path), "%s/points",
		 getenv("CN_MODULE_DIR") ?: "/lib/modules/coverage");
	text = text_of(path);
	while ((line = strsep(&text, "\n")) && *line) {
		if (n_points == MOST_POINTS)
			wrong("%s has more lines than the fuzzer has room for", path);
		point = &points[n_points++];
		point->section = section_of(field_of(&line));
		point->offset = strtoul(field_of(&line), NULL, 16);
		kind = field_of(&line);
		point->counts = !strcmp(kind, "receive");
		point->panics = !strcmp(kind, "panic");
		point->function = field_of(&line);
		point->line = field_of(&line);
	}
	qsort(points, n_points, sizeof(points[0]), by_address);
	if (!n_points)
		wrong("%s lists no coverage points: the module was not built for KCOV", path);
}

/* A line for each: an extended regular expression for function and line, a tab, the reason. */
static void read_unreachable(const char *path)
{
	char *text = text_of(path), *line;
	struct unreachable *one;

	while ((line = strsep(&text, "\n"))) {
		if (!*line || *line == '#')
			continue;
		one = &unreachable[n_unreachable++];
		one->text = field_of(&line);
		one->reason = field_of(&line);
		if (!*one->reason || n_unreachable == MOST_UNREACHABLE ||
		    regcomp(&one->where, one->text, REG_EXTENDED | REG_NOSUB))
			wrong("%s: '%s' is no regular expression and a reason, separated by a tab",
			      path, one->text);
	}
}

static void find_sections(void)
{
	char path[256], *text;
	size_t i;

	for (i = 0; i < n_sections; i++) {
		snprintf(path, sizeof(path), "/sys/module/cn/sections/%s", sections[i].name);
		text = read_file(path);
		sections[i].start = text ? strtoull(text, NULL, 16) : 0;
		free(text);
	}
}

/* Records the coverage points of this thread, at most the given number at a time. */
static void record_this_thread(size_t size)
{
	int fd = open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, KCOV_INIT_TRACE, size))
		wrong("/sys/kernel/debug/kcov: %s", strerror(errno));
	cover = mmap(NULL, size * sizeof(*cover), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (cover == MAP_FAILED || ioctl(fd, KCOV_ENABLE, KCOV_TRACE_PC))
		wrong("KCOV: %s", strerror(errno));
	cover_size = size;
	/* The mapping keeps it. */
	close(fd);
}

static void stop_recording(void)
{
	munmap(cover, cover_size * sizeof(*cover));
}

static void start_coverage(const char *path)
{
	read_points();
	if (path)
		read_unreachable(path);
	find_sections();
	record_this_thread(COVER_SIZE);
}

static void forget_coverage(void)
{
	__atomic_store_n(&cover[0], 0, __ATOMIC_RELAXED);
}

/* Collects the coverage points of this thread. Returns the number of new ones. */
static size_t new_coverage(void)
{
	uint64_t i, n = __atomic_load_n(&cover[0], __ATOMIC_RELAXED);
	size_t before, new;
	uint32_t s;

	pthread_mutex_lock(&points_lock);
	before = n_reached;
	for (i = 1; i <= n && i < cover_size; i++) {
		for (s = 0; s < n_sections; s++) {
			struct coverage_point *found, key = {
				.section = s, .offset = cover[i] - sections[s].start,
			};

			if (!sections[s].start || cover[i] - sections[s].start > 1 << 24)
				continue;
			found = bsearch(&key, points, n_points, sizeof(points[0]), by_address);
			if (!found)
				continue;
			n_reached += !found->reached;
			found->reached = true;
			break;
		}
	}
	new = n_reached - before;
	pthread_mutex_unlock(&points_lock);
	return new;
}

/* The reason why no program can reach a coverage point, or NULL. */
static struct unreachable *why_unreachable(const struct coverage_point *point)
{
	char where[1024];
	size_t i;

	snprintf(where, sizeof(where), "%s %s", point->function, point->line);
	for (i = 0; i < n_unreachable; i++)
		if (!regexec(&unreachable[i].where, where, 0, NULL, 0))
			return &unreachable[i];
	return NULL;
}

/*
 * Prints a line for each coverage point that was not reached, and the figure. False if less than
 * `least` per cent were reached.
 */
static bool show_coverage(double least)
{
	size_t i, counted = 0, seen = 0, excluded = 0, panics = 0;
	struct unreachable *why;

	for (i = 0; i < n_points; i++) {
		const struct coverage_point *point = &points[i];

		panics += point->panics;
		if (!point->counts)
			continue;
		why = why_unreachable(point);
		if (why)
			why->points++;
		if (why && !point->reached) {
			why->left_out++;
			excluded++;
			continue;
		}
		counted++;
		seen += point->reached;
		if (!point->reached)
			printf("receive path: not reached: %s, %s (%x)\n", point->function,
			       point->line, point->offset);
	}
	/*
	 * The compiler determines which of them exist. "make check" verifies that the lines are in
	 * the source.
	 */
	for (i = 0; i < n_unreachable; i++)
		printf("receive path: left out, %zu of %zu: %s: %s\n", unreachable[i].left_out,
		       unreachable[i].points, unreachable[i].text, unreachable[i].reason);
	printf("receive path: %zu coverage points of the module, %zu reached; %zu are assertions of a debug build\n",
	       n_points, n_reached, panics);
	printf("%zu of %zu coverage points of the receive path reached (%.1f %%), %zu left out as unreachable\n",
	       seen, counted, counted ? 100.0 * seen / counted : 0, excluded);
	return 100.0 * seen >= least * counted;
}

#endif
