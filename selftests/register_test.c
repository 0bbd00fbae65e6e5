// SPDX-License-Identifier: GPL-2.0
/*
 * Callbacks that register and unregister, from every context, while messages arrive.
 */
#include "kselftest_harness.h"
#include "cn_differences.h"

#include "register/registration.c"
#include "register/unregister.c"
#include "register/priority.c"
#include "register/contexts.c"

TEST_HARNESS_MAIN
