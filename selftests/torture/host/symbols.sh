#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# That the modules refer to nothing that panics, as they are built for the first kernel: the assertions of the other one
# do.
#
# torture.small: 600
# torture.full: 600

unset KERNEL_CONFIG KDIR
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../../../scripts/lib.sh"
use_ktap "$1"

"$TOP/scripts/modules.sh" "$("$TOP/scripts/kdir.sh")" core >&2
STEP_OUTPUT=$(mktemp)
trap 'rm -f "$STEP_OUTPUT"' EXIT
run_step "$TOP/scripts/panics.sh" "$OUT"/core/rust/*.ko
result_of_step panics.symbols "$(grep -c . "$STEP_OUTPUT" || true) symbols of panics" panics.sh
