// SPDX-License-Identifier: GPL-2.0
/*
 * The alias: socket(2) loads the connector where modprobe exists.
 */
#include <sys/utsname.h>

#include "kselftest_harness.h"
#include "cn_module.h"
#include "cn_privilege.h"

FIXTURE(autoload)
{
};

FIXTURE_SETUP(autoload)
{
	char path[256];
	struct utsname name;

	ASSERT_EQ(0, uname(&name));
	snprintf(path, sizeof(path), "/lib/modules/%s/modules.dep", name.release);
	if (access(path, R_OK) || access("/sbin/modprobe", X_OK))
		SKIP(return, "no modprobe, or no modules for it");
	SKIP_ON_GUEST();
	CN_NEEDS_NO_CONNECTOR();
}

/* In the parent, which has kept its rights. */
FIXTURE_TEARDOWN_PARENT(autoload)
{
	if (module_is_loaded("cn"))
		EXPECT_EQ(0, module_unload_soon("cn"));
}

TEST_F(autoload, by_a_socket)
{
	int fd = cn_open();

	EXPECT_LE(0, fd);
	EXPECT_TRUE(module_is_loaded("cn"));
	close(fd);
}

TEST_F(autoload, by_a_raw_socket)
{
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_CONNECTOR);

	EXPECT_LE(0, fd);
	EXPECT_TRUE(module_is_loaded("cn"));
	close(fd);
}

TEST_F(autoload, by_a_user)
{
	int fd;

	become_user();
	fd = cn_open();
	EXPECT_LE(0, fd);
	EXPECT_EQ(0, cn_bind(fd, 0, 1));
	close(fd);
}

TEST_F(autoload, not_by_other_protocols)
{
	int fd = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_KOBJECT_UEVENT);

	EXPECT_FALSE(module_is_loaded("cn"));
	close(fd);
}
