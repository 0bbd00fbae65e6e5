#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The selftests on our connector: all in the full form. In the small one without some programs and the samples, and on
# one processor, since two that wait for each other cost half as much again; storms.sh and losses.sh are about several.
#
# torture.small: 1800
# torture.processors_small: 1
# torture.full: 3600
# torture.format: tests

# shellcheck source=selftests/guest/tests.sh
. /guest/tests.sh
check lockdep.still_looks grep 'debug_locks: *1' /proc/lockdep_stats
