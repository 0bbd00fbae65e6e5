# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Results in KTAP, on the host and in the guest, with the kernel's own tools/testing/selftests/kselftest/ktap_helpers.sh:
# KTAP_HELPERS says where that is. Sourced.
#
#   STEP_OUTPUT   a file for the output of a step (/tmp/step)

# shellcheck source=/dev/null
. "${KTAP_HELPERS:-/guest/ktap_helpers.sh}"
STEP_OUTPUT=${STEP_OUTPUT:-/tmp/step}

# One result; a figure, or a reason, stands behind the name: passed|failed|skipped <name> [text...]. The kernel's functions
# do not quote what they print.
passed() {
	set -f
	ktap_test_pass "$(name_and_note "$@")"
	set +f
}

failed() {
	set -f
	ktap_test_fail "$(name_and_note "$@")"
	set +f
}

skipped() {
	local name=$1
	shift
	passed "$name" "SKIP $*"
}

name_and_note() {
	local name=$1
	shift
	printf '%s' "$name${*:+ # $*}"
}

# Whether nothing has failed so far.
all_passed() {
	[ "$KTAP_CNT_FAIL" -eq 0 ]
}

# Runs a command; STATUS is how it ended, and STEP_OUTPUT has its output. In a script that ends at its first error, a function does
# the same; if its failure were tested, it would go on.
run_step() {
	case $- in
	*e*)
		set +e
		(
			set -e
			"$@"
		) >"$STEP_OUTPUT" 2>&1 </dev/null
		STATUS=$?
		set -e
		;;
	*)
		"$@" >"$STEP_OUTPUT" 2>&1 </dev/null
		STATUS=$?
		;;
	esac
}

# One step with one result: check <name> <command...>. Outside of scripts that end at their first error, it fails like the
# command.
check() {
	local name=$1
	shift
	run_step "$@"
	result_of_step "$name" '' "$@"
}

# The same with a figure, the last line that the command says: step <name> <command...>
step() {
	local name=$1
	shift
	run_step "$@"
	result_of_step "$name" "$(tail -n 1 "$STEP_OUTPUT")" "$@"
}

result_of_step() {
	local name=$1 figure=$2
	shift 2
	if [ "$STATUS" -eq 0 ]; then
		passed "$name" "$figure"
		return
	fi
	printf '# "%s" failed:\n' "$*"
	tail -n "${STEP_LINES:-2000}" "$STEP_OUTPUT" | sed 's/^/# /'
	failed "$name" "$figure"
	case $- in
	*e*) ;;
	*) return 1 ;;
	esac
}

# A program with TAP of its own, which becomes subtests: program <name> <command...>. What it leaves running may hold its
# output open, so that a line ends it.
program() {
	local name=$1 status
	shift
	printf '    KTAP version 1\n    # Subtest: %s\n' "$name"
	{
		"$@" 2>&1
		echo $? >/tmp/status
		printf '\n# the end of %s\n' "$name"
	} | awk -v end="# the end of $name" '$0 == end { exit } !/^TAP version / { print "    " $0; fflush() }'
	status=$(cat /tmp/status)
	case $status in
	0) passed "$name" ;;
	1) failed "$name" ;;
	4) skipped "$name" ;;
	*) failed "$name" "it ended with status $status" ;;
	esac
}
