// SPDX-License-Identifier: GPL-2.0
/*
 * Row "irqoff": the longest time that interrupts, or bottom halves, are off while
 * work of one kind goes on, with some number of callbacks registered.
 *
 *   irqoff <callbacks>
 *
 * On "floor" messages go to an empty handler, on "minimal" they are those of bare
 * netlink: what the kernel itself has off.
 */
#include "socket.h"
#include "stretches.h"

#define ROUNDS_AT_ONCE 11
#define PAYLOAD 32
#define LISTENERS 8
#define BATCH 32

static unsigned int callbacks;
static int listeners[LISTENERS];

static void drain(int fd)
{
	static char bytes[65536];

	while (recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) >= 0)
		;
	if (errno != EAGAIN)
		fail("receiving: %s", strerror(errno));
}

/* The callback that was registered last, which the C connector finds last; or the handler in Rust. */
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
		if (send(listeners[0], datagram->bytes, datagram->length, 0) != datagram->length)
			fail("sending: %s", strerror(errno));
}

static void echo(void)
{
	static struct datagram datagram;

	datagram_begin(&datagram, provider_protocol());
	datagram_add_echo(&datagram, NLM_F_ACK, PAYLOAD);
	send_all(&datagram, ROUNDS_AT_ONCE);
	drain(listeners[0]);
}

/* Many messages in one datagram, of which the C connector looks at the first. */
static void batch(void)
{
	static struct datagram datagram;
	unsigned int i;

	datagram_begin(&datagram, provider_protocol());
	for (i = 0; i < BATCH; i++)
		datagram_add_connector(&datagram, called(), 0, PAYLOAD);
	send_all(&datagram, 1);
}

static void tell(unsigned long request)
{
	unsigned int i;
	uint64_t time;

	ask(provider_device(), request, (struct bench_order){
		.samples = 1, .times = (uintptr_t)&time, .count = BATCH, .payload = PAYLOAD,
	});
	for (i = 0; i < LISTENERS; i++)
		drain(listeners[i]);
}

static void multicast(void)
{
	tell(BENCH_TELL);
}

static void bundle(void)
{
	tell(BENCH_TELL_BUNDLE);
}

static void measure(const char *name, void (*work)(void))
{
	char which[64];

	snprintf(which, sizeof(which), "work=%s;callbacks=%u", name, callbacks);
	measure_stretches(which, work);
}

/* On one processor two senders take turns, as a sender and who registers do. */
static void measure_with_traffic(void)
{
	static struct datagram datagram;

	datagram_begin(&datagram, provider_protocol());
	datagram_add_connector(&datagram, called(), 0, PAYLOAD);
	ask("bench-sender", BENCH_TRAFFIC_START, datagram_order(&datagram));
	measure("two_senders", dispatch);
	if (!provider_is("floor"))
		measure("register_traffic", register_pairs);
	ask("bench-sender", BENCH_TRAFFIC_STOP, (struct bench_order){});
}

int main(int argc, char **argv)
{
	bool floor = provider_is("floor"), minimal = provider_is("minimal");
	unsigned int i;

	if (argc != 2)
		fail("usage: irqoff <callbacks>");
	callbacks = atoi(argv[1]);
	if (!floor && !minimal) {
		ask("bench-client", BENCH_REGISTER, (struct bench_order){ .count = callbacks });
		ask("bench-client", BENCH_REGISTER_ECHO, (struct bench_order){ .count = 1 });
		measure("register", register_pairs);
	}
	if (!minimal) {
		measure("dispatch", dispatch);
		measure_with_traffic();
	}
	if (!floor) {
		for (i = 0; i < LISTENERS; i++)
			listeners[i] = open_socket(provider_group());
		measure("echo", echo);
		measure("multicast", multicast);
		if (!minimal) {
			measure("batch", batch);
			measure("bundle", bundle);
			ask("bench-client", BENCH_REGISTER_ECHO, (struct bench_order){ .count = 0 });
		}
	}
	return 0;
}
