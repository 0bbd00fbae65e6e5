#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# All tests: the pure files on the host, the unit tests in the kernel, the selftests in the guest on the
# C connector and on ours, and whether ours has become slower. test.sh <kernel build directory>
#   T   only selftest programs whose name matches this regular expression or, with a dot, whose fixtures and tests do
#       (register_test.unregister); "host", "fuzz", "compile-fail", "kunit", "tutorial", "programs", "wireshark", "demo",
#       "bench" and "torture" name the others, "kernel" the kernel's own sample, "samples" ours, "cnctl" the tool
#   TORTURE   small (the default) or full: how long the torture takes
#
# The last line is "N passed, M failed".

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/cache.sh
. "$TOP/scripts/cache.sh"
# shellcheck source=scripts/cargo.sh
. "$TOP/scripts/cargo.sh"
# shellcheck source=scripts/tools.sh
. "$TOP/scripts/tools.sh"
# shellcheck source=scripts/accelerator.sh
. "$TOP/scripts/accelerator.sh"
# shellcheck source=scripts/jobs.sh
. "$TOP/scripts/jobs.sh"

KDIR=$1
FILTER=${T:-}
TORTURE=${TORTURE:-small}
WORK=$(mktemp -d)
RESULTS=$WORK/results
: >"$RESULTS"
trap 'end_jobs; rm -rf "$WORK"' EXIT
trap 'exit 130' INT TERM HUP
look_for_kvm

# The result of something that has no TAP lines: record <who> <test> pass|fail [reason].
record() {
	printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "${4:-}" >>"$RESULTS"
}

selected() {
	[ -z "$FILTER" ] || printf '%s\n' "$1" | grep -qE -- "$FILTER"
}

# The tests of a folder of selftests/host: host_crate <prefix of their names> <folder> <argument for cargo...>
host_crate() {
	local prefix=$1 log=$LOGS/host-tests-$1.log status=0 folder=$TOP/selftests/host/$2
	shift 2
	mkdir -p "$LOGS"
	# Nobody debugs these, and each run begins anew.
	CARGO_TARGET_DIR=$OUT/host CARGO_PROFILE_DEV_DEBUG=line-tables-only CARGO_INCREMENTAL=0 \
		host_cargo test --locked --manifest-path "$folder/Cargo.toml" "$@" >"$log" 2>&1 || status=$?
	sed -nE 's/^test (.+) \.\.\. (ok|FAILED)$/\1 \2/p' "$log" | sed -E 's/ \(line /:/; s/\) / /; s/ - / /' |
		awk '{ result = $NF; sub(/ [^ ]+$/, ""); gsub(/ /, "."); print $0, result }' >"$WORK/crate"
	while read -r name result; do
		if [ "$result" = ok ]; then record host "$prefix.$name" pass; else record host "$prefix.$name" fail; fi
	done <"$WORK/crate"
	if [ "$status" -ne 0 ]; then
		tail -n 40 "$log" | sed 's/^/        /'
		grep -q ' FAILED$' "$WORK/crate" || record host "$prefix.builds" fail "the log is $log"
	elif [ ! -s "$WORK/crate" ]; then
		record host "$prefix.runs" fail 'no test was found'
	fi
}

clean_host_tests() {
	rm -rf "$1"/debug/{incremental,examples}
	host_cargo clean --manifest-path "$TOP/selftests/host/Cargo.toml" -p connector-host
	host_cargo clean --manifest-path "$TOP/selftests/host/core/Cargo.toml" -p connector-core
	host_cargo clean --manifest-path "$TOP/tools/Cargo.toml" -p connector-client -p cnctl -p guest-tests
}

host_tests() {
	local crates=$OUT/host
	printf '\nPure files, and the registry, on the host\n'
	begin_target tests "$crates" "$TOP"/selftests/host/{,core/}Cargo.* "$TOP"/tools/Cargo.* "$TOP"/tools/*/Cargo.toml
	host_crate host .
	host_crate core core
	host_crate loom core --features loom
	host_crate tools ../../tools --all-features
	# A build that failed has not made all of them.
	grep -q $'\tfail' "$RESULTS" || end_target "$crates" clean_host_tests
	printf '  %d tests\n' "$(grep -c '^host' "$RESULTS" || true)"
}

# Inputs that a fuzzer makes up, for a few seconds; scripts/fuzz.sh goes on for as long as one likes.
fuzz_tests() {
	printf '\nFuzzing on the host\n'
	"$TOP/scripts/fuzz.sh" | tee "$WORK/fuzz" | sed 's/^/  /' || true
	sed -nE 's/^([a-z_]+) (ok|FAILED) .*/\1 \2/p' "$WORK/fuzz" | while read -r name result; do
		if [ "$result" = ok ]; then record host "fuzz.$name" pass; else record host "fuzz.$name" fail; fi
	done
	[ -s "$WORK/fuzz" ] || record host fuzz.runs fail 'no target ran'
}

