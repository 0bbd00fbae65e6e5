// SPDX-License-Identifier: GPL-2.0
/*
 * Names and descriptions that look like lines of the files in /proc/net (modules/cn_rust_names.rs).
 * They are refused, or shown in a form that can't be taken for lines. Callbacks in C have names,
 * too.
 */
#include <ctype.h>

#include "kselftest_harness.h"
#include "cn_module.h"
#include "cn_watchdog.h"

FIXTURE(names)
{
	int lines[2];
};

FIXTURE_VARIANT(names)
{
	int which;
};

/* The numbers are those in TEXTS. */
FIXTURE_VARIANT_ADD(names, line) { .which = 0 };
FIXTURE_VARIANT_ADD(names, end_of_line) { .which = 1 };
FIXTURE_VARIANT_ADD(names, empty) { .which = 2 };
FIXTURE_VARIANT_ADD(names, space) { .which = 3 };
FIXTURE_VARIANT_ADD(names, tab) { .which = 4 };
FIXTURE_VARIANT_ADD(names, control_sequence) { .which = 5 };
FIXTURE_VARIANT_ADD(names, line_of_description) { .which = 6 };
FIXTURE_VARIANT_ADD(names, control_sequence_of_description) { .which = 7 };

static const char * const files[] = { "/proc/net/connector", "/proc/net/connector_stats" };

static int count_lines(const char *path)
{
	char *text = read_file(path), *next;
	int lines = 0;

	for (next = text; next && (next = strchr(next, '\n')); next++)
		lines++;
	free(text);
	return lines;
}

/* Does the text consist of letters, spaces, tabs and ends of lines only? */
static bool is_clean(const char *path, bool tabs)
{
	char *text = read_file(path), *next;
	bool clean = text;

	for (next = text; next && *next; next++)
		clean &= isprint(*next) || *next == '\n' || (tabs && *next == '\t');
	free(text);
	return clean;
}

FIXTURE_SETUP(names)
{
	int i;

	CN_NEEDS("cn_rust_client");
	for (i = 0; i < 2; i++)
		self->lines[i] = count_lines(files[i]);
	ASSERT_LT(0, self->lines[0]);
}

FIXTURE_TEARDOWN(names)
{
	if (module_is_loaded("cn_rust_names"))
		EXPECT_EQ(0, module_unload_soon("cn_rust_names"));
}

TEST_F(names, forge_nothing)
{
	char params[32];
	int ret, i;

	snprintf(params, sizeof(params), "which=%d", variant->which);
	ret = load_within("cn_rust_names", params);
	if (ret)
		ASSERT_EQ(-EINVAL, ret);
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(self->lines[i] + !ret, count_lines(files[i]));
		EXPECT_TRUE(is_clean(files[i], i));
	}
	EXPECT_FALSE(is_shown("\nforged"));
}
