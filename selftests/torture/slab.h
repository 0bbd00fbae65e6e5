/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How many objects the kernel has allocated, as exactly as it can tell: empty slabs and what KASAN keeps in quarantine
 * are given back before. A kernel without CONFIG_SLUB_DEBUG counts no objects; there it is the memory of all slabs, in
 * which some are always half full: after 10^6 rounds one byte of each would be seen.
 */
#ifndef SLAB_H
#define SLAB_H

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static inline void slab_shrink(void)
{
	DIR *folder = opendir("/sys/kernel/slab");
	struct dirent *cache;
	char path[512];
	int fd;

	while (folder && (cache = readdir(folder))) {
		snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink", cache->d_name);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (write(fd, "1", 1) != 1)
			perror(path);
		close(fd);
	}
	if (folder)
		closedir(folder);
}

struct slab_use {
	long objects;	/* -1 where the kernel does not count them */
	long kib;
};

#define SLAB_NOISE_KIB 1024

/* What the tools that look for mistakes keep for themselves grows with all that they look at. */
static inline int slab_is_of_a_tool(const char *name)
{
	return !strncmp(name, "debug_objects", 13) || !strncmp(name, "kmemleak", 8);
}

static inline long slab_sum(const char *path, const char *format)
{
	char line[512], name[64];
	long sum = -1, value;
	FILE *file = fopen(path, "re");

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, format, name, &value) == 2 && !slab_is_of_a_tool(name))
			sum = (sum < 0 ? 0 : sum) + value;
	if (file)
		fclose(file);
	return sum;
}

static inline struct slab_use slab_now(void)
{
	/* What is freed after an RCU grace period, and what that frees. */
	sleep(2);
	slab_shrink();
	sleep(1);
	slab_shrink();
	return (struct slab_use){
		.objects = slab_sum("/proc/slabinfo", "%63s %ld"),
		.kib = slab_sum("/proc/meminfo", "%63[S]lab: %ld"),
	};
}

/* What others of the kernel have allocated for a while goes away again; a leak does not. */
#define SLAB_TRIES 10

/* Prints how many there are more than before; true if those are too many. */
static inline int slab_has_grown(struct slab_use before, long most)
{
	long objects = 0, kib = 0;
	int i, grown = 1;

	for (i = 0; i < SLAB_TRIES && grown; i++) {
		struct slab_use now = slab_now();

		objects = now.objects - before.objects;
		kib = now.kib - before.kib;
		grown = before.objects >= 0 ? objects > most : kib > SLAB_NOISE_KIB;
	}
	if (before.objects >= 0)
		printf("slab objects %+ld", objects);
	else
		printf("slabs %+ld KiB", kib);
	return grown || before.kib < 0;
}

#endif
