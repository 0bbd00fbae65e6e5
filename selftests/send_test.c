// SPDX-License-Identifier: GPL-2.0
/*
 * Messages that the kernel sends: to groups and sockets, in bundles, acknowledgements, and what
 * sending returns.
 */
#include "kselftest_harness.h"
#include "cn_differences.h"

#include "send/codes.c"
#include "send/multicast.c"
#include "send/bundles.c"
#include "send/acks.c"

TEST_HARNESS_MAIN
