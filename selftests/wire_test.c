// SPDX-License-Identifier: GPL-2.0
/*
 * Datagrams and messages as they are on the wire: format, lengths, several in one, and wrong ones.
 */
#include "kselftest_harness.h"
#include "cn_differences.h"

#include "wire/format.c"
#include "wire/datagrams.c"
#include "wire/malformed.c"
#include "wire/sizes.c"

TEST_HARNESS_MAIN
