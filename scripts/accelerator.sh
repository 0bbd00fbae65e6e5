# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# How QEMU is to run a guest here. Sourced after lib.sh.

# KVM devices that exist, and open, and run nothing are common in nested machines: the firmware has to run for a second.
kvm_runs() {
	{
		sleep 1
		printf 'info status\nquit\n'
	} | timeout 10 qemu-system-x86_64 -nodefaults -no-user-config -display none -M pc -accel kvm -cpu host -m 32M \
		-monitor stdio 2>&1 | grep 'VM status: running' >/dev/null
}

accelerator() {
	if [ -n "${QEMU_ACCEL:-}" ]; then
		printf '%s\n' "$QEMU_ACCEL"
	elif [ "${ICOUNT:-0}" != 1 ] && [ -w /dev/kvm ]; then
		if kvm_runs; then
			printf 'kvm\n'
		else
			say '  /dev/kvm is there, but nothing runs on it: QEMU emulates the processor'
			printf 'tcg\n'
		fi
	else
		printf 'tcg\n'
	fi
}
