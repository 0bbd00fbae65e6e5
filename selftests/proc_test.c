// SPDX-License-Identifier: GPL-2.0
/*
 * Process events, on every provider; where they differ, proc_differences.txt says why.
 */
#include "kselftest_harness.h"
#include "cn_differences.h"

#include "proc/messages.c"
#include "proc/listeners.c"
#include "proc/rights.c"
#include "proc/events.c"
#include "proc/ends.c"
#include "proc/hooks.c"
#include "proc/limit.c"
#include "proc/crowd.c"
#include "proc/starved.c"

TEST_HARNESS_MAIN
