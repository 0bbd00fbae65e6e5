#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# The tests on the host: of the pure files, of the registry with and without loom, of the crates in tools/. Writes KTAP.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../../scripts/lib.sh"
# shellcheck source=scripts/cache.sh
. "$TOP/scripts/cache.sh"
# shellcheck source=scripts/cargo.sh
. "$TOP/scripts/cargo.sh"

HERE=$TOP/selftests/host
BUILD=$OUT/host
FAILED=0

# The tests of a folder: crate <prefix of their names> <folder> <argument for cargo...>
crate() {
	local prefix=$1 log=$LOGS/host-tests-$1.log status=0 folder=$2
	shift 2
	# No debug information and no incremental builds: each run begins anew.
	CARGO_TARGET_DIR=$BUILD CARGO_PROFILE_DEV_DEBUG=line-tables-only CARGO_INCREMENTAL=0 \
		host_cargo test --locked --manifest-path "$folder/Cargo.toml" "$@" >"$log" 2>&1 || status=$?
	ktap cargo "$prefix" <"$log"
	[ "$status" -ne 0 ] || return 0
	FAILED=1
	if ! grep -q '^test .* FAILED$' "$log"; then
		tail -n 40 "$log" | sed 's/^/# /'
		printf 'not ok 0 %s.builds # the log is %s\n' "$prefix" "$log"
	fi
}

clean_ours() {
	rm -rf "$1"/debug/{incremental,examples}
	host_cargo clean --manifest-path "$HERE/Cargo.toml" -p connector-host
	host_cargo clean --manifest-path "$HERE/core/Cargo.toml" -p connector-core
	host_cargo clean --manifest-path "$TOP/tools/Cargo.toml" -p connector-client -p cnctl -p guest-tests
}

mkdir -p "$LOGS"
begin_target tests "$BUILD" "$HERE"/{,core/}Cargo.* "$TOP"/tools/Cargo.* "$TOP"/tools/*/Cargo.toml
crate host "$HERE"
crate core "$HERE/core"
crate loom "$HERE/core" --features loom
crate tools "$TOP/tools" --all-features
# After a failed build, some of the programs are missing.
[ "$FAILED" -ne 0 ] || end_target "$BUILD" clean_ours
