# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
#
# What each processor needs for which the connector can be built (ARCH=): the table, and what follows from it. For another
# one than x86-64, all is built on this machine by clang, and runs in QEMU. Sourced after lib.sh.
#
#   KERNEL_ARCH      what the kernel's make calls it (ARCH=); empty: the make finds out
#   SOURCE_ARCH      its folder below arch/ in the kernel source
#   KERNEL_IMAGE     the file that QEMU boots, in the build folder
#   QEMU_PROGRAM     the emulator, and the options for its machine
#   QEMU_PORT        the options that connect the character device "user" to the second port
#   QEMU_PACKAGES    Debian's packages for it, by release
#   GUEST_CONSOLE    the terminal that is the kernel's console
#   GUEST_PORT       the terminal that is the second port, on which the job of a guest writes
#   GUEST_TIMER      parameters of the kernel for a machine that is emulated
#   GUEST_EXACT      parameters of the kernel for a clock that counts instructions
#   DEBIAN_ARCH      Debian's name; its packages with the C library are named for it
#   TRIPLE           the target of clang for programs
#   RUST_TARGET      the target of rustc for programs
#   USER_EMULATOR    runs one of its programs here; empty: none is needed
#
# scripts/config/arch/<ARCH>.config has what its kernels are configured with besides.

case $ARCH in
x86_64)
	KERNEL_ARCH=
	SOURCE_ARCH=x86
	KERNEL_IMAGE=arch/x86/boot/bzImage
	QEMU_PROGRAM=qemu-system-x86_64
	QEMU_MACHINE=(-M pc)
	QEMU_PORT=(-serial chardev:user)
	QEMU_PACKAGES=([12]=qemu-system-x86 [13]=qemu-system-x86)
	GUEST_CONSOLE=ttyS0
	GUEST_PORT=ttyS1
	GUEST_TIMER=no_timer_check
	GUEST_EXACT=tsc=reliable
	DEBIAN_ARCH=amd64
	TRIPLE=x86_64-linux-gnu
	RUST_TARGET=x86_64-unknown-linux-gnu
	USER_EMULATOR=
	;;
arm64)
	KERNEL_ARCH=arm64
	SOURCE_ARCH=arm64
	KERNEL_IMAGE=arch/arm64/boot/Image
	QEMU_PROGRAM=qemu-system-aarch64
	# It has the atomic instructions of version 8.1, and no signed pointers, whose emulation is slow.
	QEMU_MACHINE=(-M virt -cpu neoverse-n1)
	QEMU_PORT=(-device virtio-serial-device -device 'virtconsole,chardev=user')
	QEMU_PACKAGES=([12]=qemu-system-arm [13]=qemu-system-arm)
	GUEST_CONSOLE=ttyAMA0
	GUEST_PORT=hvc0
	GUEST_TIMER=
	GUEST_EXACT=
	DEBIAN_ARCH=arm64
	TRIPLE=aarch64-linux-gnu
	RUST_TARGET=aarch64-unknown-linux-gnu
	USER_EMULATOR=qemu-aarch64
	;;
riscv64)
	KERNEL_ARCH=riscv
	SOURCE_ARCH=riscv
	KERNEL_IMAGE=arch/riscv/boot/Image
	QEMU_PROGRAM=qemu-system-riscv64
	QEMU_MACHINE=(-M virt)
	QEMU_PORT=(-device virtio-serial-device -device 'virtconsole,chardev=user')
	QEMU_PACKAGES=([12]='qemu-system-misc opensbi' [13]='qemu-system-riscv opensbi')
	GUEST_CONSOLE=ttyS0
	GUEST_PORT=hvc0
	GUEST_TIMER=
	GUEST_EXACT=
	DEBIAN_ARCH=riscv64
	TRIPLE=riscv64-linux-gnu
	RUST_TARGET=riscv64gc-unknown-linux-gnu
	USER_EMULATOR=qemu-riscv64
	;;
*)
	die "ARCH is $ARCH; it can be x86_64 (the default), arm64 or riscv64."
	;;
esac

# The arguments of the kernel's make.
ARCH_TOOLS=()
[ -z "$KERNEL_ARCH" ] || ARCH_TOOLS=("ARCH=$KERNEL_ARCH")

# Whether all is for another processor than the usual one.
is_foreign() {
	[ -n "$KERNEL_ARCH" ]
}

# What a kernel is configured with for its machine; there need not be such a file: arch_fragment
arch_fragment() {
	printf '%s/scripts/config/arch/%s.config\n' "$TOP" "$ARCH"
}

# Which clang makes programs, of the version that LLVM= names: cross_clang
cross_clang() {
	if [ -z "${LLVM:-}" ] && command -v clang-19 >/dev/null; then
		printf 'clang-19\n'
	else
		llvm_program "${LLVM:-1}" clang
	fi
}

# Sets PROGRAM_CC, the compiler for programs of the guest, and PROGRAM_TOOLS, the arguments of make that name it; make has
# its own where none is needed: find_program_cc
find_program_cc() {
	PROGRAM_CC=(gcc)
	PROGRAM_TOOLS=()
	is_foreign || return 0
	PROGRAM_CC=("$(cross_clang)" "--target=$TRIPLE" -fuse-ld=lld)
	PROGRAM_TOOLS=("ARCH=$KERNEL_ARCH" "CC=${PROGRAM_CC[*]}")
}

# Debian's packages for programs: their compiler, the C library, and what runs them here. The version of gcc is that of the release:
# cross_packages <release>
cross_packages() {
	local gcc=12
	is_foreign || return 0
	[ "$1" = 12 ] || gcc=14
	printf '%s\n' clang-19 lld-19 qemu-user "libc6-dev-$DEBIAN_ARCH-cross" "libgcc-$gcc-dev-$DEBIAN_ARCH-cross"
}

# Debian's packages with the emulator: emulator_packages <release>
emulator_packages() {
	# shellcheck disable=SC2086
	printf '%s\n' ${QEMU_PACKAGES[$1]}
}
