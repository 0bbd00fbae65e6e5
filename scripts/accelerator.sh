# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# How QEMU is to run a guest here. Sourced after lib.sh.

# shellcheck source=scripts/arch.sh
. "$TOP/scripts/arch.sh"

# KVM devices that exist, and open, and run nothing are common in nested machines; others run the firmware, and stop at an
# instruction of the kernel. So the kernel has to start, up to its panic for want of a root: kvm_runs <kernel build folder>
kvm_runs() {
	timeout --kill-after=1 20 "$QEMU_PROGRAM" -nodefaults -no-user-config -display none -no-reboot "${QEMU_MACHINE[@]}" \
		-accel kvm -cpu host -m 512M -kernel "$1/$KERNEL_IMAGE" -append "console=$GUEST_CONSOLE panic=-1" -serial stdio </dev/null 2>&1 |
		grep 'Kernel panic - not syncing: VFS' >/dev/null
}

# runs_on_kvm <kernel build folder>
runs_on_kvm() {
	case ${HAS_KVM:-} in
	y) return 0 ;;
	n) return 1 ;;
	esac
	! is_foreign && [ -w /dev/kvm ] || return 1
	kvm_runs "$1" && return
	say '  /dev/kvm is there, but no kernel runs on it: QEMU emulates the processor'
	return 1
}

# For a script that starts several guests, which inherit the answer: look_for_kvm <kernel build folder>
look_for_kvm() {
	if [ -n "${QEMU_ACCEL:-}" ]; then return; fi
	if runs_on_kvm "$1"; then HAS_KVM=y; else HAS_KVM=n; fi
	export HAS_KVM
}

# The accelerator for a guest: accelerator <kernel build folder>
accelerator() {
	if [ -n "${QEMU_ACCEL:-}" ]; then
		printf '%s\n' "$QEMU_ACCEL"
	elif [ "${ICOUNT:-0}" != 1 ] && runs_on_kvm "$1"; then
		printf 'kvm\n'
	else
		printf 'tcg\n'
	fi
}
