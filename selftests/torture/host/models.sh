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
use_ktap "$1"

HOST=$TOP/selftests/host
STEP_OUTPUT=$OUT/models.log
STEP_LINES=20

# These run for minutes, and so optimized.
loom() {
	MORE_PREEMPTIONS=${MORE_PREEMPTIONS:-2} CARGO_PROFILE_DEV_OPT_LEVEL=2 CARGO_TARGET_DIR=$OUT/host host_cargo test --locked \
		--manifest-path "$HOST/core/Cargo.toml" --features loom -- --nocapture --test-threads=2
	printf '%d orders of steps in the models\n' $(($(sed -n 's/^\([0-9]*\) runs$/\1/p' "$STEP_OUTPUT" | paste -sd+) + 0))
}

# Miri comes with rustup and nightly compilers; the distribution has none.
miri() {
	if cargo miri --version >/dev/null 2>&1; then
		cargo miri "$@"
	else
		cargo +nightly miri "$@"
	fi
}

under_miri() {
	PROPTEST_CASES=16 PROPTEST_DISABLE_FAILURE_PERSISTENCE=1 MIRIFLAGS='-Zmiri-disable-isolation' CARGO_TARGET_DIR=$OUT/miri \
		miri test --locked --manifest-path "$HOST/$1/Cargo.toml" --lib
	sed -n 's/^test result: ok. \([0-9]* passed\).*/\1 under Miri/p' "$STEP_OUTPUT"
}

step registration_storm.loom loom
if ! miri --version >/dev/null 2>&1; then
	# No result: what did not run has not passed.
	printf '# nothing ran under Miri, which is not installed (rustup component add miri)\n'
	exit
fi
step panics.miri_host under_miri .
step panics.miri_core under_miri core
