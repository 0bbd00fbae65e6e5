#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# torture.full: 7200
#
# The registry under loom with more preemptions than in "make test" (T=host), and the tests of the host
# under Miri where that is installed.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../../../scripts/lib.sh"
# shellcheck source=scripts/cargo.sh
. "$TOP/scripts/cargo.sh"

CORE=$TOP/selftests/host/core/Cargo.toml
log=$OUT/models.log

# These run for minutes, and so optimized.
if MORE_PREEMPTIONS=${MORE_PREEMPTIONS:-2} CARGO_PROFILE_DEV_OPT_LEVEL=2 CARGO_TARGET_DIR=$OUT/host \
	host_cargo test --locked --manifest-path "$CORE" --features loom -- --nocapture --test-threads=2 >"$log" 2>&1; then
	awk '/^[0-9]+ runs$/ { sum += $1 } END { print sum ? "ok" : "not ok", "3.loom", sum, "orders of steps in the models" }' "$log"
else
	tail -n 20 "$log" | sed 's/^/# /'
	printf 'not ok 3.loom\n'
fi

# Miri comes with rustup and nightly compilers; the distribution has none.
miri() {
	if cargo miri --version >/dev/null 2>&1; then
		cargo miri "$@"
	else
		cargo +nightly miri "$@"
	fi
}

if ! miri --version >/dev/null 2>&1; then
	# No result: what did not run has not passed.
	printf '# nothing ran under Miri, which is not installed (rustup component add miri)\n'
	exit
fi
for folder in . core; do
	if PROPTEST_CASES=16 PROPTEST_DISABLE_FAILURE_PERSISTENCE=1 MIRIFLAGS='-Zmiri-disable-isolation' CARGO_TARGET_DIR=$OUT/miri \
		miri test --locked --manifest-path "$TOP/selftests/host/$folder/Cargo.toml" --lib >"$log" 2>&1; then
		printf 'ok 14.miri_%s %s under Miri\n' "$(basename "$(realpath "$TOP/selftests/host/$folder")")" \
			"$(sed -n 's/^test result: ok. \([0-9]* passed\).*/\1/p' "$log")"
	else
		tail -n 20 "$log" | sed 's/^/# /'
		printf 'not ok 14.miri_%s\n' "$(basename "$(realpath "$TOP/selftests/host/$folder")")"
	fi
done
