#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# All selftests on our connector.
#
# torture.small: 900
# torture.full: 3600
# torture.format: tests

# shellcheck source=selftests/guest/tests.sh
. /guest/tests.sh
check lockdep.still_looks grep 'debug_locks: *1' /proc/lockdep_stats
