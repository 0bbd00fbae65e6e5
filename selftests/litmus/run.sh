#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs the litmus tests of selftests/litmus in the kernel's memory model, and compares each verdict with the one that the
# file expects: run.sh [kernel build directory]. With T= (a regular expression) only those whose name matches. Writes
# KTAP.
#
# A test says "Result: Never" when its protocol is right. A "-broken-" variant of it says "Result: Sometimes", and
# "DATARACE" behind it when the model must find a data race as well, as in the kernel's tools/memory-model/litmus-tests.
#
# The model is that of the source of the kernel (KSRC, or Debian's without a build directory). herd7 is the machine's, if it
# is new enough, or that of a newer Debian, unpacked into the cache with the C library that it needs. apt looks after the
# signatures.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../../scripts/lib.sh"
# shellcheck source=scripts/tools.sh
. "$TOP/scripts/tools.sh"
# shellcheck source=scripts/cache.sh
. "$TOP/scripts/cache.sh"
# shellcheck source=scripts/suite.sh
. "$TOP/scripts/suite.sh"

TESTS=$TOP/selftests/litmus
SUITE=forky
PACKAGES=(herdtools7 libc6 libgmp10)
# The first version that takes the kernel's model (tools/memory-model/README).
LEAST=7.58
# Seconds that one test may take; each takes less than one.
LIMIT=60

# herd7, what it reads, and libraries.
unpack() {
	local folder=$1 package
	for package in "$WORK"/*.deb; do
		dpkg-deb --fsys-tarfile "$package" | tar -x -C "$folder" --exclude='./usr/bin/[!h]*' --exclude=./usr/share/doc \
			--exclude=./usr/share/man --exclude=./usr/share/herdtools7/litmus --exclude=./etc --exclude='*/gconv'
	done
	"$folder/usr/lib64/ld-linux-x86-64.so.2" --library-path "$folder/usr/lib/x86_64-linux-gnu" "$folder/usr/bin/herd7" -version
}

is_new_enough() {
	local version
	version=$("$1" -version 2>/dev/null | sed -n 's/^\([0-9][0-9.]*\).*/\1/p')
	[ -n "$version" ] && [ "$(printf '%s\n' "$LEAST" "$version" | sort -V | head -n 1)" = "$LEAST" ]
}

refuse_other_machines() {
	if has_apt && [ "$(uname -m)" = x86_64 ]; then
		return
	fi
	die "There is no herd7 of at least version $LEAST, and it can be fetched on Debian for x86-64 only." \
		'Install herdtools7, so that herd7 is in PATH.'
}

# Sets HERD, the command with its arguments.
find_herd() {
	local folder
	HERD=(herd7)
	if command -v herd7 >/dev/null && is_new_enough herd7; then
		return
	fi
	open_cache
	folder=$(cached_packages herd7 "$SUITE" 150 "install a herd7 of at least version $LEAST" "${PACKAGES[@]}")
	HERD=("$folder/usr/lib64/ld-linux-x86-64.so.2" --library-path "$folder/usr/lib/x86_64-linux-gnu" "$folder/usr/bin/herd7"
		-set-libdir "$folder/usr/share/herdtools7/herd")
}

find_model() {
	local source
	if [ -n "${1:-}" ]; then source=$(source_of "$1"); else source=${KSRC:-$("$TOP/scripts/source.sh")}; fi
	MODEL=$source/tools/memory-model
	[ -e "$MODEL/linux-kernel.cfg" ] ||
		die "The kernel source $source has no memory model (tools/memory-model/linux-kernel.cfg)." 'KSRC= names a whole source.'
}

# What a test expects, as a verdict is printed.
expected() {
	sed -n 's/^ \* Result: //p' "$1" | head -n 1
}

# The verdict of herd7: Never, Sometimes or Always, and DATARACE; or what it complains of.
verdict() {
	local status=0 name verdict
	(cd "$MODEL" && timeout "$LIMIT" "${HERD[@]}" -conf linux-kernel.cfg "$1") >"$OUTPUT" 2>&1 </dev/null || status=$?
	case $status in
	0) ;;
	124)
		printf 'no verdict within %d s\n' "$LIMIT"
		return
		;;
	*)
		printf 'herd7 ended with status %d: %s\n' "$status" "$(head -n 1 "$OUTPUT")"
		return
		;;
	esac
	name=$(basename "$1" .litmus)
	# A line says the verdict, and how many executions have and have not the state. Without any, it means nothing.
	verdict=$(sed -nE "s/^Observation $name ([A-Z][a-z]*) ([1-9][0-9]* [0-9]+|0 [1-9][0-9]*)\$/\1/p" "$OUTPUT")
	if [ -z "$verdict" ]; then
		grep -m 1 '^Warning' "$OUTPUT" || printf 'no verdict on %s\n' "$name"
	elif grep -q '^Flag data-race' "$OUTPUT"; then
		printf '%s DATARACE\n' "$verdict"
	else
		printf '%s\n' "$verdict"
	fi
}

# Each broken variant is one of a test, and each test has some.
has_counterpart() {
	case $1 in
	*-broken-*) [ -e "$TESTS/${1%%-broken-*}.litmus" ] ;;
	*) compgen -G "$TESTS/$1-broken-*.litmus" >/dev/null ;;
	esac
}

try_all() {
	local file name wanted got tried=0
	for file in "$TESTS"/*.litmus; do
		name=$(basename "$file" .litmus)
		[ -z "${T:-}" ] || grep -qE -- "$T" <<<"$name" || continue
		tried=$((tried + 1))
		wanted=$(expected "$file")
		got=$(verdict "$file")
		if ! has_counterpart "$name"; then
			got="$got, but it has no counterpart"
		elif [[ $name == *-broken-* ]] && [[ $wanted == Never* ]]; then
			got="$got, which shows nothing"
		fi
		if [ "$got" = "$wanted" ]; then
			passed "$name" "$got"
		else
			failed "$name" "$got; expected is ${wanted:-missing (no line with Result:)}"
		fi
	done
	[ "$tried" -gt 0 ] || die "No test has a name that matches '${T:-}'." "They are $TESTS/*.litmus."
}

OUTPUT=$(mktemp)
trap 'rm -f "$OUTPUT"' EXIT
trap 'exit 130' INT TERM HUP
find_model "${1:-}"
find_herd
use_ktap "${1:-}"
try_all
all_passed
