/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tests that fail on purpose: those of differences.txt on the C connector, those of
 * guest_differences.txt on a guest of it, and with the kernel's own process events those of
 * proc_differences.txt, in lines
 * "test: <program>.<fixture>[.<variant>].<test>", or "sometimes:". Where such a list is beside the
 * program, as kselftest installs it, they are reported as XFAIL.
 */
#ifndef CN_DIFFERENCES_H
#define CN_DIFFERENCES_H

#include "cn_process.h"

static inline void expect_failure(struct __fixture_metadata *fixture,
				  struct __fixture_variant_metadata *variant,
				  struct __test_metadata *test)
{
	struct __test_xfail *xfail = calloc(1, sizeof(*xfail));

	if (!xfail)
		return;
	xfail->fixture = fixture;
	xfail->variant = variant;
	xfail->test = test;
	__register_xfail(xfail);
}

/*
 * The harness lists expected failures by variant. A fixture without variants gets one without a
 * name.
 */
static inline struct __fixture_variant_metadata *
variants_of(struct __fixture_metadata *fixture)
{
	if (!fixture->variant) {
		struct __fixture_variant_metadata *variant = calloc(1, sizeof(*variant));

		if (variant) {
			variant->name = "";
			__register_fixture_variant(fixture, variant);
		}
	}
	return fixture->variant;
}

static inline bool lists_test(const char *text, const char *key, const char *name)
{
	char line[512];

	snprintf(line, sizeof(line), "%s: %s\n", key, name);
	return find_line(text, line);
}

static inline void expect_failures(const char *list, const char *program)
{
	struct __fixture_variant_metadata *variant;
	struct __fixture_metadata *fixture;
	struct __test_metadata *test;
	char name[480], *text = read_file(list);

	for (fixture = __fixture_list; text && fixture; fixture = fixture->next)
		for (variant = variants_of(fixture); variant; variant = variant->next)
			for (test = fixture->tests; test; test = test->next) {
				snprintf(name, sizeof(name), "%s.%s%s%s.%s", program, fixture->name,
					 *variant->name ? "." : "", variant->name, test->name);
				if (lists_test(text, "test", name) ||
				    lists_test(text, "sometimes", name))
					expect_failure(fixture, variant, test);
			}
	free(text);
}

/* Runs after the constructors that register the tests. */
static __attribute__((constructor)) void expect_differences(void)
{
	const char *program = program_invocation_short_name;

	if (provider_is_c())
		expect_failures("differences.txt", program);
	if (provider_is_guest())
		expect_failures("guest_differences.txt", program);
	if (process_events_are_provided() && access(PROCESS_FILE, F_OK))
		expect_failures("proc_differences.txt", program);
}

#endif
