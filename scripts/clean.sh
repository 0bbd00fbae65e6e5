#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Removes everything that was built in this checkout: our build folder, and what a plain
# "make -C <kernel> M=<this folder>" leaves beside the sources.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

rm -rf "$OUT"
find "$TOP/rust" "$TOP/samples" "$TOP/selftests/modules" "$TOP/selftests/bench/modules" "$TOP/selftests/torture/modules" \
	"$TOP" -maxdepth 2 -type f \
	-not -path "$TOP/.git/*" \
	\( -name '*.o' -o -name '*.ko' -o -name '*.mod' -o -name '*.mod.c' -o -name '.*.cmd' -o -name '*.rmeta' \
	-o -name bindings_generated.rs -o -name modules.order -o -name Module.symvers \) -delete
