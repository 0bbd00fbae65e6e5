#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# What the verbs of make ask for on a machine that lacks something: setup_test.sh. Each case is a folder with the few programs
# that a verb finds; the user has no rights, so nothing is installed. Results are KTAP.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../../scripts/lib.sh"
use_ktap "${KDIR:-}"

WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
# shellcheck disable=SC2034
STEP_OUTPUT=$WORK/step

# Makes a program of standard input: script <name>
script() {
	{ printf '#!%s\n' "$BIN/bash" && cat; } >"$BIN/$1"
	chmod +x "$BIN/$1"
}

# A machine with Debian 13, without any of the packages, and with a user who may not install them.
make_machine() {
	local program
	BIN=$WORK/bin
	rm -rf "$BIN"
	mkdir -p "$BIN"
	for program in bash sh make basename cat cut dirname env grep head mkdir nproc readlink realpath rm sed sort tail tr uname; do
		ln -s "$(command -v "$program")" "$BIN/"
	done
	printf 'ID=debian\nVERSION_ID="13"\n' >"$WORK/os-release"
	script dpkg-query <<<''
	script id <<<'echo 1000'
	script sudo <<<'exit 1'
}

# Runs make with these programs only, and without what this run of make was given: make_there <argument of make...>
make_there() {
	env -i HOME="$WORK" PATH="$BIN" OS_RELEASE="$WORK/os-release" CMD="${CMD:-}" make -C "$TOP" --no-print-directory "$@" >"$WORK/said" 2>&1
}

# The packages that a verb asks for first: asks_for <verb> <package...>
asks_for() {
	local verb=$1
	shift
	! make_there "$verb" || return 1
	cat "$WORK/said"
	sed -n 's/^  As root: .* --no-install-recommends //p' "$WORK/said" | tr ' ' '\n' |
		diff -u --label expected --label asked <(printf '%s\n' "$@" | sort) -
}

# None of these runs a guest.
verbs_ask_for_what_they_need() {
	local tools=(cargo gcc libc6-dev make)
	asks_for tools "${tools[@]}"
	asks_for install "${tools[@]}" kmod
	asks_for deb "${tools[@]}" debhelper dh-dkms dpkg-dev fakeroot git lintian
	asks_for fuzz "${tools[@]}" g++ python3
	asks_for docs "${tools[@]}" python3-sphinx
	CMD=true asks_for guest "${tools[@]}" busybox-static kmod python3 qemu-system-x86
}

# Where the names of packages are not known, those of programs.
other_distributions_ask_for_programs() {
	printf 'ID=other\n' >"$WORK/os-release"
	! make_there install || return 1
	sed -n 's/^  //p' "$WORK/said" | grep -vE '^(make|depmod)$' | diff -u --label expected --label asked <(printf '%s\n' gcc cargo) -
}

CASES=(verbs_ask_for_what_they_need other_distributions_ask_for_programs)

ktap_print_header
ktap_set_plan "${#CASES[@]}"
for case in "${CASES[@]}"; do
	make_machine
	check "$case" "$case"
done
ktap_finished
