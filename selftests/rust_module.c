// SPDX-License-Identifier: GPL-2.0
/*
 * A module that consists of handlers and their ids, as `module_connector!`
 * makes it: modules/cn_rust_module.rs.
 */
#include <sys/ioctl.h>

#include "kselftest_harness.h"
#include "cn_module.h"

SKIP_PROGRAM_ON_C()

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
	self->fd = cn_open_in_group(0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, test_module_load("cn_rust_module"));
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
	ASSERT_EQ(0, module_unload("cn_rust_module"));
	{
		/* The Rust client takes an id of the second handler. */
		uint32_t add[8] = { IDX, 3 };
		int client = open("/dev/cn-rust-client", O_RDWR | O_CLOEXEC);

		ASSERT_LE(0, client);
		ASSERT_EQ(0, ioctl(client, _IOW('c', 1, add), add));
		EXPECT_EQ(-EINVAL, test_module_load("cn_rust_module"));
		EXPECT_FALSE(is_listed("which"));
		close(client);
	}
	EXPECT_EQ(0, test_module_load("cn_rust_module"));
}

TEST_HARNESS_MAIN
