#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Makes build/html: the pages of Documentation/, and under api/ the reference of the crate.
# docs.sh <kernel build directory>

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/tools.sh
. "$TOP/scripts/tools.sh"
# shellcheck source=scripts/html.sh
. "$TOP/scripts/html.sh"

KDIR=$1
"$TOP/scripts/modules.sh" "$KDIR" core
find_tools "$KDIR"
hold "$OUT/lock"
stage 'documentation: pages' html_of_pages "$OUT/html"
stage 'documentation: crate' html_of_crate "$OUT/html/api"
[ -e "$OUT/html/api/connector/index.html" ] || die "rustdoc has made no $OUT/html/api/connector/index.html."
say "  read $OUT/html/index.html"
