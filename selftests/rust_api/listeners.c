// SPDX-License-Identifier: GPL-2.0
/*
 * Only members of the group that can receive count as listeners. A container that joins in a
 * network namespace of its own can't receive, so senders ignore it.
 */
#include "kselftest_harness.h"
#include "cn_privilege.h"
#include "cn_rust_client.h"

#define LISTENERS_IDX 25

FIXTURE(hearing)
{
	int client;
	pid_t container;
	int report[2];
};

static int has_listeners(int client)
{
	return command(client, HAS_LISTENERS, (struct command){ .idx = LISTENERS_IDX, .val = 1 });
}

static void be_container(int report)
{
	char joined;
	int fd;

	become_namespace_root(CLONE_NEWNET);
	fd = cn_open();
	joined = fd >= 0 && !cn_join(fd, LISTENERS_IDX);
	must(write(report, &joined, 1) == 1, "report");
	pause();
	_exit(0);
}

FIXTURE_SETUP(hearing)
{
	char joined = 0;

	CN_NEEDS("cn_rust_client");
	self->client = open_rust_client();
	ASSERT_LE(0, self->client);
	ASSERT_EQ(0,
		  command(self->client, ADD,
			  (struct command){ .idx = LISTENERS_IDX, .val = 1,
					    .access = OPEN_GROUP }));
	ASSERT_EQ(0, has_listeners(self->client));
	ASSERT_EQ(0, pipe(self->report));
	self->container = fork();
	if (!self->container)
		be_container(self->report[1]);
	ASSERT_EQ(1, read(self->report[0], &joined, 1));
	ASSERT_TRUE(joined);
}

FIXTURE_TEARDOWN(hearing)
{
	if (self->container > 0) {
		kill(self->container, SIGKILL);
		waitpid(self->container, NULL, 0);
	}
	close(self->client);
}

TEST_F(hearing, a_container_is_no_listener)
{
	EXPECT_EQ(0, has_listeners(self->client));
	EXPECT_EQ(-ESRCH,
		  command(self->client, SEND,
			  (struct command){ .idx = LISTENERS_IDX, .val = 1, .argument = 4 }));
	EXPECT_EQ(-ESRCH, command(self->client, SEND_TO_GROUP,
				  (struct command){ .idx = LISTENERS_IDX, .val = 1,
						    .what = LISTENERS_IDX, .argument = 4 }));
	EXPECT_EQ(-ESRCH, command(self->client, SEND_EXCEPT,
				  (struct command){ .idx = LISTENERS_IDX, .val = 1, .argument = 4,
						    .access = 77 }));
	EXPECT_EQ(-ESRCH, command(self->client, SEND_FILTERED,
				  (struct command){ .idx = LISTENERS_IDX, .val = 1, .argument = 4,
						    .access = 77 }));
	EXPECT_EQ(-ESRCH, command(self->client, SEND_BUNDLE,
				  (struct command){ .idx = LISTENERS_IDX, .val = 1, .argument = 1,
						    .access = 4, .access_argument = 100 }));
}

TEST_F(hearing, nothing_is_written_for_a_container)
{
	struct command draft = { .idx = LISTENERS_IDX, .val = 1, .argument = 4, .access = 4 };
	int written = command(self->client, WRITTEN, (struct command){});

	EXPECT_EQ(-ESRCH, command(self->client, SEND_DRAFT, draft));
	EXPECT_EQ(-ESRCH, command(self->client, WRITE_DRAFT, draft));
	EXPECT_EQ(written, command(self->client, WRITTEN, (struct command){}));
}

/* Members that can receive do so, independent of other members. */
TEST_F(hearing, a_member_beside_it_hears)
{
	static struct cn_received got;
	int fd = cn_open_in_group(LISTENERS_IDX);

	ASSERT_LE(0, fd);
	EXPECT_EQ(1, has_listeners(self->client));
	EXPECT_EQ(0,
		  command(self->client, SEND,
			  (struct command){ .idx = LISTENERS_IDX, .val = 1, .argument = 4 }));
	EXPECT_LT(0, cn_receive(fd, &got));
	close(fd);
	EXPECT_EQ(0, has_listeners(self->client));
}
