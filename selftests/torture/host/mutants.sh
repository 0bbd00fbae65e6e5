#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# torture.full: 7200
#
# How many small bugs in the pure files the tests on the host notice.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../../../scripts/lib.sh"
use_ktap "$1"

STEP_OUTPUT=$OUT/mutants.txt
step injected_bugs.mutants "$TOP/selftests/host/mutants.sh"
sed -n 's/^missed: /# &/p' "$STEP_OUTPUT"
