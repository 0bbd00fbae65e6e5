// SPDX-License-Identifier: GPL-2.0
/*
 * The rights to join a group, and to send to a callback or a handler.
 */
#include "kselftest_harness.h"
#include "cn_differences.h"

#include "policy/groups.c"
#include "policy/handlers.c"
#include "policy/namespaces.c"

TEST_HARNESS_MAIN
