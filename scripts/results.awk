# SPDX-License-Identifier: GPL-2.0
#
# Reads what the guest's test job writes (selftests/guest/tests.sh) as it comes. Shows one line per
# program, and what failing programs said. Writes one line per test into the file `results`:
#   provider <tab> program.test <tab> pass|fail|skip|absent <tab> reason
# `differences` is the list of what is to fail on the C connector.

BEGIN {
	while ((getline line < differences) > 0) {
		sub(/[ ]*\t.*/, "", line)
		sub(/\.global\./, ".", line)
		expected[line] = 1
	}
}

# Fails, and is to: such a test is a difference, not a failure.
function differs(test,    name) {
	name = test
	sub(/\.global\./, ".", name)
	return provider ~ /^c(-|$)/ && name in expected
}

function record(provider, name, result, reason) {
	sub(/\.global\./, ".", name)
	printf "%s\t%s\t%s\t%s\n", provider, name, result, reason >results
	fflush(results)
}

function show(line) {
	print line
	fflush()
}

$1 == "@begin" {
	provider = $2; program = $3; inside = 1
	pass = fail = skip = different = planned = 0
	said = failures = no_tests = ""
	next
}

$1 == "@check" {
	record($2, $3, $4 == "ok" ? "pass" : "fail", "")
	show(sprintf("  %-5s %-32s %s", $2, $3, $4 == "ok" ? "ok" : "FAILED"))
	if ($4 != "ok") printf "%s", said
	said = ""
	next
}

# What this machine has not got: @absent <provider> <test> <reason...>.
$1 == "@absent" {
	reason = $0
	sub(/^@absent [^ ]+ [^ ]+ /, "", reason)
	record($2, $3, "absent", reason)
	show(sprintf("  %-5s %-32s not tried: %s", $2, $3, reason))
	next
}

$1 == "@end" {
	# kselftest programs end with 0, with 1 after a failing test, with 4 when all was skipped.
	if ($4 != 0 && $4 != 1 && $4 != 4 || $4 == 1 && !fail && !different)
		broken = $4 == "not-prepared" ? "its modules did not load" : "it ended with status " $4
	else if (planned != pass + fail + different + skip || !planned && no_tests == "")
		broken = sprintf("%d of %d tests reported", pass + fail + different + skip, planned)
	else
		broken = ""
	if (broken != "") {
		record(provider, program ".runs", "fail", broken)
		fail++
	}
	line = sprintf("  %-5s %-32s", provider, program) (no_tests == "" ? sprintf(" %d passed", pass) : " skipped: " no_tests)
	if (fail) line = line sprintf(", %d FAILED", fail)
	if (different) line = line sprintf(", %d different on purpose", different)
	if (skip) line = line sprintf(", %d skipped", skip)
	if (broken != "") line = line " (" broken ")"
	if ($5 >= 5) line = line sprintf(", %d s", $5)
	show(line)
	if (fail) printf "%s", failures said
	inside = 0; said = failures = ""
	next
}

# The program has no tests here, and says why.
inside && /^1\.\.0 # SKIP / {
	no_tests = $0
	sub(/^1\.\.0 # SKIP /, "", no_tests)
	record(provider, program, "skip", no_tests)
	next
}

inside && /^1\.\.[0-9]+/ {
	split($1, range, /\.\./)
	planned = range[2]
	next
}

inside && /^(not )?ok [0-9]+ / {
	result = $1 == "not" ? "fail" : "pass"
	name = $0
	sub(/^(not )?ok [0-9]+ (- )?/, "", name)
	reason = ""
	if (match(name, / # /)) {
		reason = substr(name, RSTART + 3)
		name = substr(name, 1, RSTART - 1)
	}
	gsub(/[ \t]+$/, "", name)
	gsub(/[ \t]/, "_", name)
	if (reason ~ /^SKIP/) result = "skip"
	if (result == "pass") pass++
	if (result == "skip") skip++
	if (result == "fail" && differs(program "." name)) different++
	else if (result == "fail") {
		fail++
		failures = failures said "        " $0 "\n"
	}
	said = ""
	record(provider, program "." name, result, reason)
	next
}

# What a failing test says stands before its "not ok"; the frame of the harness is no news.
inside && /^# +(RUN|OK) |^TAP version|^# Starting|^# PASSED|^# FAILED|^# Totals/ { next }

{
	said = said "        " $0 "\n"
}

END {
	if (inside) {
		record(provider, program ".runs", "fail", "the guest ended during it")
		show(sprintf("  %-5s %-32s did not end", provider, program))
		printf "%s", failures said
	}
}
