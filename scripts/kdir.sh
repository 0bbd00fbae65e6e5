#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Prints the build folder of the kernel in use, and nothing else, after making what is missing of it. With "kdir.sh make" it
# prints the variables that a call of make needs to build a module for that kernel: KDIR=... LLVM=... RUSTC=... BINDGEN=...
#   ARCH   the processor of the kernel: x86_64 (the default), arm64, riscv64
#   KDIR   a configured and built kernel to use instead; it is checked
#   KSRC   a kernel source to build instead of Debian's
#   KERNEL   the series of Debian's: 7.3 (the default) or 7.2
#   KERNEL_CONFIG   which of the kernels in scripts/config: plain (the default), torture, realtime; builtin and
#                   torture-builtin have the C connector built in, so that this one is a guest of it

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/tools.sh
. "$TOP/scripts/tools.sh"
# shellcheck source=scripts/kernel-make.sh
. "$TOP/scripts/kernel-make.sh"

check_kdir() {
	[ -e "$KDIR/include/config/auto.conf" ] ||
		die "$KDIR is not a configured kernel (it has no include/config/auto.conf)." \
			"KDIR= takes the folder in which a kernel was configured and built (the O= of its make)."
	check_version "The kernel in $KDIR" "$(cut -d. -f1,2 "$KDIR/include/config/kernel.release" | sed 's/-.*//')"
	[ "$(config_of "$KDIR" CONFIG_RUST)" = y ] ||
		die "The kernel in $KDIR was built without Rust." \
			"Set CONFIG_RUST=y (make rustavailable says what it still wants) and build it again."
	[ "$(config_of "$KDIR" CONFIG_MODULES)" = y ] ||
		die "The kernel in $KDIR has no modules." "Set CONFIG_MODULES=y and build it again."
	[ -e "$KDIR/rust/libkernel.rmeta" ] ||
		die "$KDIR has no Rust metadata (rust/libkernel.rmeta)." \
			"Headers of distributions lack it. On Debian, the packages of this project make it (make deb)." \
			"Else give the folder of a full build, or run make there."
	[ -e "$KDIR/Module.symvers" ] ||
		die "$KDIR has no Module.symvers." "Run make there, with modules."
	find_tools "$KDIR"
}

given_kernel() {
	[ -d "$KDIR" ] || die "There is no folder $KDIR (KDIR=), or this user may not enter it."
	KDIR=$(realpath "$KDIR")
	check_kdir
	printf '%s\n' "$KDIR"
}

# Makes one fragment of two: merge <first> <second>
merge() {
	need_folder "$OUT"
	merge_fragments "$1" "$2" >"$OUT/whole.$$"
	mv "$OUT/whole.$$" "$OUT/$KERNEL_CONFIG.config"
	FRAGMENT=$OUT/$KERNEL_CONFIG.config
}

made_kernel() {
	local source base
	"$TOP/scripts/packages.sh" kernel
	source=${KSRC:-$("$TOP/scripts/source.sh")}
	base=$(sed -n 's/^# The base is \(.*\)\.config\.$/\1/p' "$FRAGMENT")
	if [ -n "$base" ]; then
		merge "$TOP/scripts/config/$base.config" "$FRAGMENT"
	fi
	[ ! -e "$(arch_fragment)" ] || merge "$FRAGMENT" "$(arch_fragment)"
	"$TOP/scripts/kernel.sh" "$source" "$FRAGMENT"
}

# The variables of make, for a shell: print_variables <kernel build folder>
print_variables() {
	local tool
	find_tools "$1"
	[ "${#IN_ROOT[@]}" = 0 ] ||
		die "The compilers of the kernel in $1 are not on this machine, but in a root of Debian." \
			"The packages install them (make deb), or this runs a command there: scripts/stock.sh run $1 COMMAND"
	printf 'KDIR=%q' "$1"
	for tool in "${TOOLS[@]}"; do
		case $tool in
		LLVM=* | RUSTC=* | BINDGEN=* | ARCH=*) printf ' %q' "$tool" ;;
		esac
	done
	printf '\n'
}

FRAGMENT=$TOP/scripts/config/$KERNEL_CONFIG.config
[ -e "$FRAGMENT" ] ||
	die "There is no kernel configuration $KERNEL_CONFIG (KERNEL_CONFIG=)." \
		"There are: $(cd "$TOP/scripts/config" && printf '%s ' *.config | sed 's/\.config//g')"
if [ -n "${KDIR:-}" ]; then folder=$(given_kernel); else folder=$(made_kernel); fi
case ${1:-} in
'') printf '%s\n' "$folder" ;;
make) print_variables "$folder" ;;
*) die 'usage: kdir.sh [make]' ;;
esac
