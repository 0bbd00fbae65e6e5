# SPDX-License-Identifier: GPL-2.0
#
# Prints a file with one of the bugs of selftests/torture/injected_bugs.txt in it: inject.awk -v name=<bug> injected_bugs.txt file
#
# The lines to be replaced have to be there exactly once; else this fails, and says so.

function trimmed(line) {
	sub(/^[ \t]+/, "", line)
	return line
}

FNR == NR {
	if ($1 == "=") chosen = $2 == name
	if (chosen && $1 == "-") old[++olds] = trimmed(substr($0, 2))
	if (chosen && $1 == "+") new[++news] = trimmed(substr($0, 2))
	next
}

{ line[++lines] = $0 }

END {
	for (first = 1; first + olds - 1 <= lines; first++) {
		for (i = 1; i <= olds && trimmed(line[first + i - 1]) == old[i]; i++) continue
		if (i > olds) {
			found++
			match_start = first
		}
	}
	if (!olds || found != 1) {
		printf "%s: the lines to be replaced are there %d times\n", name, found >"/dev/stderr"
		exit 1
	}
	for (i = 1; i < match_start; i++) print line[i]
	for (i = 1; i <= news; i++) print new[i]
	for (i = match_start + olds; i <= lines; i++) print line[i]
}
