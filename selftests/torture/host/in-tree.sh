#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# The connector built into a kernel (scripts/in-tree-test.sh), where it can't be unloaded.
#
# torture.full: 7200

unset KERNEL_CONFIG KDIR T
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../../../scripts/lib.sh"

SAID=$(mktemp)
trap 'rm -f "$SAID"' EXIT
trap 'exit 130' INT TERM HUP
verdict='not ok'
! "$TOP/scripts/in-tree-test.sh" >"$SAID" || verdict=ok
sed 's/^/# /' "$SAID"
printf '%s in_tree %s\n' "$verdict" "$(tail -n 1 "$SAID")"
