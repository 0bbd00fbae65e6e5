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
# The series of the kernel whose source Debian gives. What is built for another one than the usual is apart, too.
KERNEL=${KERNEL:-7.3}
# The processor that this is about (scripts/arch.sh). What is built for another one than the usual is apart as well. The kernel's make
# reads a variable of this name, too.
ARCH=${ARCH:-x86_64}
ARCH_OUT=$TOP/build
if [ "$ARCH" = x86_64 ]; then
	export -n ARCH
else
	export ARCH
	ARCH_OUT=$TOP/build/$ARCH
fi
SERIES_OUT=$ARCH_OUT
[ "$KERNEL" = 7.3 ] || SERIES_OUT=$ARCH_OUT/$KERNEL
OUT=$SERIES_OUT
[ "$KERNEL_CONFIG" = plain ] || OUT=$SERIES_OUT/$KERNEL_CONFIG
LOGS=$OUT/log
VERBOSE=${V:-0}

# The first script of a run is known to those that it starts.
export RUN_ID=${RUN_ID:-$$}

# A make above us would hand its own flags to kbuild.
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL GNUMAKEFLAGS V M
export LC_ALL=C

# make hands on every variable that it knows of, with their names in VARIABLES; what was not given is not set.
for variable in ${VARIABLES:-}; do
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

# Makes a folder that files are to be written to, or says why there can be none: need_folder <folder>
need_folder() {
	local why try=$1/.try.$BASHPID other advice='It has to be writable: give the checkout to this user, or copy it.'
	case $1 in
	"$TOP"/*) ;;
	"$CACHE"*) advice='XDG_CACHE_HOME= names another folder for the cache.' ;;
	*) advice='Name another folder, or do this as a user who can write to it.' ;;
	esac
	why=$({ mkdir -p "$1" && head -c 4096 /dev/zero >"$try" && rm "$try"; } 2>&1) || {
		rm -f "$try" 2>/dev/null || true
		case $why in
		*'No space left'* | *'quota exceeded'*) die "No room is left on the device of $1." 'Make room there; df lists what is free.' ;;
		*'Read-only'*) die "$1 is read-only." "$advice" ;;
		*) die "Cannot write to $1: ${why##*: }." "$advice" ;;
		esac
	}
	# Of what another user has built, some can be written to and some not.
	[ -z "${FOLDERS_CHECKED:-}" ] && [ -d "$TOP/build" ] || return 0
	FOLDERS_CHECKED=1
	other=$(find "$TOP/build" -maxdepth 2 -type d ! -writable -print -quit)
	[ -z "$other" ] ||
		die "Cannot write to $other: it belongs to $(stat -c %U "$other")." 'Remove build/ as that user, or give it to the one who builds.'
}

# Runs a command with its output in a log file and reports one line: stage <title> <command...>.
stage() {
	local title=$1 log status start=$SECONDS
	shift
	need_folder "$LOGS"
	log=$LOGS/$(printf '%s' "$title" | tr -c 'A-Za-z0-9.\n' '-').log
	# That of another user can be replaced where it cannot be written to.
	rm -f "$log"
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
		# A log that could not be written to its end says less than this.
		need_folder "$LOGS"
		[ -s "$log" ] || die "$title failed without a word."
		# A parallel build goes on for a while after its error.
		grep -nE '(^|[^a-z_])(error|ERROR): |\*\*\* |No space left' "$log" | head -n 10 | sed 's/^/    | /' >&2 || true
		printf '    | ...\n' >&2
		tail -n 15 "$log" | sed 's/^/    | /' >&2
		die "$title failed; the whole log is $log"
	fi
	printf '  %-44s %d s\n' "$title" $((SECONDS - start)) >&2
}

# The reader of results is scripts/ktap, whose modules other programs of this project use too.
python() {
	PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$TOP/scripts/ktap "${PYTHON:-python3}" "$@"
}

ktap() {
	python "$TOP/scripts/ktap" "$@"
}

# Reads the results of a job, in KTAP, shows them, and leaves them in the folder RESULTS: read_results <job> [option...].
read_results() {
	local name=$1
	shift
	ktap read "$name" "$RESULTS" "$@"
}

# The source of a built kernel: source_of <kdir>.
source_of() {
	printf '%s\n' "${KSRC:-$(realpath "$1/source" 2>/dev/null || printf '%s\n' "$1")}"
}

# A copy of a kernel source: copy_source <source> <folder>. Hard links: no build writes to the source, and in-tree.sh replaces
# what it changes.
copy_source() {
	rm -rf "$2"
	mkdir -p "$(dirname "$2")"
	cp -al "$1" "$2" 2>/dev/null || {
		rm -rf "$2"
		cp -a "$1" "$2"
	}
}

# Is a copy one of this source? Its name with "-of" names the file that says so: is_copy_of <source> <folder>
is_copy_of() {
	[ "$(cat "$2-of" 2>/dev/null)" = "$1" ]
}

# The same as copy_source, for a copy that stays: keep_copy <source> <folder>
keep_copy() {
	! is_copy_of "$1" "$2" || return 0
	copy_source "$1" "$2"
	printf '%s\n' "$1" >"$2-of"
}

# The version of a kernel source, as 7.3.4: version_of <source>
version_of() {
	sed -nE '1,6s/^(VERSION|PATCHLEVEL|SUBLEVEL) *= *//p' "$1/Makefile" | paste -sd.
}

# The functions of scripts/ktap/ktap.sh, on those of a kernel source: use_ktap [kernel build directory].
use_ktap() {
	local source
	if [ -z "${KTAP_HELPERS:-}" ]; then
		if [ -n "${1:-}" ]; then source=$(source_of "$1"); else source=${KSRC:-$("$TOP/scripts/source.sh")}; fi
		KTAP_HELPERS=$source/tools/testing/selftests/kselftest/ktap_helpers.sh
		[ -e "$KTAP_HELPERS" ] ||
			die "The kernel source $source has no tools/testing/selftests/kselftest/ktap_helpers.sh." 'KSRC= names a whole source.'
		export KTAP_HELPERS
	fi
	# shellcheck source=scripts/ktap/ktap.sh
	. "$TOP/scripts/ktap/ktap.sh"
}

# The result of a guest's job, behind those that it has written: guest_result <status of guest.sh>.
guest_result() {
	printf '# provider: none\n'
	case $1 in
	0) printf 'ok 0 guest\n' ;;
	98) printf 'not ok 0 guest # it ended without a verdict\n' ;;
	99) printf 'not ok 0 guest # its kernel complained\n' ;;
	*) printf 'not ok 0 guest # its job ended with status %s\n' "$1" ;;
	esac
}

# Runs a job in the guest, and writes its results: guest_results <kernel build directory> <job script> [file...].
guest_results() {
	local status=0 kdir=$1
	shift
	"$TOP/scripts/guest.sh" "$kdir" run "$@" || status=$?
	guest_result "$status"
}

# Waits for the named lock and keeps it until the script ends: hold <file>. The file has the run that holds it.
# The descriptor stays open in children, too; so background jobs must not outlive the script.
hold() {
	local fd
	need_folder "$(dirname "$1")"
	exec {fd}>>"$1"
	if ! flock --nonblock "$fd"; then
		[ "$(cat "$1")" = "$RUN_ID" ] || say "  another run is busy with $1; waiting for it"
		flock "$fd"
	fi
	printf '%s\n' "$RUN_ID" >"$1"
}

# A short name for everything on standard input.
digest() {
	sha256sum | cut -c1-16
}

jobs() {
	nproc
}
