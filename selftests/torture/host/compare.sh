#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# The same operations on the C connector and on ours, in one boot of the plain kernel: what they return, what is
# received, and /proc/net/connector. They may differ in what fuzz_differences.txt lists. And datagrams of every length, where
# they may not. compare.sh <kernel build directory>
#
# torture.small: 600
# torture.full: 14400

unset KERNEL_CONFIG KDIR
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../../../scripts/lib.sh"

OPERATIONS=20000
LENGTHS=edges
if [ "$TORTURE" = full ]; then
	OPERATIONS=$((1000000 * PERCENT / 100))
	LENGTHS=all
fi
KDIR=$("$TOP/scripts/kdir.sh")
"$TOP/scripts/modules.sh" "$KDIR" torture >&2
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
trap 'exit 130' INT TERM HUP
printf 'SEED=%s\nOPERATIONS=%s\nLENGTHS=%s\n' "$SEED" "$OPERATIONS" "$LENGTHS" >"$WORK/compare.conf"
QEMU_MEM=2G TIMEOUT=14000 "$TOP/scripts/guest.sh" "$KDIR" run "$TOP/selftests/guest/compare.sh" "$WORK/compare.conf" \
	"$TOP/selftests/torture/fuzz_differences.txt" "$TOP/scripts/compare.awk"
