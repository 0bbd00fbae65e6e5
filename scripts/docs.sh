#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Makes build/html: the pages of Documentation/, under api/ the reference of the crate for modules, under client/ that of the
# crate for programs, and under internals/ that of all crates in rust/ with their private items. docs.sh <kernel build directory>

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
stage 'documentation: crate' html_of_api "$OUT/html/api"
stage 'documentation: crate for programs' "$TOP/scripts/client.sh" docs "$OUT/html/client"
stage 'documentation: internals' html_of_internals "$OUT/html/internals"
for page in api/connector client/connector_client internals/connector internals/cn_core internals/proc_events; do
	[ -e "$OUT/html/$page/index.html" ] || die "rustdoc has made no $OUT/html/$page/index.html."
done
say "  read $OUT/html/index.html"
