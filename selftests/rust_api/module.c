// SPDX-License-Identifier: GPL-2.0
/*
 * A module that consists of handlers and their ids, as `module_connector!`
 * makes it: modules/cn_rust_module.rs.
 */
#include "kselftest_harness.h"
#include "cn_rust_client.h"

#define IDX 26

static struct cn_received got;

static bool is_listed(const char *line)
{
	char *text = read_file("/proc/net/connector");
	bool found = text && strstr(text, line);

	free(text);
	return found;
}

FIXTURE(rust_module)
{
	int fd;
};

FIXTURE_SETUP(rust_module)
{
	CN_NEEDS("cn_rust_client");
	self->fd = cn_open_in_group(0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, module_load("cn_rust_module", ""));
}

FIXTURE_TEARDOWN(rust_module)
{
	module_unload("cn_rust_module");
	close(self->fd);
}

TEST_F(rust_module, registers_all_ids)
{
	EXPECT_TRUE(is_listed("which           26:1\n"));
	EXPECT_TRUE(is_listed("which           26:2\n"));
	EXPECT_TRUE(is_listed("count           26:3\n"));
	ASSERT_EQ(0, module_unload("cn_rust_module"));
	EXPECT_FALSE(is_listed("26:"));
}

TEST_F(rust_module, handlers_answer)
{
	struct cn_packet p = { .id = { IDX, 2 }, .seq = 7 };
	uint32_t id[2] = { IDX, 2 }, one = 1, two = 2;

	ASSERT_LT(0, cn_send(self->fd, &p));
	ASSERT_LT(0, cn_receive(self->fd, &got));
	EXPECT_TRUE(cn_is_message(&got, IDX, 2, 7, 1, id, sizeof(id)));
	p.id.val = 3;
	ASSERT_LT(0, cn_send(self->fd, &p));
	ASSERT_LT(0, cn_receive(self->fd, &got));
	EXPECT_TRUE(cn_is_message(&got, IDX, 3, 7, 1, &one, sizeof(one)));
	ASSERT_LT(0, cn_send(self->fd, &p));
	ASSERT_LT(0, cn_receive(self->fd, &got));
	EXPECT_TRUE(cn_is_message(&got, IDX, 3, 7, 1, &two, sizeof(two)));
}

TEST_F(rust_module, taken_id_stops_the_start)
{
	int client = open_rust_client();

	ASSERT_LE(0, client);
	ASSERT_EQ(0, module_unload("cn_rust_module"));
	/* The Rust client takes an id of the second handler. */
	ASSERT_EQ(0, command(client, ADD, (struct command){ IDX, 3 }));
	EXPECT_EQ(-EINVAL, module_load("cn_rust_module", ""));
	EXPECT_FALSE(is_listed("which"));
	close(client);
	EXPECT_EQ(0, module_load("cn_rust_module", ""));
}
