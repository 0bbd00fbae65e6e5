# SPDX-License-Identifier: GPL-2.0
#
# The scorecard with the figures of the last runs: scorecard.awk scorecard.txt small.results full.results
# With -v format=rst it is a table for the documentation.
#
# A result belongs to the line whose number its name begins with ("9.after_unload"), and a result of a selftest
# program to the lines that name the program or the fixture: "register_test.context" in the suite, "realtime:register_test.context"
# in the part realtime, for a test or, with the figure "12 tests", for so many. A line with a failure shows that one. Behind its part, result, name and figure a result has the commit, the date, the seed and
# the share of the numbers in per cent that it was made with.

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
	add(number, $2, name, $4 share())
	note_part(number)
	next
}

$1 == "suite" || $1 == "realtime" {
	name = $3
	split(name, part, ".")
	program = ($1 == "suite" ? "" : $1 ":") part[1]
	n = split(users[program] " " users[program "." part[2]], of, " ")
	for (i = 1; i <= n; i++) {
		note_part(of[i])
		if ($2 == "ok") tests[of[i], column] += $4 ~ /^[0-9]+ tests$/ ? $4 : 1
		else add(of[i], $2, name, $4)
	}
}

# The parts that a line has its figures from, in the column of this file.
function note_part(number) {
	if ((number, column, $1) in noted) return
	noted[number, column, $1]
	parts[number, column] = parts[number, column] (parts[number, column] == "" ? "" : "|") $1
	if ($5 == "" || (number, column, $5, $6, $7) in noted) return
	noted[number, column, $5, $6, $7]
	origins[number, column] = origins[number, column] (origins[number, column] == "" ? "" : "; ") \
		$5 " of " $6 ", ``SEED=" $7 "``"
}

# Of a run with smaller numbers than the goal names.
function share() {
	return $8 == "" || $8 == 100 ? "" : " (PERCENT=" $8 ")"
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

function show_text(n) {
	printf "%2d  %s\n", n, title[n]
	printf "      small (%s): %s\n", goal[n, 2], shown(n, 2)
	printf "      full  (%s): %s\n", goal[n, 3], shown(n, 3)
}

function show_row(n) {
	printf "   * - %d\n     - %s\n     - %s\n     - %s\n", n, title[n], goal[n, 3], shown(n, 3)
	printf "     - %s\n", parts[n, 3] == "" ? "-" : "``T=\047" parts[n, 3] "\047``"
	printf "     - %s\n", origins[n, 3] == "" ? "-" : origins[n, 3]
}

END {
	if (format == "rst") {
		print ".. list-table::\n   :header-rows: 1\n   :widths: 4 24 16 34 10 12\n"
		print "   * - #\n     - What\n     - Goal\n     - Measured\n     - Parts\n     - Commit, date"
	}
	for (i = 1; i <= count; i++)
		if (format == "rst") show_row(lines[i])
		else show_text(lines[i])
}
