// SPDX-License-Identifier: GPL-2.0
/*
 * An open file in /proc/net keeps its module in use: a program can read into memory that waits for
 * another program, and unloading must not wait for that one.
 */
#include <fcntl.h>

#include "kselftest_harness.h"
#include "cn_module.h"

FIXTURE(open_files)
{
	int fd;
};

FIXTURE_VARIANT(open_files)
{
	const char *module;
	const char *path;
};

FIXTURE_VARIANT_ADD(open_files, connector) { "cn", "/proc/net/connector" };
FIXTURE_VARIANT_ADD(open_files, connector_stats) { "cn", "/proc/net/connector_stats" };
FIXTURE_VARIANT_ADD(open_files, cn_proc) { "cn_proc", "/proc/net/cn_proc" };

FIXTURE_SETUP(open_files)
{
	CN_NEEDS_NO_CONNECTOR();
	self->fd = -1;
	if (provider_is_guest() && strcmp(variant->path, "/proc/net/connector_stats"))
		SKIP(return, "a guest has no such file");
	ASSERT_EQ(0, module_load("cn", ""));
	if (strcmp(variant->module, "cn"))
		ASSERT_EQ(0, module_load(variant->module, ""));
	self->fd = open(variant->path, O_RDONLY);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(open_files)
{
	if (self->fd >= 0)
		close(self->fd);
	if (module_is_loaded("cn_proc"))
		EXPECT_EQ(0, module_unload_soon("cn_proc"));
	if (module_is_loaded("cn"))
		EXPECT_EQ(0, module_unload_soon("cn"));
}

TEST_F(open_files, keep_the_module_in_use)
{
	char byte;

	EXPECT_EQ(1, read(self->fd, &byte, 1));
	EXPECT_EQ(-EAGAIN, module_unload(variant->module));
	close(self->fd);
	self->fd = -1;
	EXPECT_EQ(0, module_unload_soon(variant->module));
}
