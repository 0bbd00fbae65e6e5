// SPDX-License-Identifier: GPL-2.0
/*
 * Row "irqs_off": the longest section with interrupts, or bottom halves, off during work of one
 * kind, with some number of callbacks registered.
 *
 *   irqs_off <callbacks> [every|parallel]
 *
 * Multicasts, batches and bundles have the largest size of their rows. With "every", they have each
 * of the sizes. With "parallel", only work that also involves another processor is measured.
 *
 * On "baseline" messages go to an empty handler. On "minimal" they are those of bare netlink, so
 * that the result is the kernel's own longest section.
 */
#include <sched.h>

#include "sizes.h"
#include "socket.h"
#include "irqs_off.h"

#define ROUNDS_AT_ONCE 11
#define PAYLOAD 32

static unsigned int callbacks;
static bool every;
static unsigned int windows = WINDOWS;
static int fd;
static int listeners[MOST_LISTENERS];

/* Arguments of multicast(), batch() and bundle(). */
static struct {
	unsigned int listeners, messages;
	size_t payload;
} task;

static void drain(int socket)
{
	static char bytes[65536];

	while (recv(socket, bytes, sizeof(bytes), MSG_DONTWAIT) >= 0)
		;
	if (errno != EAGAIN)
		fail("receiving: %s", strerror(errno));
}

/* The callback registered last, which the C connector finds last, or the handler in Rust. */
static uint32_t called(void)
{
	return provider_is("crate") ? BENCH_CRATE : BENCH_FIRST + callbacks - 1;
}

static void dispatch(void)
{
	static struct datagram datagram;
	uint64_t times[ROUNDS_AT_ONCE];
	struct bench_order order;

	datagram_begin(&datagram, provider_protocol());
	datagram_add_connector(&datagram, called(), 0, PAYLOAD);
	order = datagram_order(&datagram);
	order.samples = ROUNDS_AT_ONCE;
	order.times = (uintptr_t)times;
	ask("bench-sender", BENCH_SEND, order);
}

static void register_pairs(void)
{
	uint64_t times[ROUNDS_AT_ONCE];

	ask(provider_device(), BENCH_REGISTER_PAIR, (struct bench_order){
		.samples = ROUNDS_AT_ONCE, .times = (uintptr_t)times,
	});
}

static void send_all(struct datagram *datagram, unsigned int times)
{
	unsigned int i;

	for (i = 0; i < times; i++)
		if (send(fd, datagram->bytes, datagram->length, 0) != datagram->length)
			fail("sending: %s", strerror(errno));
}

static void echo(void)
{
	static struct datagram datagram;

	datagram_begin(&datagram, provider_protocol());
	datagram_add_echo(&datagram, NLM_F_ACK, PAYLOAD);
	send_all(&datagram, ROUNDS_AT_ONCE);
	drain(fd);
}

/* Many messages in one datagram. The C connector handles only the first one. */
static void batch(void)
{
	static struct datagram datagram;
	unsigned int i;

	datagram_begin(&datagram, provider_protocol());
	for (i = 0; i < task.messages; i++)
		datagram_add_connector(&datagram, called(), 0, PAYLOAD);
	send_all(&datagram, 1);
}

static void send_to_group(unsigned long request)
{
	unsigned int i;
	uint64_t time;

	ask(provider_device(), request, (struct bench_order){
		.samples = 1, .times = (uintptr_t)&time, .count = task.messages,
		.payload = task.payload,
	});
	for (i = 0; i < task.listeners; i++)
		drain(listeners[i]);
}

static void multicast(void)
{
	send_to_group(BENCH_MULTICAST);
}

static void bundle(void)
{
	send_to_group(BENCH_MULTICAST_BUNDLE);
}

static void measure(const char *name, void (*work)(void))
{
	char which[64];

	snprintf(which, sizeof(which), "work=%s;callbacks=%u", name, callbacks);
	measure_windows(which, work, windows);
}

/*
 * On one processor two senders take turns, as do a sender and a registering thread. On two
 * processors each has its own.
 */
static void measure_with_traffic(void)
{
	static struct datagram datagram;

	datagram_begin(&datagram, provider_protocol());
	datagram_add_connector(&datagram, called(), 0, PAYLOAD);
	ask("bench-sender", BENCH_TRAFFIC_START, datagram_order(&datagram));
	measure("two_senders", dispatch);
	if (!provider_is("baseline"))
		measure("register_traffic", register_pairs);
	ask("bench-sender", BENCH_TRAFFIC_STOP, (struct bench_order){});
}

/* The first one of the measured sizes. */
static unsigned int first_of(unsigned int sizes)
{
	return every ? 0 : sizes - 1;
}

static void measure_multicasts(void)
{
	unsigned int i, j;
	char name[64];

	task.messages = 1;
	for (i = first_of(SIZES(listener_counts)); i < SIZES(listener_counts); i++) {
		while (task.listeners < listener_counts[i])
			listeners[task.listeners++] = open_socket(provider_group());
		for (j = first_of(SIZES(payload_sizes)); j < SIZES(payload_sizes); j++) {
			task.payload = payload_sizes[j];
			snprintf(name, sizeof(name), "multicast of %u to %u", payload_sizes[j],
				 listener_counts[i]);
			measure(name, multicast);
		}
	}
}

static void measure_batches(void)
{
	unsigned int i;
	char name[64];

	task.payload = PAYLOAD;
	task.listeners = 1;
	listeners[0] = open_socket(provider_group());
	for (i = first_of(SIZES(batch_sizes)); i < SIZES(batch_sizes); i++) {
		task.messages = batch_sizes[i];
		snprintf(name, sizeof(name), "batch of %u", batch_sizes[i]);
		measure(name, batch);
		snprintf(name, sizeof(name), "bundle of %u", batch_sizes[i]);
		measure(name, bundle);
	}
	close(listeners[0]);
	task.listeners = 0;
}

/* Leaves the other processor to the traffic. */
static void measure_in_parallel(void)
{
	cpu_set_t first;

	CPU_ZERO(&first);
	CPU_SET(0, &first);
	if (sched_setaffinity(0, sizeof(first), &first))
		fail("staying on the first processor: %s", strerror(errno));
	measure_with_traffic();
}

static void measure_alone(void)
{
	bool baseline = provider_is("baseline"), minimal = provider_is("minimal");

	if (!baseline && !minimal) {
		ask("bench-client", BENCH_REGISTER_ECHO, (struct bench_order){ .count = 1 });
		measure("register", register_pairs);
	}
	if (!minimal) {
		measure("dispatch", dispatch);
		/* A window may or may not have one with a switch between the two threads. */
		windows = MOST_WINDOWS;
		measure_with_traffic();
		windows = WINDOWS;
	}
	if (!baseline) {
		fd = open_socket(0);
		measure("echo", echo);
		if (!minimal)
			measure_batches();
		measure_multicasts();
		if (!minimal)
			ask("bench-client", BENCH_REGISTER_ECHO,
			    (struct bench_order){ .count = 0 });
	}
}

int main(int argc, char **argv)
{
	bool parallel = argc == 3 && !strcmp(argv[2], "parallel");

	every = argc == 3 && !strcmp(argv[2], "every");
	if (argc != 2 && !every && !parallel)
		fail("usage: irqs_off <callbacks> [every|parallel]");
	callbacks = atoi(argv[1]);
	if (!provider_is("baseline") && !provider_is("minimal"))
		ask("bench-client", BENCH_REGISTER, (struct bench_order){ .count = callbacks });
	if (parallel)
		measure_in_parallel();
	else
		measure_alone();
	return 0;
}
