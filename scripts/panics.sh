#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Whether modules refer to code that panics, which in the kernel is a crash of the machine: panics.sh <module.ko...>
# Prints a line for each such symbol, and fails when there is one.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

[ $# -gt 0 ] || die 'usage: panics.sh <module.ko...>'
found=0
for module in "$@"; do
	symbols=$(nm -u "$module")
	while read -r _ symbol; do
		printf '%s: %s\n' "$(basename "$module")" "$symbol"
		found=1
	done < <(grep -E 'panic|rust_begin_unwind|unwrap_failed|expect_failed|slice_.*_fail|bounds_check' <<<"$symbols")
done
exit "$found"
