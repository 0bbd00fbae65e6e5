#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Misuse of the API that must not compile: run.sh <kernel build directory>
#
# Each file of selftests/compile-fail has lines "//! error: <text>", which the compiler must say; the one
# without such a line must compile. Writes KTAP, with the compiler's words where a test failed.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../../scripts/lib.sh"
# shellcheck source=scripts/tools.sh
. "$TOP/scripts/tools.sh"

compile() {
	mkdir -p "$OUT/compile-fail"
	make -C "$KDIR" M="$TOP/selftests/compile-fail" MO="$OUT/compile-fail" "${TOOLS[@]}" \
		CONNECTOR_RMETA_DIR="$OUT/core/rust" "$1.o"
}

# Whether the log of a failed compilation says all that is expected.
says_expected() {
	local text
	grep '^//! error: ' "$1" | sed 's,^//! error: ,,' | while read -r text; do
		grep -qF -- "$text" "$2" || return 1
	done
}

judge() {
	local name=$1 log=$LOGS/compile-fail-$1.log file=$TOP/selftests/compile-fail/$1.rs
	if ! grep -q '^//! error: ' "$file"; then
		compile "$name"
	elif compile "$name" >"$log" 2>&1; then
		printf 'It compiles.\n'
		return 1
	else
		cat "$log"
		says_expected "$file" "$log"
	fi
}

KDIR=$1
hold "$OUT/lock"
find_tools "$KDIR"
use_ktap "$KDIR"
mkdir -p "$LOGS"
STEP_OUTPUT=$(mktemp) STEP_LINES=30
trap 'rm -f "$STEP_OUTPUT"' EXIT
for file in "$TOP"/selftests/compile-fail/*.rs; do
	name=$(basename "$file" .rs)
	check "$name" judge "$name"
done
all_passed
