#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Puts the connector into a kernel tree, or takes it out again: in-tree.sh put|undo <kernel source>. in-tree.sh files
# prints what it puts there.
#
# rust/ becomes drivers/connector of the tree, beside what is there: its Makefile becomes a Kbuild, which kbuild prefers to the Makefile,
# and Kconfig gets one line. The kselftests become tools/testing/selftests/connector, beside the kernel's own program; the
# Makefile there is put aside. A list of what was put there, with digests, stays in the tree; what somebody has
# changed since is neither overwritten nor removed. Files are replaced and not written to, so that
# a tree which shares them with another one through hard links keeps that one as it is.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# shellcheck source=scripts/tools.sh
. "$TOP/scripts/tools.sh"

LIST=.connector-in-tree
SOURCE_LINE='source "drivers/connector/Kconfig.rust"'
END_LINE='endif # CONNECTOR'
USAGE="KSRC= takes the top folder of a source of Linux $(oldest_series) or later that you can write to."

# Where each file of the project goes: <file here>, tab, <path in drivers/connector>. In a tree, this connector is never a guest of
# another one.
files_to_put() {
	local file
	(cd "$TOP" && find rust/base rust/api rust/core rust/glue -name '*.rs' -o -name '*.[ch]') |
		grep -vE '/(bindings_generated\.rs|carrier/guest\.rs|cn_(guest|entry)\.c)$' | sort | while read -r file; do
		printf '%s\t%s\n' "$file" "${file#rust/}"
	done
	printf '%s\t%s\n' rust/Makefile Kbuild
	printf '%s\t%s\n' rust/Kconfig Kconfig.rust
	printf '%s\t%s\n' include/uapi/linux/connector_notify.h glue/linux/connector_notify.h
}

# The kselftests, seen from drivers/connector; a tree without any does not get them.
SELFTESTS=../../tools/testing/selftests/connector

selftests_to_put() {
	local -a subjects
	[ -d "$FOLDER/$(dirname "$SELFTESTS")" ] || return 0
	mapfile -t subjects < <(cd "$TOP/selftests" && printf '%s\n' *_test.c | sed 's/_test\.c$//')
	(cd "$TOP/selftests" && {
		printf '%s\n' Makefile config settings differences.txt guest_differences.txt proc_differences.txt cn_*.h *_test.c
		find "${subjects[@]}" -name '*.c'
		find modules -name Makefile -o -name Kbuild -o -name '*.rs' -o -name '*.h' -o -name '*.c' ! -name '*.mod.c'
	}) | sort | while read -r file; do
		printf '%s\t%s\n' "selftests/$file" "$SELFTESTS/$file"
	done
	printf '%s\t%s\n' include/uapi/linux/connector_notify.h "$SELFTESTS/include/linux/connector_notify.h"
}

# What the tree has of that name is put aside, and comes back.
put_aside() {
	[ ! -e "$1" ] || grep -qsF "  $2" "$FOLDER/$LIST" || mv "$1" "$1.before-in-tree"
}

bring_back() {
	rm -f "$1"
	[ ! -e "$1.before-in-tree" ] || mv "$1.before-in-tree" "$1"
}

sum_of() {
	sha256sum <"$1" | cut -d' ' -f1
}