# A guest that ends without a verdict, or whose kernel complains, is a failure of its own.
guest() {
	local name=$1 status=0
	shift
	"$TOP/scripts/guest.sh" "$KDIR" run "$@" || status=$?
	if [ "$status" -ne 0 ]; then
		record guest "guest.$name" fail "$(guest_problem "$status")"
	else
		record guest "guest.$name" pass
	fi
}

guest_problem() {
	case $1 in
	98) printf 'it ended without a verdict\n' ;;
	99) printf 'its kernel complained\n' ;;
	*) printf 'its job ended with status %s\n' "$1" ;;
	esac
}

# Misuse of the API that the compiler is to refuse.
compile_fail_tests() {
	printf '\nMisuse of the API does not compile\n'
	"$TOP/scripts/compile-fail.sh" "$KDIR" | tee "$WORK/compile-fail" | sed '/ ok$/d; s/^/  /'
	sed -nE 's/^([a-z_]+) (ok|FAILED)$/\1 \2/p' "$WORK/compile-fail" | while read -r name result; do
		if [ "$result" = ok ]; then record host "compile_fail.$name" pass; else record host "compile_fail.$name" fail; fi
	done
	printf '  %d tests\n' "$(grep -cE ' (ok|FAILED)$' "$WORK/compile-fail" || true)"
	[ -s "$WORK/compile-fail" ] || record host compile_fail.runs fail 'nothing was compiled'
}

unit_tests() {
	printf '\nUnit tests in the kernel\n'
	local console=$WORK/console
	: >"$console"
	CONSOLE=$console APPEND='kunit.enable=1 kunit.autorun=1' guest kunit "$TOP/selftests/guest/kunit.sh"
	sed -E 's/^\[ *[0-9.]+\] //' "$console" | awk -v OFS='\t' '
		# The kernel has suites of its own.
		/# Subtest: / { suite = $NF }
		suite ~ /^cn_/ && /^ +(not )?ok [0-9]+ / {
			name = $0; sub(/^ +(not )?ok [0-9]+ /, "", name); sub(/ .*/, "", name)
			print "kunit", "kunit." suite "." name, /# SKIP/ ? "skip" : /not ok/ ? "fail" : "pass", ""
		}' >"$WORK/kunit"
	cat "$WORK/kunit" >>"$RESULTS"
	printf '  %d tests\n' "$(wc -l <"$WORK/kunit")"
	if grep -q fail "$WORK/kunit"; then
		grep -B 12 'not ok' "$console" | sed 's/^/        /'
	fi
	[ -s "$WORK/kunit" ] || record kunit kunit.runs fail 'no result on the console'
}

# With the tests of the client crate.
list_programs() {
	choose_tests "$KDIR" "$FILTER"
	if selected client; then echo client; fi
}

wants_programs() {
	[ -n "$(list_programs)" ] || selected kernel || selected samples || selected cnctl
}

# For one connector: select_programs c|rust
select_programs() {
	list_programs >"$WORK/programs"
	{
		echo "PROVIDERS=$1"
		if selected kernel; then echo SKIP_KERNEL_SAMPLE=; else echo SKIP_KERNEL_SAMPLE=1; fi
		if selected samples; then echo SKIP_SAMPLES=; else echo SKIP_SAMPLES=1; fi
		if selected cnctl; then echo SKIP_CNCTL=; else echo SKIP_CNCTL=1; fi
	} >"$WORK/selection"
}

# On one connector, a guest with so many processors: selftests c|rust <processors>
selftests() {
	printf '\nSelftests in the guest, on the connector in %s\n' "${1^}"
	select_programs "$1"
	QEMU_SMP=${QEMU_SMP:-$2} guest "selftests_$1" "$TOP/selftests/guest/tests.sh" "$WORK/programs" "$WORK/selection" |
		awk -v results="$WORK/guest" -v differences="$TOP/selftests/differences.txt" -f "$TOP/scripts/results.awk"
	cat "$WORK/guest" >>"$RESULTS"
}

# Programs of Debian on cn_proc.ko. scripts/in-tree-test.sh does the same with the kernel's own process events.
programs() {
	local status=0
	printf "\nDebian's programs on process events, in the guest\n"
	"$TOP/scripts/programs.sh" run "$KDIR" rust |
		awk -v results="$WORK/programs" -v differences="$TOP/selftests/differences.txt" -f "$TOP/scripts/results.awk" || status=$?
	cat "$WORK/programs" >>"$RESULTS"
	if [ "$status" -ne 0 ]; then
		record guest guest.programs fail "$(guest_problem "$status")"
	elif cut -f3 "$WORK/programs" | grep -qvx absent; then
		record guest guest.programs pass
	fi
}

