#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# torture.full: 14400
#
# 10^8 inputs for the parsers, on the host, and some minutes for the registry, whose inputs are long sequences of
# operations. A short run of the same is in "make test" (T=fuzz).

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../../../scripts/lib.sh"
use_ktap "$1"

FUZZ=$TOP/selftests/host/fuzz.sh
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
mapfile -t parsers < <(basename -s .rs "$TOP"/selftests/host/fuzz/targets/*.rs | grep -vx registry)
each=$((1000000 * PERCENT / ${#parsers[@]} + 1))
status=0
FUZZ_RUNS=$each "$FUZZ" "${parsers[@]}" >"$WORK/results" || status=$?
FUZZ_RUNS='' FUZZ_SECONDS=$((3 * PERCENT)) "$FUZZ" registry >>"$WORK/results" || status=$?
# Of two runs: their plans do not count.
sed -E '/^1\.\./d; s/^((not )?ok [0-9]+) /\1 fuzz_/' "$WORK/results"
# The inputs of all together are the figure.
inputs=$(($(sed -n 's/^ok .* # \([0-9]*\) inputs.*/\1/p' "$WORK/results" | paste -sd+) + 0))
if [ "$status" -eq 0 ]; then passed panics.fuzz "$inputs inputs"; else failed panics.fuzz "$inputs inputs"; fi
exit "$status"
