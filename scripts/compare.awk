# SPDX-License-Identifier: GPL-2.0
#
# Whether two connectors did the same: compare.awk fuzz_differences.txt <log of fuzz> <log of fuzz>
#
# The last line is the figure. An allowed difference that never shows is none.

BEGIN {
	FS = "\t"
	# Read line by line with the other one.
	ours = ARGV[3]
	ARGC = 3
}

FILENAME == ARGV[1] {
	if ($0 !~ /^#/ && $0 != "") allowed[$1] = $2
	next
}

{
	if ((getline other < ours) <= 0) other = ""
	split(other, o, FS)
	count++
	if ($1 "" != o[1] "" || $2 "" != o[2] "") bad = bad "operation " $1 ": the streams differ\n"
	else {
		check("result", $3, o[3])
		check("received", $4, o[4])
		check("list", $5, o[5])
	}
}

bad != "" { exit }

function check(what, c, rust) {
	# As text: "1e1" and "10" are not the same hash.
	if (c "" == rust "") return
	if (allowed[$2] == what) seen[$2]++
	else bad = bad "operation " $1 " (" $2 "): " what " is " c " in C, and " rust " in ours\n"
}

END {
	if (!count) bad = "there is nothing to compare\n"
	if (bad == "" && (getline other < ours) > 0) bad = "the logs have different lengths\n"
	for (why in allowed)
		if (bad == "" && !seen[why]) bad = bad "the connectors do not differ in " why "\n"
	if (bad != "") {
		printf "%s", bad
		exit 1
	}
	printf "%d operations, all the same but for what is listed:", count
	for (why in seen) printf " %s %d", why, seen[why]
	printf "\n"
	exit 0
}
