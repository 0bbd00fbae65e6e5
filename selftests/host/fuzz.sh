#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Fuzzes the pure files on the host, guided by coverage (libFuzzer): fuzz.sh [target...]
#   FUZZ_SECONDS   how long each target runs (3)
#   FUZZ_RUNS      how many inputs each target gets instead
#
# Writes KTAP; the figure of a target is "<inputs> inputs, <edges> edges".
# The corpus stays in build/fuzz/corpus, and the next run begins with it.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../../scripts/lib.sh"
# shellcheck source=scripts/cache.sh
. "$TOP/scripts/cache.sh"
# shellcheck source=scripts/cargo.sh
. "$TOP/scripts/cargo.sh"

FUZZ=$TOP/selftests/host/fuzz
BUILD=$OUT/fuzz/target
SECONDS_EACH=${FUZZ_SECONDS:-3}

case $SECONDS_EACH${FUZZ_RUNS:-} in
*[!0-9]*) die 'FUZZ_SECONDS and FUZZ_RUNS are whole numbers.' "given: '${FUZZ_SECONDS:-}', '${FUZZ_RUNS:-}'" ;;
esac

# The flags that "cargo fuzz" gives: LLVM counts edges and reports comparisons to libFuzzer.
coverage_flags() {
	printf ' %s' --cfg fuzzing -Cpasses=sancov-module -Ccodegen-units=1 -Cdebug-assertions
	printf ' -Cllvm-args=%s' -sanitizer-coverage-level=4 -sanitizer-coverage-inline-8bit-counters \
		-sanitizer-coverage-pc-table -sanitizer-coverage-trace-compares -simplifycfg-branch-fold-threshold=0
}

# With a target named, programs that run while building are not instrumented.
build() {
	RUSTFLAGS=$(coverage_flags)
	export RUSTFLAGS CARGO_TARGET_DIR=$BUILD
	begin_target fuzz "$BUILD" "$FUZZ"/Cargo.* "$TOP"/selftests/host/{,core/}Cargo.toml "$TOP/tools/connector-client/Cargo.toml"
	host_cargo build --release --locked --manifest-path "$FUZZ/Cargo.toml" --target "$(host_target)"
	end_target "$BUILD" clean_ours
}

clean_ours() {
	host_cargo clean --manifest-path "$FUZZ/Cargo.toml" --release --target "$(host_target)" \
		-p connector-fuzz -p connector-core -p connector-host -p connector-client
}

all_targets() {
	basename -s .rs "$FUZZ"/targets/*.rs
}

fuzz() {
	local target=$1 corpus=$OUT/fuzz/corpus/$1 crashes=$OUT/fuzz/crashes/$1 log=$LOGS/fuzz-$1.log
	local -a limit=("-max_total_time=$SECONDS_EACH")
	[ -z "${FUZZ_RUNS:-}" ] || limit=("-runs=$FUZZ_RUNS")
	mkdir -p "$corpus" "$crashes" "$LOGS"
	if "$BUILD/$(host_target)/release/$target" "${limit[@]}" -print_final_stats=1 -timeout=10 -rss_limit_mb=1024 \
		-artifact_prefix="$crashes/" "$corpus" "$FUZZ/seeds/$target" >"$log" 2>&1; then
		passed "$target" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs," \
			"$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1) edges"
	else
		grep -m 5 -A 3 -E 'panicked at|ERROR: libFuzzer|Test unit written' "$log" | sed 's/^/# /' || true
		printf '# to repeat it: %s <the file that was written>\n' "$BUILD/$(host_target)/release/$target"
		failed "$target" "the log is $log"
	fi
}

[ $# -gt 0 ] || mapfile -t all < <(all_targets)
[ $# -gt 0 ] || set -- "${all[@]}"
for target in "$@"; do
	[ -e "$FUZZ/targets/$target.rs" ] || die "There is no fuzz target '$target'." "There are: $(all_targets | xargs)"
done

use_ktap
hold "$OUT/fuzz/lock"
stage 'fuzz targets' build
ktap_set_plan $#
for target in "$@"; do
	fuzz "$target"
done
all_passed
