# SPDX-License-Identifier: GPL-2.0
#
# Holds the figures of a run against their limits: gate.awk selftests/bench-limits.txt gate.csv
#
# Ours may need so many times the instructions of C in the same run, and a tenth or 15 instructions more, whichever
# is more: counts differ by up to ten between runs. For a dispatch both are taken above the baseline, what netlink
# itself costs. Prints one line for each limit: name, pass or fail, and the figures, with tabs between them.

BEGIN { OFS = "\t" }

FNR == 1 { file++ }

file == 1 {
	if ($0 ~ /^#/ || NF == 0) next
	row[++limits] = $1
	which[limits] = $2
	limit[limits] = $3
	if (NF != 3 || $3 + 0 <= 0) { print "limits", "fail", "bench-limits.txt, line " FNR ": row, case, ratio"; bad = 1; exit }
	next
}

FNR == 1 { FS = ","; $0 = $0; next }

{
	name = $4 SUBSEP $5 SUBSEP $6
	value[name, ++count[name]] = $7
}

END {
	if (bad) exit
	for (i = 1; i <= limits; i++) {
		baseline = row[i] == "dispatch" ? median("dispatch" SUBSEP "-" SUBSEP "baseline") : 0
		ours = median(row[i] SUBSEP which[i] SUBSEP "rust")
		theirs = median(row[i] SUBSEP which[i] SUBSEP "c")
		name = row[i] "." which[i]
		gsub(/[;=]/, "_", name)
		if (ours < 0 || baseline < 0 || theirs <= baseline) {
			print name, "fail", "not measured"
			continue
		}
		expected = limit[i] * (theirs - baseline)
		most = expected + (expected > 150 ? expected / 10 : 15)
		print name, ours - baseline <= most ? "pass" : "fail", sprintf("%d instructions, at most %d; C %d, %.5g times", \
			ours - baseline, most, theirs - baseline, (ours - baseline) / (theirs - baseline))
	}
}

# Of an odd number of values the middle one, else the upper of the two; -1 when there is none.
function median(name,    n, i, j, swap) {
	n = count[name]
	for (i = 2; i <= n; i++)
		for (j = i; j > 1 && value[name, j - 1] + 0 > value[name, j] + 0; j--) {
			swap = value[name, j]
			value[name, j] = value[name, j - 1]
			value[name, j - 1] = swap
		}
	return n ? value[name, int(n / 2) + 1] + 0 : -1
}
