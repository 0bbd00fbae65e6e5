# SPDX-License-Identifier: GPL-2.0
#
# Judges all results together: verdict.awk [-v whole=1] differences.txt results
#
# A test that fails on the C connector must be on the list of differences with its reason, and a test on
# the list must fail there, unless it has "sometimes" in a third column. On ours everything must pass, and nothing may be
# skipped. With whole=1, each entry of the list must have been tried on C, and on each provider in C that
# there is ("c", "c-..."). What the machine has not got is said, and no failure.

BEGIN { FS = "\t" }

FNR == NR {
	if ($0 ~ /^#/ || $0 ~ /^[ \t]*$/) next
	list = FILENAME
	sub(/^.*\//, "", list)
	if (NF < 2 || $2 == "") complain(list ", line " FNR ": no tab and reason")
	if (NF > 2 && $3 != "sometimes") complain(list ", line " FNR ": the third column is " $3 ", and not \"sometimes\"")
	sub(/[ \t]+$/, "", $1)
	sub(/\.global\./, ".", $1)
	listed[$1] = $2
	sometimes[$1] = $3 == "sometimes"
	order[++entries] = $1
	next
}

$3 == "absent" {
	absences[++absent] = $2 " on " $1 why($4)
	next
}

$1 ~ /^c(-|$)/ {
	providers[$1]
	tried[$1, $2] = $3
	if ($3 == "skip") next
	if ($3 == "fail" && $2 in listed) { passed++; fails[$2]; different++ }
	else if ($3 == "fail") complain($2 " fails on " $1 ", and is not on the list of differences" why($4))
	else if ($2 in listed && !sometimes[$2]) complain($2 " is on the list of differences, but passes on " $1)
	else passed++
	next
}

$3 == "pass" { passed++; next }
$3 == "skip" { complain($2 " was skipped on " $1 why($4)); next }
{ complain($2 " fails on " $1 why($4)) }

function why(reason) {
	return reason == "" ? "" : " (" reason ")"
}

function complain(text) {
	complaints[++complained] = text
}

# Each test of the list, on one provider in C.
function look_for_all(provider,    i) {
	for (i = 1; i <= entries; i++)
		if (!((provider, order[i]) in tried))
			complain(order[i] " is on the list of differences, but was not tried on " provider)
		else if (tried[provider, order[i]] == "skip")
			complain(order[i] " is on the list of differences, but is skipped on " provider)
}

END {
	if (whole) {
		providers["c"]
		for (provider in providers)
			look_for_all(provider)
	}
	if (different) {
		print "\nDifferences from the C connector, each on purpose (selftests/" list "):"
		for (i = 1; i <= entries; i++)
			if (order[i] in fails) {
				if (listed[order[i]] != reason) print "  " (reason = listed[order[i]])
				print "      " order[i]
			}
	}
	if (absent) {
		print "\nNot tried:"
		for (i = 1; i <= absent; i++)
			print "  " absences[i]
	}
	if (complained) {
		print "\nFailures:"
		for (i = 1; i <= complained; i++)
			print "  " complaints[i]
	}
	printf "\n%d passed, %d failed\n", passed, complained
	exit complained || !passed && !absent ? 1 : 0
}