# Pages with steps, as their reader does them: the tutorial, the notification channel, cnctl.
tutorial() {
	local page=$1 said=$WORK/tutorial result name rest
	printf '\nThe steps of Documentation/%s.rst\n' "$page"
	("$TOP/scripts/tutorial.sh" "$KDIR" "$page" || true) >"$said" 2>/dev/null
	while read -r result name rest; do
		case $result in
		ok) record tutorial "tutorial.$page.$name" pass ;;
		not) record tutorial "tutorial.$page.$rest" fail ;;
		esac
	done <"$said"
	sed -n 's/^#/       /p' "$said"
	printf '  %d steps\n' "$(grep -cE '^(not )?ok ' "$said" || true)"
	grep -qE '^(not )?ok ' "$said" || record tutorial "tutorial.$page.runs" fail 'no step was done'
}

tutorials() {
	tutorial tutorial
	tutorial notification
	tutorial cnctl
}

# The dissector, where there is a tshark.
wireshark() {
	local said=$WORK/said-of-frames result name
	printf '\nThe Wireshark dissector\n'
	("$TOP/scripts/wireshark.sh" "$KDIR" || true) >"$said"
	while read -r result name; do
		case $result in
		ok) record wireshark "wireshark.$name" pass ;;
		not) record wireshark "wireshark.${name#ok }" fail ;;
		esac
	done <"$said"
	sed -n 's/^#/       /p; s/^skipped:/  skipped:/p' "$said"
	printf '  %d tests\n' "$(grep -cE '^(not )?ok ' "$said" || true)"
	grep -qE '^((not )?ok|skipped:) ' "$said" || record wireshark wireshark.runs fail 'nothing was tried'
}

# What "make run" shows.
demonstration() {
	printf '\nThe demonstration of make run, in the guest\n'
	guest demo "$TOP/selftests/guest/demo.sh" >"$WORK/demo"
	if grep -q 'fail$' <(cut -f3 "$RESULTS"); then sed 's/^/        /' "$WORK/demo"; fi
}

# Instructions, counted; against limits, as ratios to those of C in the same run.
bench() {
	local name result figures
	printf '\nInstructions against their limits\n'
	if ! "$TOP/scripts/bench.sh" "$KDIR" gate >"$WORK/bench" 2>&1; then
		sed 's/^/        /' "$WORK/bench"
		record bench bench.runs fail 'the measurement failed'
		return
	fi
	awk -f "$TOP/scripts/gate.awk" "$TOP/selftests/bench-limits.txt" "$OUT/bench/gate.csv" >"$WORK/gate"
	while IFS=$'\t' read -r name result figures; do
		record bench "bench.$name" "$result" "$figures"
		[ "$result" = pass ] || printf '        %s: %s\n' "$name" "$figures"
	done <"$WORK/gate"
	printf '  %d tests\n' "$(wc -l <"$WORK/gate")"
	[ -s "$WORK/gate" ] || record bench bench.runs fail 'there are no limits'
}

# The kernel of the torture takes many minutes when it is not there, so that is seen.
find_torture_kernel() {
	KDIR=${TORTURE_KDIR:-} KERNEL_CONFIG=torture "$TOP/scripts/kdir.sh" >/dev/null && return
	record torture torture.kernel fail 'there is none'
	return 1
}

# On a kernel of its own: the same tests, and what is harder.
torture() {
	: >"$WORK/torture"
	T='' "$TOP/scripts/torture.sh" "$TORTURE" "$WORK/torture" || record torture torture.runs fail 'it did not get to its end'
	cat "$WORK/torture" >>"$RESULTS"
	[ -s "$WORK/torture" ] || record torture torture.results fail 'no part has said anything'
}

# Programs that are not needed for more than one test; who cannot have them does without.
if selected wireshark && ! "$TOP/scripts/packages.sh" wireshark; then
	say '  Without these, the Wireshark dissector is not tested.'
fi
with_torture=
if selected torture && find_torture_kernel; then with_torture=$TORTURE; fi
# Compilers of Rust leave a processor to others for much of their time.
if selected host; then start_in_slot host host_tests; fi
"$TOP/scripts/modules.sh" "$KDIR" all
if wants_programs; then start_light_job selftests selftests rust 2; fi
if [ -n "$with_torture" ] && [ "$with_torture" != full ]; then start_series torture torture; fi
# On C they are to compare with, and races are not looked for: with one processor they take two thirds of the time.
if wants_programs; then start_in_slot selftests-c selftests c 1; fi
if selected bench; then start_in_slot bench bench; fi
if selected fuzz; then start_in_slot fuzz fuzz_tests; fi
if selected tutorial; then start_in_slot tutorial tutorials; fi
if selected programs; then start_in_slot programs programs; fi
if selected wireshark; then start_in_slot wireshark wireshark; fi
if selected demo; then start_in_slot demo demonstration; fi
if selected kunit; then start_in_slot kunit unit_tests; fi
if selected compile-fail; then start_in_slot compile-fail compile_fail_tests; fi
wait_for_jobs
# Nothing shall disturb what this one measures.
if [ "$with_torture" = full ]; then
	start_series torture torture
	wait_for_jobs
fi

whole=1
[ -z "$FILTER" ] || whole=0
awk -v whole=$whole -f "$TOP/scripts/verdict.awk" "$TOP/selftests/differences.txt" "$RESULTS"
