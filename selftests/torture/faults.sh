#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Every allocation fails once, in all that the connector does: the error is a clean one, nothing has changed, and the
# next call works.
#
# torture.small: 300
# torture.full: 3600

# shellcheck source=selftests/guest/torture.sh
. /guest/torture.sh

# What fails is told by the programs, not by the kernel. Where a tracepoint of a module has no memory for its
# fields, the kernel itself warns: that is left out.
let_fail() {
	local kind from to
	from=$(sed -n 's/ t event_define_fields$//p' /proc/kallsyms)
	to=$(grep -A1 ' t event_define_fields$' /proc/kallsyms | sed -n '2s/ .*//p')
	for kind in failslab fail_page_alloc fail_usercopy; do
		echo 0 >/sys/kernel/debug/$kind/verbose || return 1
		echo "0x$from" >/sys/kernel/debug/$kind/reject-start && echo "0x$to" >/sys/kernel/debug/$kind/reject-end || return 1
	done
	for kind in failslab fail_page_alloc; do
		echo N >/sys/kernel/debug/$kind/ignore-gfp-wait || return 1
	done
	echo N >/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem && echo 0 >/sys/kernel/debug/fail_page_alloc/min-order
}

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
finish
