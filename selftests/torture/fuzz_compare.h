/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Compares the observable state with the model (fuzz_model.h): every byte that sockets receive, the
 * files in /proc, the calls of the C test client.
 */
#ifndef FUZZ_COMPARE_H
#define FUZZ_COMPARE_H

#include "fuzz_model.h"

static uint8_t in[CN_BUFFER];
/* Hash of all bytes received in this operation, for the comparison of connectors. */
static uint32_t received_hash;

static inline void hash_received(int socket, uint32_t groups, const uint8_t *bytes, size_t len)
{
	uint32_t parts[4] = { received_hash, socket, groups, cn_hash(bytes, len) };

	received_hash = cn_hash(parts, sizeof(parts));
}

static inline void show_bytes(const char *what, const uint8_t *bytes, size_t len)
{
	size_t i;

	printf("%s, %zu bytes:", what, len);
	for (i = 0; i < len && i < 256; i++)
		printf("%s%02x", i % 32 ? "" : "\n  ", bytes[i]);
	printf("\n");
}

/* The next datagram of a socket must be this one. The receive buffer is poisoned before. */
static inline void receive_one(int number, const struct expected *e)
{
	struct endpoint *socket = &model.sockets[number];
	struct sockaddr_nl from = {};
	socklen_t from_len = sizeof(from);
	const uint8_t *bytes = socket->bytes + e->at;
	uint32_t groups = e->group >= 1 && e->group <= 32 ? 1u << (e->group - 1) : 0;
	ssize_t len;
	size_t i;

	memset(in, 0xa5, e->len + 64);
	len = recvfrom(socket->fd, in, sizeof(in), MSG_DONTWAIT | MSG_TRUNC,
		       (struct sockaddr *)&from, &from_len);
	if (len < 0)
		wrong("socket %d is to receive %zu bytes, and recvfrom() says: %s", number, e->len,
		      strerror(errno));
	if ((size_t)len != e->len || memcmp(in, bytes, len)) {
		show_bytes("received", in, len);
		show_bytes("expected", bytes, e->len);
		wrong("socket %d received something else than it should", number);
	}
	for (i = len; i < (size_t)len + 64; i++)
		if (in[i] != 0xa5)
			wrong("socket %d received %zd bytes, and behind them something was written",
			      number, len);
	if (from.nl_pid || from.nl_groups != groups)
		wrong("socket %d received from port %u, groups %#x instead of %#x", number,
		      from.nl_pid, from.nl_groups, groups);
	received++;
	hash_received(number, groups, in, len);
}

static inline void compare_sockets(void)
{
	struct pollfd ready[SOCKETS];
	ssize_t len;
	size_t i;
	int s;

	for (s = 0; s < SOCKETS; s++) {
		struct endpoint *socket = &model.sockets[s];

		for (i = 0; i < socket->n; i++)
			receive_one(s, &socket->expected[i]);
		socket->n = 0;
		socket->used = 0;
		ready[s] = (struct pollfd) { .fd = socket->fd, .events = POLLIN };
	}
	if (!poll(ready, SOCKETS, 0))
		return;
	for (s = 0; s < SOCKETS; s++) {
		if (!ready[s].revents)
			continue;
		len = recv(model.sockets[s].fd, in, sizeof(in), MSG_DONTWAIT);
		if (len < 0)
			wrong("socket %d has an error: %s", s, strerror(errno));
		show_bytes("received", in, len);
		wrong("socket %d received something that is not for it", s);
	}
}

/* -- Files ---------------------------------------------------------------- */

static inline void compare_text(const char *path, const char *expected)
{
	char *text = read_file(path);

	if (!text)
		wrong("%s cannot be read: %s", path, strerror(errno));
	if (strcmp(text, expected)) {
		printf("%s is\n%sinstead of\n%s", path, text, expected);
		wrong("%s is not as expected", path);
	}
	free(text);
}

static char text[64 * 1024];
static size_t text_len;

