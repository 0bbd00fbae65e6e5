// SPDX-License-Identifier: GPL-2.0
/*
 * Row "memory": bytes for each of 65536 callbacks.
 *
 * /proc/meminfo shows the allocations of a module: "Slab" has those of kmalloc(), large ones
 * included, "VmallocUsed" those of vmalloc(), "Percpu" those that exist once for each processor.
 * Each is counted in pages. There are so many pages that neither a partly used one nor a page in a
 * processor's own counter matters: 100 pages are 6 bytes for each callback. MemAvailable and the
 * like are less exact, as they contain the work of the rest of the system.
 */
#include "bench.h"

#define ROW "memory"

static long long read_kilobytes(const char *name)
{
	FILE *file = fopen("/proc/meminfo", "re");
	long long value = -1;
	char line[128];

	while (file && value < 0 && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)) && line[strlen(name)] == ':')
			value = atoll(line + strlen(name) + 1);
	if (value < 0)
		fail("/proc/meminfo has no %s", name);
	fclose(file);
	return value;
}

/* The value after deferred frees, which take the kernel up to some seconds. */
static long long allocated(void)
{
	sleep(8);
	return (read_kilobytes("Slab") + read_kilobytes("VmallocUsed") + read_kilobytes("Percpu")) *
	       1024;
}

int main(void)
{
	long long before;

	ask("bench-client", BENCH_REGISTER, (struct bench_order){ .count = 1 });
	before = allocated();
	ask("bench-client", BENCH_REGISTER, (struct bench_order){ .count = BENCH_MOST });
	print_result(ROW, "callbacks=65536", (double)(allocated() - before) / (BENCH_MOST - 1),
		     "bytes");
	return 0;
}
