/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The number of objects that the kernel has allocated, as exactly as possible. Empty slabs and the
 * quarantine of KASAN are freed before. A kernel without CONFIG_SLUB_DEBUG counts no objects.
 * There, the memory of all slabs is measured, some of which are always half full: a leak of one
 * byte in each of 10^6 rounds would be seen.
 *
 * Each processor keeps up to 60 objects of each cache for its next allocations, and the kernel
 * counts them as allocated. With slab_debug=F on its command line it keeps none. Of several samples
 * the lowest one of each cache counts, which excludes temporary allocations of others. Files are
 * opened before and closed after the samples, since that allocates, too.
 */
#ifndef SLAB_H
#define SLAB_H

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SLAB_CACHES_MOST 512
#define SLAB_SAMPLES 3
#define SLAB_NOISE_KIB 1024
/*
 * The growth by any number of loads and unloads: the objects that processors keep, and the last 256
 * references to a network namespace. Less than one object for each of 1000 loads.
 */
#define SLAB_NOISE_LOADS 999
/* Fewer loads than this can't be distinguished from noise, and sampling takes seconds. */
#define SLAB_LOADS_LEAST 50

struct slab_cache {
	char name[64];
	long objects;
};

struct slab_use {
	/* Where the kernel does not count objects there are no caches. */
	struct slab_cache caches[SLAB_CACHES_MOST];
	int number;
	long objects, kib;
};

struct slab_files {
	int shrink[SLAB_CACHES_MOST];
	int number;
	FILE *info;
};

static inline void slab_open(struct slab_files *files)
{
	DIR *folder = opendir("/sys/kernel/slab");
	struct dirent *cache;
	char path[512];
	int fd;

	files->number = 0;
	while (folder && files->number < SLAB_CACHES_MOST && (cache = readdir(folder))) {
		snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink", cache->d_name);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd >= 0)
			files->shrink[files->number++] = fd;
	}
	if (folder)
		closedir(folder);
	files->info = fopen("/proc/slabinfo", "re");
}

static inline void slab_close(struct slab_files *files)
{
	while (files->number)
		close(files->shrink[--files->number]);
	if (files->info)
		fclose(files->info);
}

static inline void slab_shrink(const struct slab_files *files)
{
	int i;

	for (i = 0; i < files->number; i++)
		if (pwrite(files->shrink[i], "1", 1, 0) != 1)
			perror("shrink");
}

/* The debugging tools' own memory grows with the number of checked objects. */
static inline int slab_is_of_a_tool(const char *name)
{
	return !strncmp(name, "debug_objects", 13) || !strncmp(name, "kmemleak", 8);
}

static inline struct slab_cache *slab_find(struct slab_use *use, const char *name)
{
	int i;

	for (i = 0; i < use->number; i++)
		if (!strcmp(use->caches[i].name, name))
			return &use->caches[i];
	return NULL;
}

/* Records each cache that is new, or has fewer objects than in the samples before. */
static inline void slab_read_caches(struct slab_use *use, FILE *info)
{
	struct slab_cache now, *cache;
	char line[512];

	rewind(info);
	while (fgets(line, sizeof(line), info)) {
		if (sscanf(line, "%63s %ld", now.name, &now.objects) != 2 ||
		    slab_is_of_a_tool(now.name))
			continue;
		cache = slab_find(use, now.name);
		if (cache) {
			if (now.objects < cache->objects)
				cache->objects = now.objects;
			continue;
		}
		if (use->number == SLAB_CACHES_MOST) {
			printf("the kernel has more than %d caches\n", SLAB_CACHES_MOST);
			exit(1);
		}
		use->caches[use->number++] = now;
	}
}

static inline long slab_kib(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	char line[512];
	long kib = -1;

	while (file && kib < 0 && fgets(line, sizeof(line), file))
		sscanf(line, "Slab: %ld", &kib);
	if (file)
		fclose(file);
	return kib;
}

static inline void slab_sample(struct slab_use *use)
{
	static struct slab_files files;
	int i;

	slab_open(&files);
	/*
	 * Waits for objects that are freed after an RCU grace period, and for those that they own.
	 */
	sleep(2);
	slab_shrink(&files);
	sleep(1);
	use->number = use->objects = 0;
	for (i = 0; i < SLAB_SAMPLES; i++) {
		slab_shrink(&files);
		if (files.info)
			slab_read_caches(use, files.info);
	}
	slab_close(&files);
	for (i = 0; i < use->number; i++)
		use->objects += use->caches[i].objects;
	use->kib = slab_kib();
}

/* Prints the caches that have more objects than before, and how many more. */
static inline void slab_print_growth(struct slab_use *before, const struct slab_use *now)
{
	const char *separator = " (";
	int i;

	for (i = 0; i < now->number; i++) {
		const struct slab_cache *old = slab_find(before, now->caches[i].name);
		long more = now->caches[i].objects - (old ? old->objects : 0);

		if (more <= 0)
			continue;
		printf("%s%s %+ld", separator, now->caches[i].name, more);
		separator = ", ";
	}
	if (separator[0] == ',')
		printf(")");
}

/* Temporary allocations of the rest of the kernel disappear. A leak does not. */
#define SLAB_TRIES 10

/*
 * Prints the growth. Returns true if it is too large, and then prints the caches that have grown.
 */
static inline int slab_has_grown(struct slab_use *before, long most)
{
	static struct slab_use now;
	long objects = 0, kib = 0;
	int i, grown = 1;

	for (i = 0; i < SLAB_TRIES && grown; i++) {
		slab_sample(&now);
		objects = now.objects - before->objects;
		kib = now.kib - before->kib;
		grown = before->number ? objects > most : kib > SLAB_NOISE_KIB;
	}
	if (before->number)
		printf("slab objects %+ld", objects);
	else
		printf("slabs %+ld KiB", kib);
	if (grown)
		slab_print_growth(before, &now);
	return grown || before->kib < 0;
}

/* -- Loads and unloads ----------------------------------------------------- */

/* Samples before loads, if there are enough of them to measure. */
static inline void slab_sample_before_loads(struct slab_use *before, int loads)
{
	if (loads >= SLAB_LOADS_LEAST)
		slab_sample(before);
}

/* The same after them; adds to a line of figures. */
static inline int slab_has_grown_by_loads(struct slab_use *before, int loads)
{
	if (loads < SLAB_LOADS_LEAST)
		return 0;
	printf(", ");
	return slab_has_grown(before, SLAB_NOISE_LOADS);
}

#endif
