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

runs_on_kvm() {
	case ${HAS_KVM:-} in
	y) return 0 ;;
	n) return 1 ;;
	esac
	[ -w /dev/kvm ] || return 1
	kvm_runs && return
	say '  /dev/kvm is there, but nothing runs on it: QEMU emulates the processor'
	return 1
}

# For a script that starts several guests: it takes a second to find out, and they inherit the answer.
look_for_kvm() {
	if [ -n "${QEMU_ACCEL:-}" ]; then return; fi
	if runs_on_kvm; then HAS_KVM=y; else HAS_KVM=n; fi
	export HAS_KVM
}

accelerator() {
	if [ -n "${QEMU_ACCEL:-}" ]; then
		printf '%s\n' "$QEMU_ACCEL"
	elif [ "${ICOUNT:-0}" != 1 ] && runs_on_kvm; then
		printf 'kvm\n'
	else
		printf 'tcg\n'
	fi
}
