# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What every script here shares: where things are, how progress and failure are reported, and how
# two runs keep out of each other's way. Sourced, never run.

set -euo pipefail
shopt -s inherit_errexit

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck disable=SC2034
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/connector-rs
# The kernel that this is about: plain, or that of another file in scripts/config. What is built for it is apart.
KERNEL_CONFIG=${KERNEL_CONFIG:-plain}
OUT=$TOP/build
[ "$KERNEL_CONFIG" = plain ] || OUT=$TOP/build/$KERNEL_CONFIG
LOGS=$OUT/log
VERBOSE=${V:-0}

# A make above us would hand its own flags to kbuild.
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL GNUMAKEFLAGS V M
export LC_ALL=C

# make hands on every variable that it knows of; what was not given is not set.
for variable in KDIR KSRC TORTURE_KDIR LLVM RUSTC BINDGEN QEMU_ACCEL QEMU_SMP T TORTURE SEED PERCENT FUZZ_SECONDS FUZZ_RUNS CMD BENCH BENCH_ROUNDS ICOUNT \
	TIMEOUT INSTALL_MOD_PATH PREFIX DESTDIR; do
	[ -n "${!variable:-}" ] || unset "$variable"
done

say() {
	printf '%s\n' "$*" >&2
}

die() {
	printf 'error: %s\n' "$1" >&2
	shift
	[ $# -eq 0 ] || printf '  %s\n' "$@" >&2
	exit 1
}

# Runs a command with its output in a log file and reports one line: stage <title> <command...>.
stage() {
	local title=$1 log status start=$SECONDS
	shift
	mkdir -p "$LOGS" 2>/dev/null ||
		die "Cannot write to $OUT." "What is built goes there: give the checkout to a user who can write to it, or copy it."
	log=$LOGS/$(printf '%s' "$title" | tr -c 'A-Za-z0-9.\n' '-').log
	[ ! -t 2 ] || printf '  %-44s ...\r' "$title" >&2
	# A command whose failure is tested would go on after its own failing steps: no || or if here.
	set +e
	if [ "$VERBOSE" = 0 ]; then
		(set -e; "$@") >"$log" 2>&1 </dev/null
	else
		(set -e; "$@") </dev/null 2>&1 | tee "$log" >&2
	fi
	status=$?
	set -e
	if [ "$status" -ne 0 ]; then
		printf '  %-44s failed after %d s\n' "$title" $((SECONDS - start)) >&2
		# A parallel build goes on for a while after its error.
		grep -nE '(^|[^a-z_])(error|ERROR): |\*\*\* |No space left' "$log" | head -n 10 | sed 's/^/    | /' >&2 || true
		printf '    | ...\n' >&2
		tail -n 15 "$log" | sed 's/^/    | /' >&2
		die "$title failed; the whole log is $log"
	fi
	printf '  %-44s %d s\n' "$title" $((SECONDS - start)) >&2
}

# Waits for the named lock and keeps it until the script ends: hold <file>.
# The descriptor stays open in children, too; so background jobs must not outlive the script.
hold() {
	local fd
	mkdir -p "$(dirname "$1")"
	exec {fd}>"$1"
	if ! flock --nonblock "$fd"; then
		say "  another run is busy with $1; waiting for it"
		flock "$fd"
	fi
}

# A short name for everything on standard input.
digest() {
	sha256sum | cut -c1-16
}

jobs() {
	nproc
}
