// SPDX-License-Identifier: GPL-2.0
/*
 * Many callbacks at once: all are listed, the first and the last are called, and afterwards none is
 * left. many <callbacks>
 */
#include "../cn_client.h"

#define IDX 25

static int lines_of_idx(void)
{
	FILE *file = fopen("/proc/net/connector", "r");
	char line[256], id[32];
	int lines = 0;

	snprintf(id, sizeof(id), " %u:", IDX);
	while (file && fgets(line, sizeof(line), file))
		lines += strstr(line, id) != NULL;
	if (file)
		fclose(file);
	return lines;
}

/* Does one message reach the callback? */
static bool is_called(int fd, unsigned int val)
{
	struct cn_packet p = { .id = { IDX, val } };

	return cn_send(fd, &p) > 0 && callback_value(IDX, val, "calls") == 1;
}

int main(int argc, char **argv)
{
	unsigned int callbacks = argc == 2 ? atoi(argv[1]) : 0;
	int fd = cn_open_in_group(0), before, listed, left;
	bool first, last, ok;

	if (callbacks < 3 || fd < 0 || client("clear")) {
		printf("usage: many <callbacks>, with cn_client loaded\n");
		return 1;
	}
	before = lines_of_idx();
	ok = !client("add %u:1 first count", IDX) &&
	     !client("add_many %u:2 %u", IDX, callbacks - 2) &&
	     !client("add %u:%u last count", IDX, callbacks);
	listed = lines_of_idx() - before;
	first = is_called(fd, 1);
	last = is_called(fd, callbacks);
	client("clear");
	left = lines_of_idx() - before;
	client_close();
	close(fd);
	printf("%u callbacks registered%s, %d listed, the first%s called, the last%s; %d left after all were unregistered\n",
	       callbacks, ok ? "" : " (not all)", listed, first ? "" : " not", last ? "" : " not",
	       left);
	return !ok || listed != (int)callbacks || !first || !last || left;
}
