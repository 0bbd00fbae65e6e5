#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The job of selftests/torture/host/compare.sh: on both connectors the fuzzer, and what differs; and every length, where
# nothing may.

# shellcheck source=/dev/null
. /guest/compare.conf
export CN_C_MODULE_DIR=/lib/modules/c CN_TEST_MODULE_DIR=/lib/modules/test
FAILURES=0

# One line for the host, with the last line of what was said.
result() {
	if [ "$2" -eq 0 ]; then
		echo "ok $1 $(tail -n 1 /tmp/said)"
	else
		sed 's/^/# /' /tmp/said
		echo "not ok $1 $(tail -n 1 /tmp/said)"
		FAILURES=$((FAILURES + 1))
	fi
}

# On a connector that is loaded for it.
try_lengths() {
	local status=0
	insmod "/lib/modules/$1/cn.ko" && insmod /lib/modules/test/cn_client.ko || return 1
	/torture/lengths "$LENGTHS" || status=$?
	rmmod cn_client cn && return $status
}

for provider in c rust; do
	CN_PROVIDER=$provider CN_MODULE_DIR=/lib/modules/$provider \
		/torture/fuzz common "seed=$SEED" "operations=$OPERATIONS" "log=/tmp/$provider" >/tmp/said 2>&1
	result "$provider" $?
	[ "$FAILURES" -eq 0 ] || exit 1
done
for provider in c rust; do
	try_lengths "$provider" >/tmp/said 2>&1
	result "12.lengths_$provider" $?
done
awk -f /guest/compare.awk /guest/fuzz_differences.txt /tmp/c /tmp/rust >/tmp/said 2>&1
result 2.same_operations $?
[ "$FAILURES" -eq 0 ]
