#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Misuse of the API that must not compile: compile-fail.sh <kernel build directory>
#
# Each file of selftests/compile-fail has lines "//! error: <text>", which the compiler must say; the one
# without such a line must compile. Writes "<name> ok" or "<name> FAILED" for each, and the compiler's
# words where it failed.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
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
	local file=$1 log=$2 name
	name=$(basename "$file" .rs)
	if ! grep -q '^//! error: ' "$file"; then
		compile "$name" >"$log" 2>&1
	elif compile "$name" >"$log" 2>&1; then
		printf 'It compiles.\n' >>"$log"
		return 1
	else
		says_expected "$file" "$log"
	fi
}

KDIR=$1
hold "$OUT/lock"
find_tools "$KDIR"
mkdir -p "$LOGS"
for file in "$TOP"/selftests/compile-fail/*.rs; do
	name=$(basename "$file" .rs)
	log=$LOGS/compile-fail-$name.log
	if judge "$file" "$log"; then
		printf '%s ok\n' "$name"
	else
		printf '%s FAILED\n' "$name"
		tail -n 30 "$log" | sed 's/^/    | /'
	fi
done
