// SPDX-License-Identifier: GPL-2.0
/*
 * Row "memory": bytes for each of 65536 callbacks.
 *
 * What a module allocates is in /proc/meminfo: "Slab" has what kmalloc() gives,
 * also large pieces, "VmallocUsed" what vmalloc() gives, "Percpu" what is there
 * once for each processor. Each is counted in pages, of which there are so many
 * that neither a started one nor a page in a processor's own counter matters:
 * 100 pages are 6 bytes for each callback. MemAvailable and the like say less,
 * as they contain what the rest of the system does.
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

/* With what was left behind freed, which takes the kernel up to some seconds. */
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
