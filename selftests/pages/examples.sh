#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Compiles the examples in the documentation of the API crate: examples.sh <kernel build directory>
# Says how many there are; fails if one does not compile.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../../scripts/lib.sh"
# shellcheck source=scripts/tools.sh
. "$TOP/scripts/tools.sh"

KDIR=$1
source=$OUT/examples/source
find_tools "$KDIR"
rm -rf "$OUT/examples"
mkdir -p "$source" "$OUT/examples/out"
mapfile -t names < <(cd "$TOP" && python selftests/pages/examples.py "$source" rust/base/id.rs rust/api/*.rs)
objects=("${names[@]/%/.o}")
# shellcheck disable=SC2016
printf '%s\n' "obj-m := ${objects[*]}" 'rustflags-y := -L $(CONNECTOR_RMETA_DIR) --extern connector' >"$source/Kbuild"
[ "${#objects[@]}" -gt 1 ] || die 'no example was found in rust/api'
make -C "$KDIR" M="$source" MO="$OUT/examples/out" "${TOOLS[@]}" -j"$(jobs)" -k \
	CONNECTOR_RMETA_DIR="$OUT/core/rust" "${objects[@]}"
printf '%d examples compile\n' "${#objects[@]}"
