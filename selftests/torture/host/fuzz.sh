#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# torture.full: 14400
#
# 10^8 inputs for the parsers, on the host, and some minutes for the registry, whose inputs are long sequences of
# operations. A short run of the same is in "make test" (T=fuzz).

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../../../scripts/lib.sh"

mapfile -t parsers < <(basename -s .rs "$TOP"/selftests/host/fuzz/targets/*.rs | grep -vx registry)
each=$((1000000 * PERCENT / ${#parsers[@]} + 1))
fuzz() {
	FUZZ_RUNS=$each "$TOP/scripts/fuzz.sh" "${parsers[@]}" &&
		FUZZ_RUNS='' FUZZ_SECONDS=$((3 * PERCENT)) "$TOP/scripts/fuzz.sh" registry
}

# The inputs of all together are the figure.
status=0
fuzz | awk '
	$2 == "ok" { sum += $3; print "ok fuzz_" $1, $3, "inputs,", $5, "edges"; next }
	$2 == "FAILED" { print "not ok fuzz_" $1; failed = 1; next }
	{ print "#" $0 }
	END { print failed || !sum ? "not ok" : "ok", "14.fuzz", sum, "inputs" }' || status=$?
exit "$status"
