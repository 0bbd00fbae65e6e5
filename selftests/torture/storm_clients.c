// SPDX-License-Identifier: GPL-2.0
/*
 * Loads and unloads clients of the connector, one in C and one in Rust, while others send to them.
 * Each message is either handled by the client or answered with ENODEV. A call after unloading
 * would run freed code.
 *
 *   storm_clients <loads of each> <senders>
 */
#include "../cn_module.h"
#include "seed.h"
#include "senders.h"
#include "slab.h"

/* modules/visitor.c, and the sample cn_echo. */
static const struct client {
	const char *file, *name;
	struct cb_id id;
} clients[] = {
	{ "/lib/modules/torture/visitor.ko", "visitor", { 28, 1 } },
	{ "/lib/modules/test/cn_echo.ko", "cn_echo", { 20, 1 } },
};

static long handled[2], nobody, wrong;

static void *send_until_done(void *arg)
{
	unsigned int random = seed_of((unsigned long)arg);
	struct cn_received *got = malloc(sizeof(*got));
	int fd = cn_open_in_group(0);
	uint8_t datagram[64] = {};
	struct cn_ack ack;

	while (!__atomic_load_n(&done, __ATOMIC_SEQ_CST)) {
		int which = rand_r(&random) % 2, error;
		struct cn_packet p = {
			.id = clients[which].id, .seq = rand_r(&random), .nl_flags = NLM_F_ACK,
			.data = "word", .data_len = 4,
		};

		error = cn_send_raw(fd, datagram, cn_build(datagram, &p));
		if (error > 0) {
			/* The reply of the sample precedes the acknowledgement. */
			do {
				error = cn_receive(fd, got);
			} while (error > 0 && got->nlh.nlmsg_type != NLMSG_ERROR);
			error = error < 0 ? error : cn_parse_ack(got, &ack) ? -EIO : ack.error;
		}
		__atomic_add_fetch(!error ? &handled[which] : error == -ENODEV ? &nobody : &wrong,
				   1, __ATOMIC_SEQ_CST);
	}
	close(fd);
	free(got);
	return NULL;
}

static int load_and_unload(const struct client *client, unsigned int *random)
{
	int errors = module_load_file(client->file, "") != 0;

	usleep(rand_r(random) % 3000);
	return errors + (module_unload_soon(client->name) != 0);
}

static int reload(int loads)
{
	unsigned int random = seed_of(0);
	int i, errors = 0;

	for (; loads && !errors; loads--)
		for (i = 0; i < 2; i++)
			errors += load_and_unload(&clients[i], &random);
	return errors;
}

int main(int argc, char **argv)
{
	static struct slab_use before;
	int loads, errors, grown;

	if (argc != 3 || atoi(argv[2]) > SENDERS_MOST) {
		printf("usage: storm_clients <loads of each> <senders>, with cn loaded\n");
		return 1;
	}
	loads = atoi(argv[1]);
	errors = with_senders(loads / 10 + 1, atoi(argv[2]), send_until_done, reload);
	slab_sample_before_loads(&before, loads);
	errors += with_senders(loads, atoi(argv[2]), send_until_done, reload);
	printf("2 clients, %d loads each, %ld and %ld messages handled, %ld by nobody, %ld otherwise, %d errors",
	       loads, handled[0], handled[1], nobody, wrong, errors);
	grown = slab_has_grown_by_loads(&before, loads);
	printf("\n");
	return errors || wrong || !handled[0] || !handled[1] || !nobody || grown;
}
