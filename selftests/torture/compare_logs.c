// SPDX-License-Identifier: GPL-2.0
/*
 * Compares the logs of two connectors:
 *
 *   compare_logs <log of fuzz on C> <log on ours> [operation:what...]
 *
 * A named operation may differ: "result" in its return value, "received" in what sockets receive.
 * The last line is the figure. An allowed difference that never occurs is an error.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER, WHY, RESULT, RECEIVED, LIST, FIELDS };

static const char *const names[FIELDS] = { "number", "operation", "result", "received", "list" };

struct log {
	FILE *file;
	char line[256];
	const char *fields[FIELDS];
};

static int read_line(struct log *log)
{
	char *rest = log->line;
	int i;

	if (!fgets(log->line, sizeof(log->line), log->file))
		return 0;
	log->line[strcspn(log->line, "\n")] = '\0';
	for (i = 0; i < FIELDS; i++) {
		log->fields[i] = rest ? strsep(&rest, "\t") : "";
	}
	return 1;
}

static void open_log(struct log *log, const char *path)
{
	log->file = fopen(path, "re");
	if (!log->file) {
		perror(path);
		exit(1);
	}
}

/* The argument that lets an operation differ in a field, or none. */
static int allowed(int argc, char **argv, const char *why, const char *what)
{
	size_t length = strlen(why);
	int i;

	for (i = 3; i < argc; i++)
		if (!strncmp(argv[i], why, length) && argv[i][length] == ':' &&
		    !strcmp(argv[i] + length + 1, what))
			return i;
	return 0;
}

int main(int argc, char **argv)
{
	static struct log c, ours;
	unsigned long count = 0, *seen = calloc(argc + 1, sizeof(*seen));
	int bad = 0, i, j;

	if (argc < 3 || !seen) {
		fprintf(stderr, "usage: compare_logs <log> <log> [operation:result|received...]\n");
		return 2;
	}
	open_log(&c, argv[1]);
	open_log(&ours, argv[2]);
	while (!bad && read_line(&c)) {
		count++;
		if (!read_line(&ours)) {
			printf("the logs have different lengths\n");
			return 1;
		}
		if (strcmp(c.fields[NUMBER], ours.fields[NUMBER]) ||
		    strcmp(c.fields[WHY], ours.fields[WHY])) {
			printf("operation %s: the streams differ\n", c.fields[NUMBER]);
			return 1;
		}
		for (i = RESULT; i < FIELDS; i++) {
			if (!strcmp(c.fields[i], ours.fields[i]))
				continue;
			j = allowed(argc, argv, c.fields[WHY], names[i]);
			if (j) {
				seen[j]++;
				continue;
			}
			printf("operation %s (%s): %s is %s in C, and %s in ours\n",
			       c.fields[NUMBER], c.fields[WHY], names[i], c.fields[i],
			       ours.fields[i]);
			bad = 1;
		}
	}
	if (bad)
		return 1;
	if (!count || read_line(&ours)) {
		printf(count ? "the logs have different lengths\n" :
			       "there is nothing to compare\n");
		return 1;
	}
	for (i = 3; i < argc; i++) {
		if (seen[i])
			continue;
		printf("the connectors do not differ in %s\n", argv[i]);
		bad = 1;
	}
	if (bad)
		return 1;
	printf("%lu operations, all the same but for what is listed:", count);
	for (i = 3; i < argc; i++)
		printf(" %.*s %lu", (int)strcspn(argv[i], ":"), argv[i], seen[i]);
	printf("\n");
	return 0;
}
