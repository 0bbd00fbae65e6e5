// SPDX-License-Identifier: GPL-2.0
/*
 * The module parameters of our connector: each value is accepted, or refused
 * with EINVAL and a line in the log that names the parameter.
 */
#include "kselftest_harness.h"
#include "cn_module.h"
#include "cn_privilege.h"

FIXTURE(parameter)
{
	int klog;
};

/* The effect of a value. */
FIXTURE_VARIANT(parameter)
{
	const char *params;
	/* Number of groups, or 0: the module is refused. */
	uint32_t groups;
	/* Named in the log when refused. */
	const char *name;
};

FIXTURE_VARIANT_ADD(parameter, none) { "", 32 };
FIXTURE_VARIANT_ADD(parameter, groups_1) { "groups=1", 32 };
FIXTURE_VARIANT_ADD(parameter, groups_26) { "groups=26", 32 };
FIXTURE_VARIANT_ADD(parameter, groups_32) { "groups=32", 32 };
FIXTURE_VARIANT_ADD(parameter, groups_33) { "groups=33", 33 };
FIXTURE_VARIANT_ADD(parameter, groups_64) { "groups=64", 64 };
FIXTURE_VARIANT_ADD(parameter, groups_1000) { "groups=1000", 1000 };
FIXTURE_VARIANT_ADD(parameter, groups_1024) { "groups=1024", 1024 };
FIXTURE_VARIANT_ADD(parameter, groups_hexadecimal) { "groups=0x40", 64 };
FIXTURE_VARIANT_ADD(parameter, groups_0) { "groups=0", 0, "groups" };
FIXTURE_VARIANT_ADD(parameter, groups_1025) { "groups=1025", 0, "give 1 to 1024" };
FIXTURE_VARIANT_ADD(parameter, groups_largest) { "groups=4294967295", 0, "groups" };
FIXTURE_VARIANT_ADD(parameter, groups_beyond_32_bits) { "groups=4294967328", 0, "groups" };
FIXTURE_VARIANT_ADD(parameter, groups_negative) { "groups=-1", 0, "groups" };
FIXTURE_VARIANT_ADD(parameter, groups_a_word) { "groups=many", 0, "groups" };
FIXTURE_VARIANT_ADD(parameter, groups_empty) { "groups=", 0, "groups" };
FIXTURE_VARIANT_ADD(parameter, groups_with_a_tail) { "groups=32x", 0, "groups" };
FIXTURE_VARIANT_ADD(parameter, groups_without_a_value) { "groups", 0, "groups" };

FIXTURE_VARIANT_ADD(parameter, open_groups_0) { "open_groups=0", 32 };
FIXTURE_VARIANT_ADD(parameter, open_groups_1) { "open_groups=1", 32 };
FIXTURE_VARIANT_ADD(parameter, open_groups_all_32) { "open_groups=0xffffffff", 32 };
FIXTURE_VARIANT_ADD(parameter, open_groups_33_of_32) {
	"open_groups=0x100000000", 0, "open_groups"
};
FIXTURE_VARIANT_ADD(parameter, open_groups_33_of_33) { "groups=33 open_groups=0x100000000", 33 };
FIXTURE_VARIANT_ADD(parameter, open_groups_34_of_33) {
	"groups=33 open_groups=0x200000000", 0, "open_groups"
};
FIXTURE_VARIANT_ADD(parameter, open_groups_64_of_64) {
	"groups=64 open_groups=0x8000000000000000", 64
};
FIXTURE_VARIANT_ADD(parameter, open_groups_64_of_63) {
	"groups=63 open_groups=0x8000000000000000", 0, "open_groups"
};
FIXTURE_VARIANT_ADD(parameter, open_groups_beyond_64_bits) {
	"groups=64 open_groups=0x10000000000000000", 0, "open_groups"
};
FIXTURE_VARIANT_ADD(parameter, open_groups_a_word) { "open_groups=all", 0, "open_groups" };

FIXTURE_SETUP(parameter)
{
	SKIP_ON_C();
	CN_NEEDS_NO_CONNECTOR();
	self->klog = klog_mark();
	ASSERT_LE(0, self->klog);
}

