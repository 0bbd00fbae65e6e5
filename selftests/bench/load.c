// SPDX-License-Identifier: GPL-2.0
/*
 * Row "load": how long it takes to insert and to remove the connector.
 *
 *   load <file>
 */
#include <sys/syscall.h>

#include "bench.h"

#define ROW "load"
#define SAMPLES 11

/*
 * The middle one of what is counted exactly. In wall time the clock of the guest
 * may advance in steps of a millisecond: the average of many knows more than that.
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

int main(int argc, char **argv)
{
	uint64_t insert[SAMPLES], remove[SAMPLES];
	unsigned int i;

	if (argc != 2)
		fail("usage: load <file>");
	for (i = 0; i < SAMPLES; i++) {
		int fd = open(argv[1], O_RDONLY | O_CLOEXEC);
		uint64_t start = now();

		if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
			fail("%s: %s", argv[1], strerror(errno));
		insert[i] = now() - start;
		close(fd);
		start = now();
		if (syscall(SYS_delete_module, "cn", O_NONBLOCK))
			fail("removing cn: %s", strerror(errno));
		remove[i] = now() - start;
	}
	print_result(ROW, "what=insmod", typical(insert), time_unit());
	print_result(ROW, "what=rmmod", typical(remove), time_unit());
	return 0;
}
