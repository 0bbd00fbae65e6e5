// SPDX-License-Identifier: GPL-2.0
/*
 * A module that was built for another version of the crate `connector` does not load, whichever
 * function of the crate it calls. The kernel's log has the reason: the exported names contain the
 * version.
 */
#include "kselftest_harness.h"
#include "cn_module.h"

FIXTURE(version)
{
	int mark;
};

FIXTURE_SETUP(version)
{
	SKIP_ON_C();
	CN_NEEDS_NO_CONNECTOR();
	ASSERT_EQ(0, module_load("cn", ""));
	self->mark = klog_mark();
}

FIXTURE_TEARDOWN(version)
{
	EXPECT_EQ(0, module_unload_soon("cn"));
}

TEST_F(version, other_one_does_not_load)
{
	EXPECT_EQ(-ENOENT, module_load("cn_other_version", ""));
	EXPECT_TRUE(KLOG_HAS(self->mark, "cn_other_version: ", "Unknown symbol cn_core_0_send"));
	EXPECT_FALSE(module_is_loaded("cn_other_version"));
}

/* Those without it, or with two, would be found by modules of another version. */
TEST_F(version, every_name_for_the_crate_has_the_version)
{
	FILE *file = fopen("/proc/kallsyms", "r");
	unsigned int version = 0, one, functions = 0;
	char name[128], module[64];
	int len;

	ASSERT_NE(NULL, file);
	while (fscanf(file, "%*s %*s %127s%*[\t ]", name) == 1) {
		module[0] = 0;
		if (fscanf(file, "[%63[^]]]", module) != 1 ||
		    strcmp(module, module_name("cn")) ||
		    strncmp(name, "cn_core_", 8))
			continue;
		len = 0;
		EXPECT_EQ(1, sscanf(name, "cn_core_%u_%n", &one, &len)) {
			TH_LOG("%s", name);
		}
		EXPECT_LT(0, len);
		if (!functions++)
			version = one;
		EXPECT_EQ(version, one);
	}
	fclose(file);
	EXPECT_LT(0, version);
	EXPECT_LE(13, functions);
}
