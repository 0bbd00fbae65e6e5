#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Every allocation fails once, in all operations of the connector. The error is a clean one, nothing
# has changed, and the next call works.
#
# torture.small: 1200
# torture.full: 7200
# torture.processors: 1
# torture.append_full: kmemleak=on

# shellcheck source=selftests/torture/scenario.sh
. /guest/scenario.sh

# A socket(2) call for the connector must not load it.
forbid_autoload() {
	echo /none >/proc/sys/kernel/modprobe
}

step let_fail let_fail
step forbid_autoload forbid_autoload
step failing_allocations.load faults_load
load cn cn_client cn_rust_client
step failing_allocations.register faults_register
step failing_allocations.send faults_send
step failing_allocations.receive faults_receive
step let_two_fail let_two_fail
step failing_allocations.notify faults_notify
step failing_allocations.processes faults_proc
step let_large_fail let_large_fail
step failing_allocations.large_request faults_notify large
if [ "$TORTURE" = full ]; then
	unload_everything
	step failing_allocations.leaks count_leaks
fi
finish
