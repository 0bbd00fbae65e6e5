# SPDX-License-Identifier: GPL-2.0
#
# The scorecard with the figures of the last runs: scorecard.awk scorecard.txt small.results full.results
#
# A result belongs to the line whose number its name begins with ("9.after_unload"), and a result of a selftest
# program to the lines that name the program. A line with a failure shows that one.

BEGIN { FS = "\t" }

FILENAME == ARGV[1] {
	if ($0 ~ /^#/ || $0 == "") next
	lines[++count] = $1
	title[$1] = $2
	goal[$1, 2] = $3
	goal[$1, 3] = $4
	split($5, programs, " ")
	for (i in programs) users[programs[i]] = users[programs[i]] " " $1
	next
}

{ column = FILENAME == ARGV[2] ? 2 : 3 }

$3 ~ /^[0-9]+\./ {
	number = name = $3
	sub(/\..*/, "", number)
	sub(/^[0-9]+\./, "", name)
	add(number, $2, name, $4)
	next
}

$1 == "suite" {
	program = name = $3
	sub(/\..*/, "", program)
	n = split(users[program], of, " ")
	for (i = 1; i <= n; i++)
		if ($2 == "ok") tests[of[i], column]++
		else add(of[i], $2, name, $4)
}

function add(number, result, name, figure) {
	if (result != "ok") bad[number, column] = bad[number, column] "FAILED: " name " " figure "; "
	else figures[number, column] = figures[number, column] (figure == "" ? name : figure) "; "
}

function shown(number, column,    text) {
	text = bad[number, column] figures[number, column]
	if ((number, column) in tests) text = text tests[number, column] " tests; "
	sub(/; $/, "", text)
	return text == "" ? "-" : text
}

END {
	for (i = 1; i <= count; i++) {
		n = lines[i]
		printf "%2d  %s\n", n, title[n]
		printf "      small (%s): %s\n", goal[n, 2], shown(n, 2)
		printf "      full  (%s): %s\n", goal[n, 3], shown(n, 3)
	}
}
