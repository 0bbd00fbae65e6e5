#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Lists the coverage points of a module, at which KCOV records, and which of them are on the receive path:
# coverage_points.sh <cn.ko, built for KCOV, with line numbers>
#
# A line for each coverage point, separated by tabs: section, offset that is recorded, kind, function, source line and its
# text.
# The kind is "receive" on the receive path: in a function that input_callback(), which netlink calls, or the notification
# channel calls, directly or not. It is "panic" where an assertion of a debug build ends the kernel, else "else". A coverage
# point is roughly a basic block.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

MODULE=$1
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

# The tools that belong to the compiler.
tool() {
	command -v "$1${LLVM:-}" || command -v "$1-19" || command -v "$1" || die "$1 is not installed."
}

"$(tool llvm-objdump)" -dr --no-show-raw-insn "$MODULE" | awk -f "$TOP/scripts/coverage_points.awk" |
	"$(tool llvm-cxxfilt)" >"$WORK/points"

# Linked, so that sections do not overlap: the line numbers are found by address.
printf 'SECTIONS { .text 0x1000000 : { *(.text) } }\n' >"$WORK/script"
"$(tool ld.lld)" --unresolved-symbols=ignore-all --noinhibit-exec -e 0 -T "$WORK/script" -o "$WORK/linked" "$MODULE" 2>/dev/null
sed -E 's/^[^\t]*\t[^\t]*\t([^\t]*)\t.*/00000\1/; s/.*(.{6})$/0x1\1/' "$WORK/points" | "$(tool llvm-symbolizer)" --obj="$WORK/linked" --inlines >"$WORK/frames"
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
	# The frames of a coverage point, the innermost first: a line with a function, one with file, line and column; then an
	# empty line.
	# Of library functions, the line of ours that uses them counts; and then the one of the function itself.
	FILENAME == ARGV[1] {
		if ($0 == "") point++
		else if (match($0, /rust\/(api|core|glue)\/[^\/]*:[0-9]+:/)) {
			line = substr($0, RSTART, RLENGTH - 1)
			if (!(point in where)) where[point] = line
			outer[point] = line
		}
		next
	}
	{
		name = $5
		gsub(/\[[0-9a-f]+\]/, "", name)
		point = FNR - 1
		line = $1 == ".text" && point in where ? where[point] : "-"
		if (line != "-") line = line (outer[point] != line ? " from " outer[point] : "") " | " text(line)
		print $1, $2, $4, name, line
	}' "$WORK/frames" "$WORK/points"