FIXTURE_TEARDOWN(parameter)
{
	close(self->klog);
	if (module_is_loaded("cn"))
		EXPECT_EQ(0, module_unload_soon("cn"));
}

/* A load with a value that is refused, and named in the log. */
static void expect_refused(struct __test_metadata *_metadata, int klog, const char *params,
			   const char *name)
{
	int err = module_load("cn", params);

	/* The kernel's own parser returns ERANGE for numbers without end. */
	EXPECT_TRUE(err == -EINVAL || err == -ERANGE) TH_LOG("error %d", err);
	EXPECT_FALSE(module_is_loaded("cn"));
	EXPECT_EQ(-1, access("/proc/net/connector_stats", F_OK));
	EXPECT_TRUE(KLOG_HAS(klog, KLOG_OF_CN, name));
	/* The failed load does not prevent one with a good value. */
	EXPECT_EQ(0, module_load("cn", ""));
}

/* The groups as user space sees them. */
TEST_F(parameter, is_taken_or_refused)
{
	uint32_t last = variant->groups;
	int fd;

	/* The built-in connector has no more groups, so that "groups" may be refused first. */
	if (!last || (last > 32 && provider_is_guest())) {
		expect_refused(_metadata, self->klog, variant->params,
			       provider_is_guest() ? "groups" : variant->name);
		return;
	}
	ASSERT_EQ(0, module_load("cn", variant->params));
	fd = cn_open_in_group(0);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, cn_join(fd, last));
	/* netlink may round up, to the bits of a machine word. */
	EXPECT_EQ(-EINVAL, cn_join(fd, (last + 63) / 64 * 64 + 1));
	EXPECT_EQ(last <= 32 ? -EINVAL : 0, cn_join(fd, 33));
	close(fd);
}

FIXTURE(open_groups)
{
};

FIXTURE_VARIANT(open_groups)
{
	const char *params;
	uint64_t mask;
	uint32_t groups;
};

FIXTURE_VARIANT_ADD(open_groups, none_but_1) { "", 0, 32 };
FIXTURE_VARIANT_ADD(open_groups, of_a_mask) { "open_groups=0x80000114", 0x80000114, 32 };
FIXTURE_VARIANT_ADD(open_groups, all) { "open_groups=0xffffffff", 0xffffffff, 32 };
/* Groups above 64 have no bit and must not borrow one of another group. */
FIXTURE_VARIANT_ADD(open_groups, above_64_stay_closed) {
	"groups=300 open_groups=0xffffffffffffffff", 0xffffffffffffffff, 300
};

FIXTURE_SETUP(open_groups)
{
	SKIP_ON_C();
	SKIP_ON_GUEST();
	CN_NEEDS_NO_CONNECTOR();
}

FIXTURE_TEARDOWN_PARENT(open_groups)
{
	EXPECT_EQ(0, module_unload_soon("cn"));
}

/* -EPERM if a group of 1 to `groups` does not behave according to the mask. */
static uint32_t first_wrong_group(uint64_t mask, uint32_t groups)
{
	uint32_t group;
	int fd = cn_open();

	for (group = 1; group <= groups; group++) {
		bool open = group == 1 || (group <= 64 && mask & (1ull << (group - 1)));

		if (cn_join(fd, group) != (open ? 0 : -EPERM))
			break;
	}
	close(fd);
	return group > groups ? 0 : group;
}

TEST_F(open_groups, when_joined)
{
	ASSERT_EQ(0, module_load("cn", variant->params));
	become_user();
	EXPECT_EQ(0, first_wrong_group(variant->mask, variant->groups));
}

TEST_F(open_groups, in_a_bind_mask)
{
	const uint32_t open = variant->mask | 1;
	int fd;

	ASSERT_EQ(0, module_load("cn", variant->params));
	become_user();
	fd = cn_open();
	ASSERT_LE(0, fd);
	/* With the first group that is closed. */
	if (~open)
		EXPECT_EQ(-EPERM, cn_bind(fd, 0, open | 1u << (ffs(~open) - 1)));
	EXPECT_EQ(0, cn_bind(fd, 0, open));
	close(fd);
}
