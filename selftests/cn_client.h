/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Drives the test module cn_client.ko. modules/cn_client/file.c documents the commands.
 */
#ifndef CN_CLIENT_H
#define CN_CLIENT_H

#include <fcntl.h>
#include <stdarg.h>

#include "cn_needs.h"

/* The result of a command belongs to the open file: one file for each thread. */
static __thread int client_fd = -1;

static inline int client_open(void)
{
	if (client_fd < 0) {
		client_fd = open("/proc/cn_client", O_RDWR | O_CLOEXEC);
		if (client_fd < 0)
			return -errno;
	}
	return 0;
}

/* Before the test client is unloaded: its file would be dead afterwards. */
static inline void client_close(void)
{
	if (client_fd >= 0)
		close(client_fd);
	client_fd = -1;
}

/* One command; 0 or the exact error of the call it makes. */
static inline __attribute__((format(printf, 1, 2)))
int client(const char *format, ...)
{
	char line[512];
	va_list args;
	int len, ret = client_open();

	if (ret)
		return ret;
	va_start(args, format);
	len = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	return write(client_fd, line, len) < 0 ? -errno : 0;
}

static inline char *client_text(void)
{
	size_t size = 64 * 1024, len = 0;
	char *text = malloc(size);
	ssize_t n;

	if (!text || client_open())
		goto fail;
	/* A read at offset 0 makes the text anew. */
	while ((n = pread(client_fd, text + len, size - len - 1, len)) > 0) {
		len += n;
		if (size - len < 4096) {
			text = realloc(text, size *= 2);
			if (!text)
				return NULL;
		}
	}
	if (n < 0)
		goto fail;
	text[len] = '\0';
	return text;
fail:
	free(text);
	return NULL;
}

/* A number of the last command of this thread: result, sent, failed, ... */
static inline long long client_value(const char *name)
{
	char *text = client_text();
	const char *line;
	long long value = -1000000;
	char start[64];

	snprintf(start, sizeof(start), "%s ", name);
	line = find_line(text, start);
	if (line)
		value = strtoll(line + strlen(start), NULL, 10);
	free(text);
	return value;
}

/* A number that the test client keeps of a callback; -1000000 if unknown. */
static inline long long callback_value(uint32_t idx, uint32_t val, const char *name)
{
	char *text = client_text();
	const char *line;
	long long value = -1000000;
	char word[64];

	snprintf(word, sizeof(word), "callback %u:%u ", idx, val);
	line = find_line(text, word);
	if (line) {
		const char *end = strchr(line, '\n');

		snprintf(word, sizeof(word), " %s=", name);
		line = strstr(line, word);
		if (line && (!end || line < end))
			value = strtoll(line + strlen(word), NULL, 10);
	}
	free(text);
	return value;
}

/* Every test that needs the client starts and ends with nothing registered. */
#define CN_NEEDS_CLIENT() do { \
	CN_NEEDS("cn_client"); \
	ASSERT_EQ(0, client("clear")); \
} while (0)

#endif
