// SPDX-License-Identifier: GPL-2.0
/*
 * Messages that callbacks receive, the ports of their senders, and receivers that read too slowly.
 */
#include "kselftest_harness.h"
#include "cn_differences.h"

#include "receive/delivery.c"
#include "receive/ports.c"
#include "receive/overrun.c"

TEST_HARNESS_MAIN
