#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Lists the places of a module at which KCOV records, and which of them a message of a program can come to:
# places.sh <cn.ko, built for KCOV, with line numbers>
#
# A line for each place, separated by tabs: section, offset of what is recorded, kind, function, where in the source and what
# stands there.
# The kind is "way" on the way of a message: in a function that input_callback(), which netlink calls, or the
# notification channel calls, or one that those call, and so on. It is "panic" where an assertion of a debug build ends
# the kernel, "else" for what is elsewhere. A place is a basic block, more or less.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

MODULE=$1
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

# The tools that belong to the compiler.
tool() {
	command -v "$1${LLVM:-}" || command -v "$1-19" || command -v "$1" || die "$1 is not installed."
}

"$(tool llvm-objdump)" -dr --no-show-raw-insn "$MODULE" | awk -f "$TOP/scripts/places.awk" |
	"$(tool llvm-cxxfilt)" >"$WORK/places"

# Linked, so that sections do not overlap: the line numbers are found by address.
printf 'SECTIONS { .text 0x1000000 : { *(.text) } }\n' >"$WORK/script"
"$(tool ld.lld)" --unresolved-symbols=ignore-all --noinhibit-exec -e 0 -T "$WORK/script" -o "$WORK/linked" "$MODULE" 2>/dev/null
sed -E 's/^[^\t]*\t[^\t]*\t([^\t]*)\t.*/00000\1/; s/.*(.{6})$/0x1\1/' "$WORK/places" | "$(tool llvm-symbolizer)" --obj="$WORK/linked" --inlines >"$WORK/frames"
awk -v OFS='\t' -v top="$TOP" '
	BEGIN { FS = "\t" }
	# What stands in a line of the source, given as file:line.
	function text(where,    parts, line, n) {
		split(where, parts, ":")
		if (!(parts[1] in length_of)) {
			while ((getline line <(top "/" parts[1])) > 0) source[parts[1], ++n] = line
			close(top "/" parts[1])
			length_of[parts[1]] = n
		}
		line = source[parts[1], parts[2]]
		gsub(/^[ \t]+|\t/, "", line)
		return line
	}
	# The frames of a place, the innermost first: a line with a function, one with file, line and column; then an empty line.
	# Of library functions, the line of ours that uses them counts; and then the one of the function itself.
	FILENAME == ARGV[1] {
		if ($0 == "") place++
		else if (match($0, /rust\/(api|core|glue)\/[^\/]*:[0-9]+:/)) {
			line = substr($0, RSTART, RLENGTH - 1)
			if (!(place in where)) where[place] = line
			outer[place] = line
		}
		next
	}
	{
		name = $5
		gsub(/\[[0-9a-f]+\]/, "", name)
		place = FNR - 1
		line = $1 == ".text" && place in where ? where[place] : "-"
		if (line != "-") line = line (outer[place] != line ? " from " outer[place] : "") " | " text(line)
		print $1, $2, $4, name, line
	}' "$WORK/frames" "$WORK/places"
