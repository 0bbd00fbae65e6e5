#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds the test kernel from a source, unless the cache has it, and prints its build folder:
# kernel.sh <kernel source> <config fragment>

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/cache.sh
. "$TOP/scripts/cache.sh"
# shellcheck source=scripts/tools.sh
. "$TOP/scripts/tools.sh"
# shellcheck source=scripts/kernel-make.sh
. "$TOP/scripts/kernel-make.sh"

BINDGEN_VERSION=0.72.1
# What makes nlmon devices get messages of the connector.
NLMON=$TOP/scripts/config/nlmon.h

# The compilers, unless named: the distribution's, by their paths. What rustup or a user's own PATH puts
# in front of them is somebody else's choice.
choose_compilers() {
	RUSTC=${RUSTC:-$(first_program /usr/bin/rustc rustc)}
	need_program RUSTC "$RUSTC" "Without RUSTC=, make uses the rustc of the system, which it installs on Debian: make kdir"
	if [ -z "${LLVM:-}" ]; then
		if command -v clang-19 >/dev/null; then LLVM=-19; else LLVM=1; fi
	fi
	need_llvm "$LLVM"
	CLANG=$(llvm_program "$LLVM" clang)
	[ -n "${BINDGEN:-}" ] || choose_bindgen
	need_program BINDGEN "$BINDGEN" "Without BINDGEN=, make uses that of the system, or builds $BINDGEN_VERSION: make kdir"
	local beside
	beside=$(dirname "$RUSTC")
	TOOLS=("LLVM=$LLVM" "RUSTC=$RUSTC" "HOSTRUSTC=$RUSTC" "RUSTFMT=$beside/rustfmt" "RUSTDOC=$beside/rustdoc"
		"CLIPPY_DRIVER=$beside/clippy-driver" "BINDGEN=$BINDGEN" "${ARCH_TOOLS[@]}")
	use_libclang_of "$LLVM"
}

first_program() {
	local program
	for program in "$@"; do
		if command -v "$program"; then
			return
		fi
	done
	die "None of these programs is on this machine: $*"
}

# Debian 13 has a bindgen that Linux 7.2 and later take; Debian 12 has not, and there it is built once.
choose_bindgen() {
	local version folder
	for BINDGEN in /usr/bin/bindgen bindgen; do
		version=$("$BINDGEN" --version 2>/dev/null) || continue
		version=${version##* }
		[ "$(printf '%s\n' 0.71.1 "$version" | sort -V | head -n 1)" != 0.71.1 ] || return 0
	done
	CARGO=$(first_program /usr/bin/cargo cargo)
	folder=$(cached "bindgen-$BINDGEN_VERSION-$("$CARGO" --version | digest)" "bindgen $BINDGEN_VERSION" build_bindgen)
	BINDGEN=$folder/bin/bindgen
}

build_bindgen() {
	local work=$1/work
	CARGO_TARGET_DIR=$work RUSTC=$RUSTC "$CARGO" install bindgen-cli --version "$BINDGEN_VERSION" --locked \
		--root "$1" || {
		printf '\nIf the network is missing: try again with it, or name a bindgen of at least 0.71.1 with BINDGEN=.\n'
		return 1
	}
	rm -rf "$work"
}

check_rust() {
	BUILD=$(mktemp -d)
	trap 'rm -rf "$BUILD"' EXIT
	kernel_make rustavailable
}

build_kernel() {
	BUILD=$1
	KCONFIG_ALLCONFIG=$FRAGMENT kernel_make allnoconfig
	check_config
	kernel_make
	trim
	say_final_place
}

# The folder knows its own path in one file, and is about to get its final name (cache.sh).
say_final_place() {
	sed -i "s|$BUILD\$|${BUILD%.partial}|" "$BUILD/Makefile"
}

# Objects that are linked into the kernel already are half of the folder.
trim() {
	local part
	rm -f "$BUILD"/.tmp_vmlinux* "$BUILD"/vmlinux.o "$BUILD"/vmlinux.unstripped "$BUILD"/vmlinux.a
	for part in arch block certs crypto drivers fs init io_uring ipc kernel lib mm net security sound virt; do
		[ ! -d "$BUILD/$part" ] || find "$BUILD/$part" \( -name '*.o' -o -name '*.a' \) -delete
	done
}

# Everything that shapes the kernel.
kernel_key() {
	{
		printf '%s\n' "$KSRC" "$RELEASE"
		git -C "$KSRC" rev-parse HEAD 2>/dev/null || true
		cat "$FRAGMENT"
		declare -f kernel_make build_kernel trim
		"$RUSTC" --version
		"$CLANG" --version
		"$BINDGEN" --version
		printf '%s\n' "${TOOLS[@]}"
		! grep -q '^CONFIG_NLMON=' "$FRAGMENT" || cat "$NLMON"
	} | digest
}

[ -d "$1/rust/kernel" ] ||
	die "There is no kernel source with Rust support in $1." \
		"KSRC= takes the top folder of a source of Linux $(oldest_series) or later."
KSRC=$(realpath "$1")
check_version "The source in $KSRC" "$(series_of "$KSRC")"
FRAGMENT=$(mktemp)
trap 'rm -f "$FRAGMENT"' EXIT
translate "$2" >"$FRAGMENT"
RELEASE=$(make -s -C "$KSRC" "${ARCH_TOOLS[@]}" kernelversion)

open_cache
choose_compilers
name=kernel-$RELEASE-$(kernel_key)
# After the key, which is about what is in the file and not about where it is.
! grep -q '^CONFIG_NLMON=' "$FRAGMENT" || TOOLS+=("CFLAGS_af_netlink.o=-include $NLMON")
if [ ! -d "$CACHE/$name" ]; then
	[ -e "${RUST_LIB_SRC:-$("$RUSTC" --print sysroot)/lib/rustlib/src/rust/library}/core/src/lib.rs" ] ||
		die "$RUSTC has no source of the Rust library, which the kernel compiles." \
			'On Debian: apt-get install rust-src. With rustup: rustup component add rust-src'
	need_space 1500 'Building the kernel'
	stage 'kernel: check of the Rust tool chain' check_rust
fi
cached "$name" "kernel: build $RELEASE, $(basename "$2" .config)" build_kernel
