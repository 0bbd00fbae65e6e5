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

"$TOP/scripts/modules.sh" "$("$TOP/scripts/kdir.sh")" core >&2
status=0
symbols=$("$TOP/scripts/panics.sh" "$OUT"/core/rust/*.ko) || status=$?
[ -z "$symbols" ] || printf '# %s\n' "$symbols"
count=$(grep -c . <<<"$symbols" || true)
if [ "$status" -eq 0 ]; then verdict=ok; else verdict='not ok'; fi
printf '%s 14.symbols %d symbols of panics\n' "$verdict" "$count"