check_tree() {
	[ -n "$1" ] || die 'Which kernel tree is meant?' "$USAGE"
	[ -d "$1" ] || die "There is no folder $1." "$USAGE"
	TREE=$(realpath "$1")
	if [ ! -e "$TREE/Makefile" ] || [ ! -e "$TREE/drivers/connector/Kconfig" ]; then
		die "$TREE is not a kernel source (it has no drivers/connector/Kconfig)." "$USAGE" \
			"It is not the folder of a build (O=), and not one of headers."
	fi
	check_version "$TREE" "$(series_of "$TREE")"
	[ -d "$TREE/rust/kernel" ] || die "The kernel source in $TREE has no rust/ folder." "$USAGE"
	case $TREE/ in
	"$(realpath -m "$CACHE")"/*)
		die "$TREE is the source that test kernels are built from, which has to stay as it is." \
			"Copy it (cp -a), and give the copy with KSRC=."
		;;
	esac
	FOLDER=$TREE/drivers/connector
	if [ ! -w "$FOLDER" ] || [ ! -w "$FOLDER/Kconfig" ]; then
		die "$FOLDER cannot be written to." "Copy the tree, or run this as its owner."
	fi
}

# A tree that was changed by others is not ours to change again.
check_untouched() {
	local name
	for name in Kbuild Kconfig.rust base api core glue "$SELFTESTS/cn_needs.h"; do
		[ ! -e "$FOLDER/$name" ] ||
			die "$FOLDER has a $name already, which make in-tree did not put there." \
				"Remove it, or use a tree without it."
	done
	! grep -q CONNECTOR_RUST "$FOLDER/Kconfig" ||
		die "$FOLDER/Kconfig has CONNECTOR_RUST already; was the patch series applied?"
	if [ "$(grep -cxF "$END_LINE" "$FOLDER/Kconfig")" != 1 ] ||
		! grep -qE '^cn-y[[:space:]]*\+= cn_queue\.o connector\.o$' "$FOLDER/Makefile"; then
		die "Kconfig or Makefile in $FOLDER is not that of Linux." \
			"Take the changes to these two files back, or use a tree without them."
	fi
}

# What was put there before, each as it was put; missing files are no matter.
check_unchanged() {
	local path changed=()
	while read -r path; do
		[ -e "$FOLDER/$path" ] || continue
		grep -qxF "$(sum_of "$FOLDER/$path")  $path" "$FOLDER/$LIST" || changed+=("$path")
	done < <(sed 's/^[^ ]*  //' "$FOLDER/$LIST" | sort -u)
	[ "${#changed[@]}" = 0 ] ||
		die "These files in $FOLDER were changed since make in-tree put them there:" "${changed[*]}" \
			"Move them away, to keep the changes or to drop them, and try again."
}

replace() {
	local new=$2.new-in-tree
	mkdir -p "$(dirname "$2")"
	cp "$1" "$new"
	chmod 644 "$new"
	mv "$new" "$2"
}

put() {
	local file path
	if [ -e "$FOLDER/$LIST" ]; then check_unchanged; else check_untouched; fi
	WORK=$(mktemp -d)
	trap 'rm -rf "$WORK"' EXIT
	{ files_to_put; selftests_to_put; } >"$WORK/files"
	# Before the list says that it is ours.
	put_aside "$FOLDER/$SELFTESTS/Makefile" "$SELFTESTS/Makefile"
	while IFS=$'\t' read -r file path; do
		printf '%s  %s\n' "$(sum_of "$TOP/$file")" "$path"
	done <"$WORK/files" >"$WORK/list"
	# Until the end both are listed, so that a run that was interrupted can be repeated or taken back.
	cat "$WORK/list" "$FOLDER/$LIST" >"$WORK/both" 2>/dev/null || true
	replace "$WORK/both" "$FOLDER/$LIST"
	while IFS=$'\t' read -r file path; do
		cmp -s "$TOP/$file" "$FOLDER/$path" || replace "$TOP/$file" "$FOLDER/$path"
	done <"$WORK/files"
	sed 's/^[^ ]*  //' "$WORK/both" | sort -u | grep -vxFf <(cut -f2 "$WORK/files") | while read -r path; do
		bring_back "$FOLDER/$path"
	done || true
	if ! grep -qxF "$SOURCE_LINE" "$FOLDER/Kconfig"; then
		awk -v line="$SOURCE_LINE" -v end="$END_LINE" '$0 == end { print line; print "" } { print }' \
			"$FOLDER/Kconfig" >"$WORK/Kconfig"
		replace "$WORK/Kconfig" "$FOLDER/Kconfig"
	fi
	replace "$WORK/list" "$FOLDER/$LIST"
	say "The connector is in $FOLDER; CONFIG_CONNECTOR_RUST says whether it is used."
	say "make in-tree-undo KSRC=$TREE takes it out."
}

# What a build in the tree itself has made of our files.
remove_products() {
	local folder
	for folder in base api core glue; do
		[ -d "$FOLDER/$folder" ] || continue
		find "$FOLDER/$folder" -type f \( -name '*.o' -o -name '.*.cmd' -o -name '.*.d' -o -name '*.rmeta' \
			-o -name 'bindings_generated.rs' -o -name '*.bc' -o -name '*.gcno' \) -delete
		find "$FOLDER/$folder" -depth -type d -empty -delete
		[ ! -d "$FOLDER/$folder" ] || say "$FOLDER/$folder has files that are not of the connector; they stay there."
	done
	rm -f "$FOLDER"/libconnector{,_base}.rmeta
	[ -d "$FOLDER/$SELFTESTS" ] || return 0
	rm -f "$FOLDER/$SELFTESTS"/*_test "$FOLDER/$SELFTESTS/proc_filter"
	[ ! -d "$FOLDER/$SELFTESTS/modules" ] ||
		find "$FOLDER/$SELFTESTS/modules" -type f \( -name '*.o' -o -name '*.ko' -o -name '*.mod' -o -name '*.mod.c' \
			-o -name '.*.cmd' -o -name '.*.d' -o -name '*.order' -o -name 'Module.symvers' \) -delete
	find "$FOLDER/$SELFTESTS" -depth -type d -empty -delete
}

undo() {
	local path
	if [ ! -e "$FOLDER/$LIST" ]; then
		check_untouched
		say "There is nothing of this connector in $FOLDER."
		return
	fi
	check_unchanged
	WORK=$(mktemp -d)
	trap 'rm -rf "$WORK"' EXIT
	awk -v line="$SOURCE_LINE" '$0 == line { skip = 1; next } skip && $0 == "" { skip = 0; next } { skip = 0; print }' \
		"$FOLDER/Kconfig" >"$WORK/Kconfig"
	cmp -s "$WORK/Kconfig" "$FOLDER/Kconfig" || replace "$WORK/Kconfig" "$FOLDER/Kconfig"
	while read -r path; do
		bring_back "$FOLDER/$path"
	done < <(sed 's/^[^ ]*  //' "$FOLDER/$LIST")
	remove_products
	rm -f "$FOLDER/$LIST"
	say "$FOLDER is as it was before make in-tree."
}

verb=$1
if [ "$verb" = files ]; then
	files_to_put
	exit
fi
check_tree "${2:-}"
trap 'exit 130' INT TERM HUP
case $verb in
put) put ;;
undo) undo ;;
*) die "in-tree.sh: unknown verb $verb" ;;
esac
