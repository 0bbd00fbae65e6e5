#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# The connector built into a kernel (selftests/in-tree), where it can't be unloaded.
#
# torture.full: 7200

unset KERNEL_CONFIG KDIR T
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../../../scripts/lib.sh"
use_ktap "$1"

STEP_OUTPUT=$(mktemp)
trap 'rm -f "$STEP_OUTPUT"' EXIT
trap 'exit 130' INT TERM HUP
step in_tree "$TOP/selftests/in-tree/run.sh"
