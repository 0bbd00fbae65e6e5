// SPDX-License-Identifier: GPL-2.0
/*
 * A fuzzer with a model of the datagram format and of the connector's behaviour.
 *
 *   fuzz [seed=N] [operations=N] [seconds=N] [log=FILE] [common] [sums] [coverage] [unchecked=N]
 *        [unreachable=FILE] [least=N]
 *
 * The fuzzer does random operations on the connector (fuzz_calls.h). It compares every byte and
 * number that it can observe with the model (fuzz_rules.h). It loads and unloads the connector, so
 * nothing may be loaded. The same seed does the same operations.
 *
 * "common" does only operations that the C connector supports as well. The log has one line for
 * each operation: number, reason for a difference between the connectors, result, hash of the
 * received bytes, hash of /proc/net/connector.
 *
 * With "sums" most messages are requests for notification whose numbers do not add up.
 *
 * "coverage" uses KCOV to record the coverage points of each operation in cn.ko. An operation that
 * reaches a new one is done again with changes. After them come rounds of operations that the model
 * does not cover (fuzz_unchecked.h). In the end the fuzzer prints the points of the receive path
 * that were not reached. It fails when less than `least` per cent were reached. A file lists the
 * points that no program can reach. The order depends on the kernel, so a seed alone does not
 * always repeat a run.
 *
 * CN_PROVIDER names the connector.
 */
#include <time.h>

#include "fuzz_tape.h"
#include "fuzz_calls.h"
#include "fuzz_corpus.h"
#include "fuzz_coverage.h"
#include "fuzz_unchecked.h"

/* Between two loads of the connector. */
#define OPERATIONS_PER_LOAD 5000
#define OPERATIONS_PER_LIST 16

static uint64_t number_of(const char *text)
{
	char *end;
	uint64_t number = strtoull(text, &end, 0);

	if (*end || end == text) {
		fprintf(stderr, "fuzz: '%s' is no number\n", text);
		exit(2);
	}
	return number;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static void no_modules_on_demand(void)
{
	int fd = open("/proc/sys/kernel/modprobe", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "\n", 1) != 1)
		perror("/proc/sys/kernel/modprobe");
	close(fd);
}

int main(int argc, char **argv)
{
	uint64_t operations = 1000, seconds = 0, unchecked = 1, least = 0;
	const char *unreachable = NULL;
	uint32_t list_hash = 0;
	bool with_coverage = false;
	FILE *log = NULL;
	double start;
	int i;

	/* The model knows nothing of modules that are loaded on demand. */
	no_modules_on_demand();

	for (i = 1; i < argc; i++) {
		if (!strncmp(argv[i], "seed=", 5))
			the_seed = number_of(argv[i] + 5);
		else if (!strncmp(argv[i], "operations=", 11))
			operations = number_of(argv[i] + 11);
		else if (!strncmp(argv[i], "seconds=", 8))
			seconds = number_of(argv[i] + 8);
		else if (!strncmp(argv[i], "unchecked=", 10))
			unchecked = number_of(argv[i] + 10);
		else if (!strncmp(argv[i], "least=", 6))
			least = number_of(argv[i] + 6);
		else if (!strncmp(argv[i], "unreachable=", 12))
			unreachable = argv[i] + 12;
		else if (!strncmp(argv[i], "log=", 4))
			log = fopen(argv[i] + 4, "we");
		else if (!strcmp(argv[i], "common"))
			model.common = true;
		else if (!strcmp(argv[i], "sums"))
			mostly_sums = true;
		else if (!strcmp(argv[i], "coverage"))
			with_coverage = true;
		else {
			fprintf(stderr,
				"fuzz: unknown argument '%s'. Known are seed=, operations=, "
				"seconds=, log=, common, sums, coverage, unchecked=, "
				"unreachable=, least=.\n", argv[i]);
			return 2;
		}
	}
	random_state = the_seed;
	model.c = provider_is_c();
	model.common |= model.c;
	model.rust_fd = -1;
	for (i = 0; i < SOCKETS; i++) {
		model.sockets[i].fd = -1;
		model.sockets[i].bytes = malloc(EXPECTED_BYTES);
		if (!model.sockets[i].bytes)
			return 2;
	}
	describe("load");
	load_connector();
	if (with_coverage)
		start_coverage(unreachable);
	start = now();
	for (operation = 1; operation <= operations; operation++) {
		if (seconds && !(operation % 64) && now() - start > seconds)
			break;
		if (!(operation % OPERATIONS_PER_LOAD)) {
			compare_all();
			describe("unload and load");
			unload_connector();
			load_connector();
			if (with_coverage)
				find_sections();
		}
		if (with_coverage) {
			plan_tape();
			forget_coverage();
		} else {
			tape.n = 0;
		}
		verdict = 0;
		difference = NULL;
		received_hash = 0;
		make_call();
		if (with_coverage && new_coverage())
			keep_tape();
		compare_sockets();
		if (!(operation % OPERATIONS_PER_LIST))
			list_hash = compare_list();
		if (log)
			fprintf(log, "%llu\t%s\t%d\t%08x\t%08x\n", (unsigned long long)operation,
				difference ? difference : "-", verdict, received_hash, list_hash);
	}
	operation--;
	compare_all();
	describe("unload");
	unload_connector();
	if (log && fclose(log)) {
		perror("fuzz: log");
		return 2;
	}
	/* The lines of the scorecard that this is about. */
	printf("foreign_bytes.fuzzer %llu datagrams received, each byte as expected\n",
	       (unsigned long long)received);
	printf("corrupt_lengths.fuzzer %llu corrupt lengths\n",
	       (unsigned long long)corrupt_lengths);
	printf("wrapping_sums.fuzzer %llu requests with numbers that do not add up\n",
	       (unsigned long long)wrong_sums);
	printf("%llu operations, %llu datagrams with %llu messages, %.0f operations/s, seed %llu\n",
	       (unsigned long long)operation, (unsigned long long)datagrams,
	       (unsigned long long)messages, operation / (now() - start),
	       (unsigned long long)the_seed);
	if (!with_coverage)
		return 0;
	planned = 0;
	try_unchecked(unchecked);
	return show_coverage(least) ? 0 : 1;
}
