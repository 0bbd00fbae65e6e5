#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Every allocation fails once, in all that the connector does: the error is a clean one, nothing has changed, and the
# next call works.
#
# torture.small: 1200
# torture.full: 7200
# torture.processors: 1
# torture.append_full: kmemleak=on

# shellcheck source=selftests/guest/torture.sh
. /guest/torture.sh

# A socket that asks for the connector shall not load it.
forbid_autoload() {
	echo /none >/proc/sys/kernel/modprobe
}

step let_fail let_fail
step forbid_autoload forbid_autoload
step 8.load faults_load
load cn cn_client cn_rust_client
step 8.register faults_register
step 8.send faults_send
step 8.receive faults_receive
step 8.notify faults_notify
step 8.processes faults_proc
if [ "$TORTURE" = full ]; then
	unload_everything
	step 8.leaks count_leaks
fi
finish
