// SPDX-License-Identifier: GPL-2.0
/*
 * A module that was built for another version of the crate `connector` does not load, and the
 * kernel's log says why.
 */
#include "kselftest_harness.h"
#include "cn_module.h"

SKIP_PROGRAM_ON_C()

FIXTURE(version)
{
	int mark;
};

FIXTURE_VARIANT(version)
{
	const char *params;
};

FIXTURE_VARIANT_ADD(version, of_a_handler) { "" };
FIXTURE_VARIANT_ADD(version, of_a_watcher) { "watch=1" };

FIXTURE_SETUP(version)
{
	ASSERT_EQ(0, connector_load(""));
	self->mark = klog_mark();
}

FIXTURE_TEARDOWN(version)
{
	EXPECT_EQ(0, module_unload_soon("cn"));
}

TEST_F(version, other_one_does_not_load)
{
	char *text;

	EXPECT_EQ(-EPROTO, module_load_from(module_folder("CN_TEST_MODULE_DIR",
							  "/lib/modules/test"),
					    "cn_other_version", variant->params));
	EXPECT_TRUE(KLOG_HAS(self->mark, "cn: ", "built for version", "build it again"));
	EXPECT_FALSE(module_is_loaded("cn_other_version"));
	text = read_file("/proc/net/connector");
	ASSERT_NE(NULL, text);
	EXPECT_EQ(NULL, strstr(text, "other-version"));
	free(text);
}

TEST_HARNESS_MAIN
