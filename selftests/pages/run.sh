#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs the commands of a page of Documentation/: run.sh <kernel build directory> <page>
# The commands and the files are those of the page; nothing else of this tree is used but what
# install-dev has installed, under a prefix of its own. Writes KTAP.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../../scripts/lib.sh"
# shellcheck source=scripts/tools.sh
. "$TOP/scripts/tools.sh"

KDIR=$1
PAGE=$2
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
trap 'exit 130' INT TERM HUP
STEP_LINES=40
# Some blocks of a page are for one kind of kernel: those of distributions have the C connector built in.
KIND=own
[ "$(config_of "$KDIR" CONFIG_CONNECTOR)" != y ] || KIND=stock

use_ktap "$KDIR"

# One step, with a log; after one that fails, none is tried: try <name> <function>.
try() {
	if ! all_passed; then
		failed "$1" 'a step before it has failed'
		return
	fi
	STEP_OUTPUT=$LOGS/tutorial-$PAGE-$1.log
	check "$1" "$2"
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
	fragment=$(find "$WORK/prefix/lib" -name connector.mk)
	if make -f "$fragment" KERNELRELEASE=0.0.0 >"$WORK/refusal" 2>&1; then
		return 1
	fi
	cat "$WORK/refusal"
	grep -q 'and this is 0.0.0: run make install-dev for that kernel' "$WORK/refusal"
}

# And that of another build of the same release, which is also said when it is replaced.
refuse_another_build() {
	local fragment
	fragment=$(find "$WORK/prefix/lib" -name connector.mk)
	mkdir -p "$WORK/other/rust"
	refuses "and $WORK/other is another build of Linux" 'CONFIG_RUSTC_VERSION_TEXT="rustc 0.0.0"' cn_rustc='rustc 0.0.0' CC=true \
		"objtree=$WORK/other"
	sed -i 's/^\( *ifneq.*libkernel.rmeta.*,\).*)$/\1 1 2)/' "$fragment"
	install_crate 2>&1 | tee "$WORK/said"
	grep -F "replaces the crate that was installed for another build of Linux $(cat "$KDIR/include/config/kernel.release"), $KDIR" "$WORK/said"
	install_crate 2>&1 | tee "$WORK/said"
	! grep -F 'replaces' "$WORK/said"
}

# What the Makefile of the module says of folders: says_of_folders <text> <variable of make...>
says_of_folders() {
	local text=$1
	shift
	if make -f "$WORK/prefix/share/connector/connector.mk" "$@" >"$WORK/refusal" 2>&1; then
		cat "$WORK/refusal"
		return 1
	fi
	cat "$WORK/refusal"
	grep -qF "$text" "$WORK/refusal"
}

refuse_other_folders() {
	says_of_folders "$WORK (KDIR) is no folder in which a kernel was built" "KDIR=$WORK"
	# Not every page shows a Makefile.
	[ -e "$WORK/files/Makefile" ] || return 0
	! make -f "$WORK/files/Makefile" PREFIX=/none 2>&1 | tee "$WORK/refusal" || return 1
	grep -F 'No crate connector is installed in /none' "$WORK/refusal"
}

# Where the kernel's own Makefile leaves out depmod, as with headers alone, modprobe would not find the module.
index_what_is_installed() {
	local kernel=$WORK/kernel bin=$WORK/depmod
	mkdir -p "$kernel/include/config" "$bin"
	: >"$kernel/include/config/auto.conf"
	echo 0.0.0 >"$kernel/include/config/kernel.release"
	printf 'modules modules_install clean:\n' >"$kernel/Makefile"
	printf '#!/bin/sh\necho "$@" >>"%s"\n' "$bin/called" >"$bin/depmod"
	chmod +x "$bin/depmod"
	install_there() {
		PATH=$bin:$PATH env -u KERNEL make -f "$WORK/prefix/share/connector/connector.mk" "KDIR=$kernel" "$@"
	}
	install_there modules
	install_there modules_install INSTALL_MOD_PATH=/none
	[ ! -e "$bin/called" ]
	install_there modules_install
	[ "$(cat "$bin/called")" = 0.0.0 ]
	: >"$kernel/System.map"
	install_there modules_install
	[ "$(wc -l <"$bin/called")" = 1 ]
}

# The same for compilers: refuses <what it says> <variable of make...>
refuses() {
	local saying=$1 fragment
	shift
	fragment=$(find "$WORK/prefix/lib" -name connector.mk)
	if make -f "$fragment" "KERNELRELEASE=$(cat "$KDIR/include/config/kernel.release")" "$@" >"$WORK/refusal" 2>&1; then
		return 1
	fi
	cat "$WORK/refusal"
	grep -qF "$saying" "$WORK/refusal"
}

refuse_another_compiler() {
	refuses 'was built with "rustc 0.0.0", and RUSTC=true is' 'CONFIG_RUSTC_VERSION_TEXT="rustc 0.0.0"' RUSTC=true &&
		{ [ ! -e "$KDIR/debian-root" ] || grep -F "The crate was built with $TOP/scripts/stock.sh run $KDIR make" "$WORK/refusal"; } &&
		refuses 'is "not there": install that version' 'CONFIG_RUSTC_VERSION_TEXT="rustc 0.0.0"' RUSTC=false &&
		refuses 'was built with clang, and CC=gcc is not: set LLVM=' "CONFIG_RUSTC_VERSION_TEXT=\"$(true --version | head -n 1)\"" \
			RUSTC=true 'CONFIG_CC_IS_CLANG=y' CC=gcc &&
		refuses 'clang-0 is not there: install it, or set LLVM=' 'CONFIG_RUSTC_VERSION_TEXT="rustc 0.0.0"' cn_rustc='rustc 0.0.0' \
			'CONFIG_CC_IS_CLANG=y' CC=clang-0
}

take_page_apart() {
	mkdir -p "$WORK/files" "$WORK/empty"
	python "$TOP/selftests/pages/page.py" "$TOP/Documentation/$PAGE.rst" "$WORK" "$KIND"
	[ -s "$WORK/session" ] || return 1
	! builds || { [ -s "$WORK/build.sh" ] && [ -n "$(ls "$WORK/files")" ]; }
}

# The commands of the page, and the files where it shows them, from an empty folder on.
build_module() {
	find_tools "$KDIR"
	cd "$WORK/empty"
	# The reader's shell: the variables that the page asks for, and nothing else of ours. No compiler, and no folder of the
	# kernel: install-dev has written down both.
	"${IN_ROOT[@]}" env -i HOME="$HOME" PATH="$WORK/bin:/usr/sbin:/usr/bin" KERNEL="$(cat "$KDIR/include/config/kernel.release")" \
		PREFIX="$WORK/prefix" FILES="$WORK/files" bash -eux "$WORK/build.sh"
}

# A compiler that built no kernel, in front of the one that did.
put_another_compiler_first() {
	mkdir -p "$WORK/bin"
	printf '#!/bin/sh\necho rustc 0.0.0\n' >"$WORK/bin/rustc"
	chmod +x "$WORK/bin/rustc"
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

mkdir -p "$LOGS"
if builds; then
	try installs install_crate
	try another_kernel_is_refused refuse_another_kernel
	try another_compiler_is_refused refuse_another_compiler
	try another_build_is_refused refuse_another_build
	try installed_module_is_indexed index_what_is_installed
fi
try page_has_steps take_page_apart
if builds; then
	try other_folders_are_refused refuse_other_folders
	put_another_compiler_first
	try builds build_module
	try no_mangled_symbol need_no_mangled_symbol
fi
try session_is_as_shown run_session
all_passed
