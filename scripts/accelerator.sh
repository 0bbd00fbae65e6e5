# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# How QEMU is to run a guest here. Sourced after lib.sh.

# KVM devices that exist, and open, and run nothing are common in nested machines: believe the CPU.
accelerator() {
	if [ -n "${QEMU_ACCEL:-}" ]; then
		printf '%s\n' "$QEMU_ACCEL"
	elif [ "${ICOUNT:-0}" != 1 ] && grep -qwE 'vmx|svm' /proc/cpuinfo && [ -w /dev/kvm ]; then
		printf 'kvm\n'
	else
		printf 'tcg\n'
	fi
}
