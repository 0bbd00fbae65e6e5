// SPDX-License-Identifier: GPL-2.0
/*
 * The crate `connector`, driven through test modules that use it.
 */
#include "kselftest_harness.h"
#include "cn_differences.h"

SKIP_PROGRAM_ON_C()

#include "rust_api/handlers.c"
#include "rust_api/send.c"
#include "rust_api/listeners.c"
#include "rust_api/unread.c"
#include "rust_api/module.c"
#include "rust_api/names.c"

TEST_HARNESS_MAIN
