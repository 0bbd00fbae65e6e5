#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Does what a page of Documentation/ tells its reader to do: tutorial.sh <kernel build directory> <page>
# The commands and the files are those of the page; nothing else of this tree is used but what
# install-dev has installed, under a prefix of its own. Says "ok NAME" or "not ok NAME" for each step.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/tools.sh
. "$TOP/scripts/tools.sh"

KDIR=$1
PAGE=$2
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
trap 'exit 130' INT TERM HUP
FAILED=0

# One step: step <name> <function>. After one that fails, none is tried.
step() {
	local log=$LOGS/tutorial-$PAGE-$1.log status
	if [ "$FAILED" -ne 0 ]; then
		printf 'not ok %s\n' "$1"
		return
	fi
	mkdir -p "$LOGS"
	set +e
	(set -e; "$2") >"$log" 2>&1 </dev/null
	status=$?
	set -e
	if [ "$status" -eq 0 ]; then
		printf 'ok %s\n' "$1"
	else
		printf 'not ok %s\n' "$1"
		tail -n 40 "$log" | sed 's/^/# /'
		FAILED=1
	fi
}

# Whether the page has files that its reader builds; others show programs that are there.
builds() {
	grep -q '^   :caption: ' "$TOP/Documentation/$PAGE.rst"
}

install_crate() {
	PREFIX=$WORK/prefix "$TOP/scripts/install-dev.sh" "$KDIR"
}

# Rust metadata of another kernel makes errors that nobody understands; the fragment says it first.
refuse_another_kernel() {
	local fragment
	fragment=$(find "$WORK/prefix" -name connector.mk)
	if make -f "$fragment" KERNELRELEASE=0.0.0 >"$WORK/refusal" 2>&1; then
		return 1
	fi
	cat "$WORK/refusal"
	grep -q 'and this is 0.0.0: run make install-dev for that kernel' "$WORK/refusal"
}

take_page_apart() {
	mkdir -p "$WORK/files" "$WORK/empty"
	awk -v out="$WORK" -v page="$TOP/Documentation" -f "$TOP/scripts/tutorial.awk" \
		"$TOP/Documentation/$PAGE.rst"
	[ -s "$WORK/session" ] || return 1
	! builds || { [ -s "$WORK/build.sh" ] && [ -n "$(ls "$WORK/files")" ]; }
}

# The commands of the page, and the files where it shows them, from an empty folder on.
build_module() {
	local tools
	find_tools "$KDIR"
	tools=$(dirname "$RUSTC")
	cd "$WORK/empty"
	# The reader's shell: the variables that the page asks for, and nothing else of ours.
	env -i HOME="$HOME" PATH="$tools:$PATH" KDIR="$KDIR" LLVM="${LLVM:-}" PREFIX="$WORK/prefix" \
		FILES="$WORK/files" bash -eux "$WORK/build.sh"
}

# What a module takes of cn.ko has plain names: a mangled one would be that of one build.
need_no_mangled_symbol() {
	local module
	find "$WORK/empty" -name '*.ko' | while read -r module; do
		nm -u "$module" | tee "$WORK/symbols"
		grep -q ' cn_core_' "$WORK/symbols" || return 1
		if grep -E ' _R.*9connector' "$WORK/symbols"; then
			return 1
		fi
	done
}

# Runs the page's commands in a guest and compares the whole session.
run_session() {
	sed -n 's/^# //p' "$WORK/session" >"$WORK/commands"
	cat >"$WORK/job" <<-'END'
		#!/bin/sh
		cd /guest
		while IFS= read -r command; do
			echo "# $command"
			eval "$command" </dev/null 2>&1
		done <commands
		# What each command said is compared, and not how the last one ended.
		exit 0
	END
	find "$WORK/empty" -type f \( -name '*.ko' -o -perm -100 \) -print0 |
		xargs -0 "$TOP/scripts/guest.sh" "$KDIR" run "$WORK/job" "$WORK/commands" >"$WORK/seen"
	diff -u --label "$PAGE.rst" "$WORK/session" --label guest "$WORK/seen"
}

if builds; then
	step installs install_crate
	step another_kernel_is_refused refuse_another_kernel
fi
step page_has_steps take_page_apart
if builds; then
	step builds build_module
	step no_mangled_symbol need_no_mangled_symbol
fi
step session_is_as_shown run_session
[ "$FAILED" -eq 0 ]
