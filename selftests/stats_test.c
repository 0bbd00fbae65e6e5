// SPDX-License-Identifier: GPL-2.0
/*
 * What the connector shows about itself: counters, tracepoints, and the files in /proc/net.
 */
#include "kselftest_harness.h"
#include "cn_differences.h"

#include "stats/counters.c"
#include "stats/trace.c"
#include "stats/file.c"
#include "stats/readers.c"

TEST_HARNESS_MAIN
