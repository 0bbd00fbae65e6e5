#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# torture.full: 14400
#
# 10^8 inputs for the parsers, on the host. A short run of the same is in "make test" (T=fuzz).

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../../../scripts/lib.sh"

# Every target of scripts/fuzz.sh; the inputs of all together are the figure.
each=$((1000000 * PERCENT / $(find "$TOP/selftests/host/fuzz/targets" -name '*.rs' | wc -l) + 1))
status=0
FUZZ_RUNS=${FUZZ_RUNS:-$each} "$TOP/scripts/fuzz.sh" | awk '
	$2 == "ok" { sum += $3; print "ok fuzz_" $1, $3, "inputs,", $5, "edges"; next }
	$2 == "FAILED" { print "not ok fuzz_" $1; failed = 1; next }
	{ print "#" $0 }
	END { print failed || !sum ? "not ok" : "ok", "14.fuzz", sum, "inputs" }' || status=$?
exit "$status"
