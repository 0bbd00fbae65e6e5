// SPDX-License-Identifier: GPL-2.0
/*
 * Row "batch": many small messages at once. The printed value is for one message.
 *
 *   direction=in      from a program, in one datagram. The C connector handles only the
 *                     first message of a datagram, so each message has its own datagram there.
 *   direction=out     from the kernel to one listener: bundles, except by the C
 *                     interface, which sends one message after the other.
 *   direction=bundle  bundles by the C interface: cn_netlink_send_mult()
 */
#include "sizes.h"
#include "socket.h"

#define ROW "batch"
#define SAMPLES 51
#define PAYLOAD 32

static void print(const char *direction, unsigned int size, uint64_t *times)
{
	char which[64];

	snprintf(which, sizeof(which), "direction=%s;size=%u", direction, size);
	print_result(ROW, which, (double)median(times, SAMPLES) / size, time_unit());
}

static void add_message(struct datagram *datagram)
{
	if (provider_is("genl"))
		datagram_add_genl(datagram, BENCH_GENL_NOTHING, 0, PAYLOAD);
	else
		datagram_add_connector(datagram, provider_is("crate") ? BENCH_CRATE : BENCH_FIRST,
				       0, PAYLOAD);
}

static void measure_in(unsigned int size)
{
	bool counts = !provider_is("baseline");
	static struct datagram datagram;
	unsigned int i, j, datagrams = 1;
	uint64_t times[SAMPLES];
	int fd = open_socket(0), before = 0, calls = 0;

	datagram_begin(&datagram, provider_protocol());
	if (provider_is("c")) {
		add_message(&datagram);
		datagrams = size;
	} else {
		for (i = 0; i < size; i++)
			add_message(&datagram);
	}
	if (counts)
		before = ask(provider_device(), BENCH_CALLS, (struct bench_order){});
	for (i = 0; i < SAMPLES; i++) {
		uint64_t start = now();

		for (j = 0; j < datagrams; j++)
			if (send(fd, datagram.bytes, datagram.length, 0) != datagram.length)
				fail("sending: %s", strerror(errno));
		times[i] = now() - start;
	}
	if (counts)
		calls = ask(provider_device(), BENCH_CALLS, (struct bench_order){}) - before;
	if (counts && calls != SAMPLES * size)
		fail("%d calls by %u messages", calls, SAMPLES * size);
	close(fd);
	print("in", size, times);
}

/* All sent messages have arrived. */
static void check_listener(int fd, unsigned int size, unsigned int datagrams)
{
	/* Bundles of the connector have one netlink header. */
	bool one_header = datagrams == 1 && !provider_is("genl") && !provider_is("minimal");
	size_t each = provider_headers() - (one_header ? NLMSG_HDRLEN : 0) + PAYLOAD;
	static char bytes[65536];
	unsigned int i;

	for (i = 0; i < datagrams; i++) {
		size_t length = receive(fd, bytes, sizeof(bytes));
		size_t expected = size / datagrams * each + (one_header ? NLMSG_HDRLEN : 0);

		if (length != expected)
			fail("a datagram has %zu bytes instead of %zu", length, expected);
	}
	expect_silence(fd);
}

static void measure_out(const char *direction, unsigned int size, bool bundle)
{
	int fd = open_socket(provider_group());
	uint64_t times[SAMPLES];
	unsigned int i;

	for (i = 0; i < SAMPLES; i++) {
		ask(provider_device(), bundle ? BENCH_MULTICAST_BUNDLE : BENCH_MULTICAST,
		    (struct bench_order){
			.samples = 1, .times = (uintptr_t)&times[i], .count = size,
			.payload = PAYLOAD,
		});
		check_listener(fd, size, bundle ? 1 : size);
	}
	close(fd);
	print(direction, size, times);
}

int main(void)
{
	bool client = provider_is("c") || provider_is("rust");
	unsigned int i;

	if (client)
		ask("bench-client", BENCH_REGISTER, (struct bench_order){ .count = 1 });
	for (i = 0; i < SIZES(batch_sizes); i++) {
		if (!provider_is("minimal"))
			measure_in(batch_sizes[i]);
		if (!provider_is("baseline"))
			measure_out("out", batch_sizes[i], !client);
		if (client)
			measure_out("bundle", batch_sizes[i], true);
	}
	return 0;
}
