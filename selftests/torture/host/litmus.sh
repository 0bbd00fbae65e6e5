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

# T= chooses parts here.
unset T
log=$OUT/litmus.log
mkdir -p "$OUT"
if "$TOP/scripts/litmus.sh" "$1" >"$log"; then
	printf 'ok 27.litmus %s\n' "$(tail -n 1 "$log" | sed 's/, 0 failed$//')"
else
	grep FAILED "$log" | sed 's/^ */# /' || true
	printf 'not ok 27.litmus %s\n' "$(tail -n 1 "$log")"
fi
