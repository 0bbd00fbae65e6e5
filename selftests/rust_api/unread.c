// SPDX-License-Identifier: GPL-2.0
/*
 * A program sends requests to a handler that replies, and never reads. It does not stay inside
 * sendmsg(), and it is notified that replies were lost. It delays neither the end of the handler
 * nor the close of its own socket.
 */
#include "kselftest_harness.h"
#include "cn_privilege.h"
#include "cn_rust_client.h"
#include "cn_watchdog.h"

#define UNREAD_IDX 37
#define PORT 3737
#define REQUESTS 2000
#define REQUEST 4000

FIXTURE(unread)
{
	int client;
	bool ended;
};

FIXTURE_SETUP(unread)
{
	CN_NEEDS("cn_rust_client");
	self->client = open_rust_client();
	ASSERT_LE(0, self->client);
	self->ended = false;
}

FIXTURE_TEARDOWN(unread)
{
	close(self->client);
}

/* Each behaviour that replies. */
FIXTURE_VARIANT(unread)
{
	enum behaviour behaviour;
};

FIXTURE_VARIANT_ADD(unread, reply) { .behaviour = ECHO };
FIXTURE_VARIANT_ADD(unread, reply_with) { .behaviour = REVERSE };
FIXTURE_VARIANT_ADD(unread, reply_raw) { .behaviour = RAW };

static int send_requests(const void *arg)
{
	static uint8_t data[REQUEST];
	struct cn_packet p = { .id = { UNREAD_IDX, 1 }, .data = data, .data_len = sizeof(data) };
	static struct cn_received got;
	int fd, i, ret = 0;

	become_user();
	fd = cn_open();
	ret = cn_bind(fd, PORT, 0);
	for (i = 0; i < REQUESTS && ret >= 0; i++)
		ret = cn_send(fd, &p);
	if (ret < 0)
		return ret;
	/* The notice of a loss follows the messages that were not lost. */
	while ((ret = cn_receive(fd, &got)) > 0)
		;
	return ret == -ENOBUFS ? 0 : ret ? ret : -EIO;
}

TEST_F(unread, program_is_refused_and_notified)
{
	struct command add = { .idx = UNREAD_IDX, .val = 1, .what = variant->behaviour,
			       .access = PUBLIC };

	ASSERT_EQ(0, command(self->client, ADD, add));
	EXPECT_EQ(0, run_within(SOON_MS, send_requests, NULL));
	EXPECT_EQ(0,
		  command(self->client, DELETE, (struct command){ .idx = UNREAD_IDX, .val = 1 }));
}
