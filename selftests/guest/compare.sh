#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The job of selftests/torture/host/compare.sh: the fuzzer on both connectors, and what differs.

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

for provider in c rust; do
	CN_PROVIDER=$provider CN_MODULE_DIR=/lib/modules/$provider \
		/torture/fuzz common "seed=$SEED" "operations=$OPERATIONS" "log=/tmp/$provider" >/tmp/said 2>&1
	result "$provider" $?
	[ "$FAILURES" -eq 0 ] || exit 1
done
awk -f /guest/compare.awk /guest/fuzz_differences.txt /tmp/c /tmp/rust >/tmp/said 2>&1
result 2.same_operations $?
[ "$FAILURES" -eq 0 ]
