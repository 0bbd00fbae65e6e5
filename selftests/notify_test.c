// SPDX-License-Identifier: GPL-2.0
/*
 * The notification channel: requests, their owners and rights, ranges, snapshots, and storms.
 */
#include "kselftest_harness.h"
#include "cn_differences.h"

SKIP_PROGRAM_ON_C()

#include "notify/requests.c"
#include "notify/owner.c"
#include "notify/ranges.c"
#include "notify/rights.c"
#include "notify/snapshot.c"
#include "notify/storm.c"

TEST_HARNESS_MAIN
