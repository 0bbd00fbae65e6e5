/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How many objects the kernel has allocated, as exactly as it can tell: empty slabs and what KASAN keeps in quarantine
 * are given back before.
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

/* -1 if there is no such file. */
static inline long slab_objects(void)
{
	char line[512], name[64];
	long sum = -1, active;
	FILE *file;

	/* What is freed after an RCU grace period, and what that frees. */
	sleep(2);
	slab_shrink();
	sleep(1);
	slab_shrink();
	file = fopen("/proc/slabinfo", "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%63s %ld", name, &active) == 2)
			sum = (sum < 0 ? 0 : sum) + active;
	if (file)
		fclose(file);
	return sum;
}

#endif
