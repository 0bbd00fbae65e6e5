#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The selftests on a kernel with PREEMPT_RT, lockdep and kCFI: soft interrupts are threads there, spin locks sleep, and
# a call through a pointer whose function has another signature ends in a panic.
#
# torture.full: 3600
# torture.kernel: realtime
# torture.format: tests
# torture.skip: PREEMPT_RT

# shellcheck source=selftests/guest/tests.sh
. /guest/tests.sh
check kernel.is_realtime sh -c 'uname -v | grep PREEMPT.*RT'
check lockdep.still_looks grep 'debug_locks: *1' /proc/lockdep_stats
