// SPDX-License-Identifier: GPL-2.0
/*
 * Process events, on every provider. proc_differences.txt has the reason for each difference.
 */
#include "kselftest_harness.h"
#include "cn_differences.h"

#include "proc/messages.c"
#include "proc/listeners.c"
#include "proc/rights.c"
#include "proc/events.c"
#include "proc/exits.c"
#include "proc/hooks.c"
#include "proc/limit.c"
#include "proc/many_listeners.c"
#include "proc/starved.c"
#include "proc/stopping.c"

TEST_HARNESS_MAIN
