#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The selftests on our connector: all in the full form, and all but four long programs in the small one.
#
# torture.small: 1800
# torture.full: 3600
# torture.format: tests

# shellcheck source=selftests/guest/tests.sh
. /guest/tests.sh
check lockdep.still_looks grep 'debug_locks: *1' /proc/lockdep_stats
