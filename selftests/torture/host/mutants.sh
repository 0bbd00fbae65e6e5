#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# torture.full: 7200
#
# How many small bugs in the pure files the tests on the host notice.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../../../scripts/lib.sh"

status=0
"$TOP/scripts/mutants.sh" >"$OUT/mutants.txt" || status=$?
sed '$!s/^/# /; $d' "$OUT/mutants.txt"
if [ "$status" -eq 0 ]; then
	printf 'ok 25.mutants %s\n' "$(tail -n 1 "$OUT/mutants.txt")"
else
	printf 'not ok 25.mutants %s\n' "$(tail -n 1 "$OUT/mutants.txt")"
fi