static inline __attribute__((format(printf, 1, 2))) void add_text(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	text_len += vsnprintf(text + text_len, sizeof(text) - text_len, format, args);
	va_end(args);
	if (text_len >= sizeof(text))
		wrong("the fuzzer has too little room");
}

/* The hash of the file without the channel, which only one of the connectors has. */
static inline uint32_t compare_list(void)
{
	uint32_t hash = 0;
	size_t i;

	text_len = 0;
	add_text("Name            ID\n");
	for (i = 0; i < model.n_callbacks; i++) {
		const struct callback *one = &model.callbacks[i];
		size_t start = text_len;

		add_text("%-15s %u:%u\n", one->name, one->id.idx, one->id.val);
		if (one->kind != CHANNEL)
			hash = hash * 31 + cn_hash(text + start, text_len - start);
	}
	compare_text("/proc/net/connector", text);
	return hash;
}

static inline void compare_stats(void)
{
	const struct counters *c = &model.counters;
	uint64_t dropped = c->drop_short + c->drop_length + c->drop_payload + c->drop_too_long +
			   c->drop_message_length + c->drop_unknown_id + c->drop_refused;
	size_t i;

	if (model.c)
		return;
	text_len = 0;
#define COUNTER(name, value) add_text(#name " %llu\n", (unsigned long long)(value))
	COUNTER(received, c->delivered + dropped);
#define FIELD(name) COUNTER(name, c->name)
	FIELD(delivered);
	FIELD(answered);
	FIELD(drop_short);
	FIELD(drop_length);
	FIELD(drop_payload);
	FIELD(drop_too_long);
	FIELD(drop_message_length);
	FIELD(drop_unknown_id);
	FIELD(drop_refused);
	/* Of a guest alone. */
	COUNTER(drop_no_memory, 0);
	FIELD(sent);
	FIELD(send_unknown_id);
	FIELD(send_no_listener);
	FIELD(send_no_memory);
	FIELD(send_undelivered);
	FIELD(notified);
	FIELD(notify_lost);
#undef FIELD
#undef COUNTER
	for (i = 0; i < model.n_callbacks; i++) {
		const struct callback *one = &model.callbacks[i];

		add_text("id %u:%u delivered %llu failed %llu refused %llu capability %d group %s name %s%s\n",
			 one->id.idx, one->id.val, (unsigned long long)one->delivered,
			 (unsigned long long)one->failed, (unsigned long long)one->refused,
			 one->capability, one->opens_group ? "open" : "closed", one->name,
			 one->kind == CHANNEL ?
				 " description notification of registered and unregistered ids" :
			 one->opens_group ? " description test of the open group" : "");
	}
	compare_text("/proc/net/connector_stats", text);
}

static inline void compare_client(void)
{
	char *seen = client_text(), start[128];
	const char *line;
	unsigned int seq, ack, len, flags, hash, portid;
	size_t i;

	if (!seen)
		wrong("the file of the test client cannot be read");
	for (i = 0; i < model.n_known; i++) {
		const struct known *one = &model.known[i];

		if (one->is_many && !one->calls)
			continue;
		snprintf(start, sizeof(start),
			 "callback %u:%u registered=%d calls=%u running=0 late=0 ", one->id.idx,
			 one->id.val, one->registered, one->calls);
		line = find_line(seen, start);
		if (!line) {
			printf("%s", seen);
			wrong("the test client does not say '%s'", start);
		}
		line = strstr(line, " seq=");
		if (!line || sscanf(line, " seq=%u ack=%u len=%u flags=%u hash=%u portid=%u", &seq,
				    &ack, &len, &flags, &hash, &portid) != 6)
			wrong("the test client says something else than before");
		if (!one->calls)
			continue;
		if (seq != one->last.seq || ack != one->last.ack || len != one->last.len ||
		    flags != one->last.flags || hash != one->hash || portid != one->portid) {
			printf("%.*s\n", (int)strcspn(line, "\n"), line);
			wrong("the callback %u:%u saw something else than was sent", one->id.idx,
			      one->id.val);
		}
	}
	free(seen);
}

#endif
