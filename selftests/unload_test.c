// SPDX-License-Identifier: GPL-2.0
/*
 * Modules that use the connector and leave: in the middle of everything, and without unregistering.
 */
#include "kselftest_harness.h"
#include "cn_differences.h"

SKIP_PROGRAM_ON_C()

#include "unload/forgotten.c"
#include "unload/leaving.c"
#include "unload/open_files.c"
#include "unload/owners.c"
#include "unload/reload.c"
#include "unload/starved.c"
#include "unload/unloads.c"
#include "unload/block.c"

TEST_HARNESS_MAIN
