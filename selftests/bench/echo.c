// SPDX-License-Identifier: GPL-2.0
/*
 * Row "echo": a program sends a message and receives the reply, and the acknowledgement if it
 * requested one. The C connector has no acknowledgements.
 */
#include "socket.h"

#define ROW "echo"
#define SAMPLES 101

/* A reply is as long as the request, and ends as it does. */
static void check_reply(const struct datagram *request, const char *reply, size_t length,
			size_t payload)
{
	size_t headers = provider_headers();

	if (length < headers + payload ||
	    memcmp(reply + headers, request->bytes + headers, payload))
		fail("a reply of %zu bytes differs from the request", length);
}

static void check_acknowledgement(const char *bytes, size_t length)
{
	const struct nlmsghdr *nlh = (const void *)bytes;
	const struct nlmsgerr *error = NLMSG_DATA(nlh);

	if (length < NLMSG_LENGTH(sizeof(*error)) || nlh->nlmsg_type != NLMSG_ERROR || error->error)
		fail("no acknowledgement was received");
}

static void measure(bool ack, size_t payload)
{
	static struct datagram request;
	static char reply[65536], acknowledgement[65536];
	uint64_t times[SAMPLES];
	int fd = open_socket(0);
	char which[64];
	unsigned int i;

	datagram_begin(&request, provider_protocol());
	datagram_add_echo(&request, ack ? NLM_F_ACK : 0, payload);
	for (i = 0; i < SAMPLES; i++) {
		uint64_t start = now();
		ssize_t sent = send(fd, request.bytes, request.length, 0);
		ssize_t length = recv(fd, reply, sizeof(reply), MSG_DONTWAIT);
		ssize_t acked = ack ? recv(fd, acknowledgement, sizeof(acknowledgement),
					   MSG_DONTWAIT) : 0;

		times[i] = now() - start;
		if (sent != request.length || length < 0 || acked < 0)
			fail("sending or receiving: %s", strerror(errno));
		check_reply(&request, reply, length, payload);
		if (ack)
			check_acknowledgement(acknowledgement, acked);
	}
	expect_silence(fd);
	close(fd);
	snprintf(which, sizeof(which), "ack=%s;payload=%zu", ack ? "yes" : "no", payload);
	print_result(ROW, which, median(times, SAMPLES), time_unit());
}

int main(void)
{
	static const size_t payloads[] = { 16, 512, BENCH_MAX_PAYLOAD };
	bool client = provider_is("c") || provider_is("rust");
	unsigned int i;

	if (client)
		ask("bench-client", BENCH_REGISTER_ECHO, (struct bench_order){ .count = 1 });
	for (i = 0; i < sizeof(payloads) / sizeof(*payloads); i++) {
		measure(false, payloads[i]);
		if (!provider_is("c"))
			measure(true, payloads[i]);
	}
	if (client)
		ask("bench-client", BENCH_REGISTER_ECHO, (struct bench_order){ .count = 0 });
	return 0;
}
