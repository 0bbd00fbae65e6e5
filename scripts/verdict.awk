# SPDX-License-Identifier: GPL-2.0
#
# Judges all results together: verdict.awk [-v whole=1] differences.txt results
#
# A test that fails on the C connector must be on the list of differences with its reason, and a test on
# the list must fail there. On ours everything must pass, and nothing may be skipped. With whole=1,
# each entry of the list must have been tried on C. With either=1, a test on the list may pass there as well: where C
# tells of something later than ours, it may still be early enough. What the machine has not got is said, and no failure.

BEGIN { FS = "\t" }

FNR == NR {
	if ($0 ~ /^#/ || $0 ~ /^[ \t]*$/) next
	if (NF < 2 || $2 == "") complaints[++complained] = "differences.txt, line " FNR ": no tab and reason"
	sub(/[ \t]+$/, "", $1)
	sub(/\.global\./, ".", $1)
	listed[$1] = $2
	order[++entries] = $1
	next
}

$3 == "absent" {
	absences[++absent] = $2 " on " $1 why($4)
	next
}

$1 ~ /^c(-|$)/ {
	tried[$2] = $3
	if ($3 == "skip") next
	if ($3 == "fail" && $2 in listed) { passed++; different++ }
	else if ($3 == "fail") complain($2 " fails on C, and is not on the list of differences" why($4))
	else if ($2 in listed && !either) complain($2 " is on the list of differences, but passes on C")
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

END {
	for (i = 1; i <= entries; i++)
		if (whole && !(order[i] in tried))
			complain(order[i] " is on the list of differences, but was not tried on C")
		else if (whole && tried[order[i]] == "skip")
			complain(order[i] " is on the list of differences, but is skipped on C")
	if (different) {
		print "\nDifferences from the C connector, each on purpose (selftests/differences.txt):"
		for (i = 1; i <= entries; i++)
			if (tried[order[i]] == "fail") {
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
