#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# The protocols of the core in the kernel's memory model, and broken variants of them, which must be found.
# litmus.sh <kernel build directory>
#
# torture.small: 300
# torture.full: 300

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../../../scripts/lib.sh"
use_ktap "$1"

# T= chooses scenarios here.
unset T
STEP_OUTPUT=$OUT/litmus.log
mkdir -p "$OUT"
run_step "$TOP/selftests/litmus/run.sh" "$1"
broken=$(grep -c '^ok .*-broken-' "$STEP_OUTPUT" || true)
right=$(($(grep -c '^ok ' "$STEP_OUTPUT" || true) - broken))
result_of_step memory_model.litmus "$right protocols hold, $broken broken variants found" litmus
