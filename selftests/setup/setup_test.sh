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
	for program in bash sh make basename cat cut dirname env find grep head mkdir nproc readlink realpath rm sed sort stat tail tr uname; do
		ln -s "$(command -v "$program")" "$BIN/"
	done
	printf 'ID=debian\nVERSION_ID="13"\n' >"$WORK/os-release"
	script dpkg-query <<<''
	script id <<<'echo 1000'
	script sudo <<<'exit 1'
}

# Runs make with these programs only, and without what this run of make was given: make_there <argument of make...>
make_there() {
	env -i HOME="$WORK" PATH="$BIN" OS_RELEASE="$WORK/os-release" CMD="${CMD:-}" \
		PREFIX="$WORK/prefix" make -C "${CHECKOUT:-$TOP}" --no-print-directory "$@" >"$WORK/said" 2>&1
}

# The packages that a verb asks for first: asks_for "<verb> [argument of make...]" <package...>
asks_for() {
	local verb
	read -ra verb <<<"$1"
	shift
	! make_there "${verb[@]}" || return 1
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

# The emulator, and what makes programs and runs them.
other_processors_ask_for_more() {
	local tools=(cargo gcc libc6-dev make clang-19 lld-19 libc6-dev-arm64-cross libgcc-14-dev-arm64-cross qemu-user)
	asks_for 'tools ARCH=arm64' "${tools[@]}"
	CMD=true asks_for 'guest ARCH=arm64' "${tools[@]}" busybox-static kmod python3 qemu-system-arm
	! make_there guest CMD=true ARCH=none || return 1
	grep 'ARCH is none; it can be x86_64 (the default), arm64 or riscv64' "$WORK/said"
}

# Where the names of packages are not known, those of programs.
other_distributions_ask_for_programs() {
	printf 'ID=other\n' >"$WORK/os-release"
	! make_there install || return 1
	sed -n 's/^  //p' "$WORK/said" | grep -vE '^(make|depmod)$' | diff -u --label expected --label asked <(printf '%s\n' gcc cargo) -
}

# A program that only says its version: says <name> <text>
says() {
	script "$1" <<<"printf '%s\n' '$2'"
}

# Compilers, and a source and a kernel that they have built.
make_compilers() {
	local program
	for program in awk df flock git mktemp paste sha256sum touch true; do
		ln -s "$(command -v "$program")" "$BIN/"
	done
	script dpkg-query <<<'echo installed'
	for program in rustc 'clang-99' 'ld.lld-99' 'llvm-nm-99' bindgen; do
		says "$program" "$program 1.2.3"
	done
	SOURCE=$WORK/source KERNEL_BUILD=$WORK/kernel
	rm -rf "$SOURCE" "$KERNEL_BUILD"
	mkdir -p "$SOURCE/rust/kernel" "$KERNEL_BUILD/include/config" "$KERNEL_BUILD/rust"
	printf 'VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 4\nkernelversion:\n\t@sh -c "echo 7.3.4"\n' >"$SOURCE/Makefile"
	: >"$KERNEL_BUILD/rust/libkernel.rmeta"
	: >"$KERNEL_BUILD/Module.symvers"
	echo 7.3.4 >"$KERNEL_BUILD/include/config/kernel.release"
	cat >"$KERNEL_BUILD/include/config/auto.conf" <<-END
		CONFIG_RUST=y
		CONFIG_MODULES=y
		CONFIG_RUSTC_VERSION_TEXT="rustc 1.2.3"
		CONFIG_BINDGEN_VERSION_TEXT="bindgen 1.2.3"
		CONFIG_CC_VERSION_TEXT="clang-99 1.2.3"
		CONFIG_CC_IS_CLANG=y
	END
}

# The whole message of make: refuses <line of the message> <argument of make...>
refuses() {
	VERB=kdir says_of "$@"
}

# The same of another verb: says_of <line of the message> <argument of make...>
says_of() {
	local message=$1
	shift
	! make_there "$VERB" "$@" || return 1
	cat "$WORK/said"
	grep -v '^make: ' "$WORK/said" | sed "s|$WORK|WORK|g; s|$BIN|BIN|g" | diff -u --label expected --label said <(printf 'error: %b\n' "$message") -
}

# A kernel is to be built.
compilers_that_are_missing() {
	local tools=(LLVM=-99 "RUSTC=$BIN/rustc" "BINDGEN=$BIN/bindgen") system='uses the rustc of the system, which it installs on Debian'
	local llvm='  Debian has them: apt-get install clang lld llvm\n  There is here: LLVM=-99' bindgen='uses that of the system, or builds 0.72.1'
	make_compilers
	refuses "/none/rustc (RUSTC) is not on this machine.\n  Without RUSTC=, make $system: make kdir" \
		"KSRC=$SOURCE" "${tools[@]}" RUSTC=/none/rustc
	refuses "clang (LLVM=1) is not on this machine.\n$llvm" "KSRC=$SOURCE" "${tools[@]}" LLVM=1
	refuses "clang-77 (LLVM=-77) is not on this machine.\n${llvm//install clang lld llvm/install clang-77 lld-77 llvm-77}" \
		"KSRC=$SOURCE" "${tools[@]}" LLVM=-77
	refuses "/none/bindgen (BINDGEN) is not on this machine.\n  Without BINDGEN=, make $bindgen: make kdir" \
		"KSRC=$SOURCE" "${tools[@]}" BINDGEN=/none/bindgen
	rm "$BIN/ld.lld-99"
	refuses "ld.lld-99 (LLVM=-99) is not on this machine.\n${llvm//install clang lld llvm/install clang-99 lld-99 llvm-99}" \
		"KSRC=$SOURCE" "${tools[@]}"
	script rustc <<<'exit 1'
	refuses "WORK/bin/rustc (RUSTC) does not run here: 'WORK/bin/rustc --version' fails.\n  Without RUSTC=, make $system: make kdir" \
		"KSRC=$SOURCE" "${tools[@]}"
}

# Programs are named that are others, or have not all that the kernel is built with.
compilers_that_are_none() {
	local advice='  Without RUSTC=, make uses the rustc of the system, which it installs on Debian: make kdir'
	make_compilers
	says other 'something 1.2.3'
	refuses "WORK/bin/other (RUSTC) is no rustc: 'WORK/bin/other --version' says something else.\n$advice" "KSRC=$SOURCE" "RUSTC=$BIN/other"
	refuses "WORK/bin/other (BINDGEN) is no bindgen: 'WORK/bin/other --version' says something else.
  Without BINDGEN=, make uses that of the system, or builds 0.72.1: make kdir" "KSRC=$SOURCE" "RUSTC=$BIN/rustc" LLVM=-99 "BINDGEN=$BIN/other"
	refuses 'LLVM is nonsense; it can be 1, a suffix such as -19, or a folder with a / at its end.' "KSRC=$SOURCE" "RUSTC=$BIN/rustc" LLVM=nonsense
	refuses 'WORK/bin/rustc has no source of the Rust library, which the kernel compiles.
  On Debian: apt-get install rust-src. With rustup: rustup component add rust-src' \
		"KSRC=$SOURCE" "RUSTC=$BIN/rustc" LLVM=-99 "BINDGEN=$BIN/bindgen"
}

# Before anything is built, or asked for.
values_that_are_none() {
	local verb
	for verb in run test bench profile guest; do
		VERB=$verb CMD=true says_of 'TIMEOUT is soon; it can be a number of seconds.' TIMEOUT=soon
	done
	export VERB=run
	says_of 'QEMU_SMP is 0; it can be a number of processors, 1 to 999.' QEMU_SMP=0
	says_of 'QEMU_MEM is lots; it can be an amount of memory, such as 512M or 2G.' QEMU_MEM=lots
	says_of 'QEMU_ACCEL is fast; it can be tcg or kvm.' QEMU_ACCEL=fast
	says_of 'ICOUNT is yes; it can be 1, or 0 (the default).' ICOUNT=yes
	says_of 'With ICOUNT=1, instructions are counted, and KVM counts none.\n  Leave out QEMU_ACCEL=kvm.' ICOUNT=1 QEMU_ACCEL=kvm
	VERB=bench says_of 'BENCH is long; it can be quick (the default) or full.' BENCH=long
	VERB=profile says_of 'PROVIDER is mine; it can be rust (the default), c or baseline.' PROVIDER=mine
}

# Where files cannot go, or cannot be named.
prefixes_that_are_none() {
	VERB=install says_of "PREFIX is here; it has to begin with a /.\n  For a folder here: PREFIX=$TOP/here" PREFIX=here
	VERB=install-dev says_of "DESTDIR is 'WORK/a b'; it must have no blank." "DESTDIR=$WORK/a b"
	: >"$WORK/file"
	VERB=install says_of 'Cannot write to WORK/file/local: Not a directory.
  Name another folder, or do this as a user who can write to it.' "PREFIX=$WORK/file/local"
}

# Packages are installed, and PATH lacks the folder of what is in them.
programs_that_are_not_in_path() {
	local program
	script dpkg-query <<<'echo installed'
	for program in gcc cargo depmod python3; do says "$program" "$program"; done
	VERB=guest CMD=true says_of 'The packages are installed, but these programs are not in PATH: busybox qemu-system-x86_64
  Add their folder to PATH; Debian has them in /usr/bin.'
}

# What is built has no place: the programs that would write say what the kernel says.
folders_that_take_nothing() {
	local head
	export CHECKOUT=$WORK/checkout VERB=modules
	make_compilers
	mkdir -p "$CHECKOUT/rust"
	cp -r "$TOP"/{Makefile,scripts} "$CHECKOUT"
	cp "$TOP/rust/Kbuild" "$CHECKOUT/rust"
	head=$(realpath "$BIN/head")
	rm "$BIN/head"
	script head <<-END
		[ "\$1" != -c ] || { echo "head: error writing 'standard output': No space left on device" >&2 && exit 1; }
		exec $head "\$@"
	END
	says_of 'No room is left on the device of WORK/checkout/build.\n  Make room there; df lists what is free.' "KDIR=$KERNEL_BUILD" LLVM=-99
	rm -r "$CHECKOUT/build"
	: >"$CHECKOUT/build"
	says_of 'Cannot write to WORK/checkout/build: File exists.
  It has to be writable: give the checkout to this user, or copy it.' "KDIR=$KERNEL_BUILD" LLVM=-99
	ln -sf "$head" "$BIN/head"
	rm "$CHECKOUT/build" "$BIN/find"
	mkdir -p "$CHECKOUT/build/core"
	script find <<<"echo '$CHECKOUT/build/core'"
	says_of "Cannot write to WORK/checkout/build/core: it belongs to $(id -un).
  Remove build/ as that user, or give it to the one who builds." "KDIR=$KERNEL_BUILD" LLVM=-99
	rm -r "$CHECKOUT/build" "$BIN/mkdir"
	script mkdir <<<"echo \"mkdir: cannot create directory '\${!#}': Read-only file system\" >&2; exit 1"
	says_of 'WORK/checkout/build is read-only.\n  It has to be writable: give the checkout to this user, or copy it.' \
		"KDIR=$KERNEL_BUILD" LLVM=-99
}

# All that make install leaves under a prefix, of a kernel that is not that of this machine; a file of others stays.
uninstalling() {
	make_compilers
	script depmod <<<'echo "there is nothing to index" >&2; exit 1'
	ln -s "$(command -v rmdir)" "$BIN/"
	echo 7.3.4-setup-test >"$KERNEL_BUILD/include/config/kernel.release"
	mkdir -p "$WORK/prefix/"{bin,lib/connector-rs/7.3.4-setup-test,share/connector,include/linux,share/man/man1,share/fish/vendor_completions.d}
	touch "$WORK/prefix/"{bin/{cnctl,other},lib/connector-rs/7.3.4-setup-test/connector.mk,share/connector/connector.mk} \
		"$WORK/prefix/"{include/linux/connector_notify.h,share/man/man1/cnctl{,-send}.1,share/fish/vendor_completions.d/cnctl.fish}
	make_there uninstall "PREFIX=$WORK/prefix" "KDIR=$KERNEL_BUILD" LLVM=-99 || { cat "$WORK/said" && return 1; }
	find "$WORK/prefix" | sort | diff -u --label expected <(printf '%s\n' "$WORK/prefix"{,/bin,/bin/other}) --label left -
}

# A kernel is there, and asks for those that built it.
compilers_of_a_kernel_that_are_missing() {
	local built="  The kernel in WORK/kernel was built with"
	make_compilers
	make_there kdir "KDIR=$KERNEL_BUILD" LLVM=-99
	refuses "/none/rustc (RUSTC) is not on this machine.\n$built 'rustc 1.2.3'.
  It is the one of rustup: rustup toolchain install 1.2.3 --component rust-src" "KDIR=$KERNEL_BUILD" RUSTC=/none/rustc
	refuses "/none/bindgen (BINDGEN) is not on this machine.\n$built 'bindgen 1.2.3'.
  This installs it: cargo install bindgen-cli --version 1.2.3 --locked" "KDIR=$KERNEL_BUILD" BINDGEN=/none/bindgen
	refuses 'clang (LLVM=1) is not on this machine.
  Debian has them: apt-get install clang lld llvm
  There is here: LLVM=-99' "KDIR=$KERNEL_BUILD" LLVM=1
	sed -i '/CONFIG_CC_/d' "$KERNEL_BUILD/include/config/auto.conf"
	echo 'CONFIG_CC_VERSION_TEXT="x86_64-linux-gnu-gcc-14 (Debian) 14.2.0"' >>"$KERNEL_BUILD/include/config/auto.conf"
	refuses "The kernel in WORK/kernel was built with 'x86_64-linux-gnu-gcc-14 (Debian) 14.2.0', and x86_64-linux-gnu-gcc-14 is not on this machine.
  On Debian: apt-get install gcc-14" "KDIR=$KERNEL_BUILD"
}

CASES=(verbs_ask_for_what_they_need other_processors_ask_for_more other_distributions_ask_for_programs compilers_that_are_missing compilers_that_are_none
	compilers_of_a_kernel_that_are_missing values_that_are_none prefixes_that_are_none programs_that_are_not_in_path
	folders_that_take_nothing uninstalling)

ktap_print_header
ktap_set_plan "${#CASES[@]}"
for case in "${CASES[@]}"; do
	make_machine
	check "$case" "$case"
done
ktap_finished
