#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The selftests on a guest of the C connector, which is built in: among them unload_test.reload, which loads and unloads
# the guest while programs send without a pause.
#
# torture.full: 7200
# torture.kernel: torture-builtin
# torture.format: tests

# shellcheck source=selftests/guest/tests.sh
. /guest/tests.sh
check kernel.has_the_connector grep '^cn_proc  *1:1$' /proc/net/connector
check lockdep.still_looks grep 'debug_locks: *1' /proc/lockdep_stats
