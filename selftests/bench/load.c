// SPDX-License-Identifier: GPL-2.0
/*
 * Row "load": the time to insert and to remove the connector. Where the sampler is loaded, also the
 * longest section with interrupts and bottom halves off meanwhile.
 *
 *   load <file>
 */
#include <sys/syscall.h>

#include "irqs_off.h"

#define ROW "load"
#define SAMPLES 11

/*
 * The median of exact counts. In wall time the clock of the guest may advance in steps of a
 * millisecond; there the average of many values is more exact.
 */
static uint64_t typical(uint64_t *times)
{
	uint64_t sum = 0;
	unsigned int i;

	if (!strcmp(time_unit(), "instructions"))
		return median(times, SAMPLES);
	for (i = 0; i < SAMPLES; i++)
		sum += times[i];
	return sum / SAMPLES;
}

static const char *file;

static void insert(void)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
		fail("%s: %s", file, strerror(errno));
	close(fd);
}

static void remove_it(void)
{
	if (syscall(SYS_delete_module, "cn", O_NONBLOCK))
		fail("removing cn: %s", strerror(errno));
}

static void insert_and_remove(void)
{
	insert();
	remove_it();
}

int main(int argc, char **argv)
{
	uint64_t insertions[SAMPLES], removals[SAMPLES];
	unsigned int i;

	if (argc != 2)
		fail("usage: load <file>");
	file = argv[1];
	for (i = 0; i < SAMPLES; i++) {
		uint64_t start = now();

		insert();
		insertions[i] = now() - start;
		start = now();
		remove_it();
		removals[i] = now() - start;
	}
	print_result(ROW, "what=insmod", typical(insertions), time_unit());
	print_result(ROW, "what=rmmod", typical(removals), time_unit());
	if (has_sampler())
		measure_sections("work=load", insert_and_remove);
	return 0;
}
