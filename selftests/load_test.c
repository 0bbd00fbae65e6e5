// SPDX-License-Identifier: GPL-2.0
/*
 * Loading and unloading the connector, and its modules with and without clients.
 */
#include "kselftest_harness.h"
#include "cn_differences.h"

#include "load/module.c"
#include "load/parameters.c"
#include "load/version.c"
#include "load/autoload.c"
#include "load/cn_test.c"
#include "load/wire.c"
#include "load/notify.c"
#include "load/process_events.c"

TEST_HARNESS_MAIN
