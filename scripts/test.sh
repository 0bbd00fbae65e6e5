#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs all tests: the pure files on the host, the unit tests in the kernel, the selftests in the guest on the
# C connector, on ours, and on ours as a guest of the C connector, and whether ours has become slower. test.sh <kernel build directory>
#   T   only selftest programs whose name matches this regular expression or, with a dot, whose fixtures and tests do
#       (register_test.unregister); "host", "fuzz", "compile-fail", "kunit", "tutorial", "programs", "wireshark", "demo",
#       "bench" and "torture" name the others, "kernel" the kernel's own sample, "samples" ours, "cnctl" the tool; "builtin"
#       names all that runs on a kernel with the C connector built in, and "stock" a part of "make stock"
#   ARCH   the processor; with another one than x86-64, the parts in selftests/arch_left_out.txt are left out
#   TORTURE   small (the default) or full: how long the torture takes
#
# Each job writes KTAP, which stays in build/results. The last line is "N passed, M failed".

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
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
RESULTS=$WORK/ktap
DIFFERENCES=(--differences=selftests/differences.txt --differences=selftests/guest_differences.txt)
NAMES=(host fuzz compile-fail kunit tutorial programs wireshark demo bench torture kernel samples cnctl client builtin stock)
for program in "$TOP"/selftests/*_test.c; do NAMES+=("$(basename "$program" .c)"); done
declare -A LEFT_OUT=()
trap 'end_jobs; rm -rf "$WORK"' EXIT
trap 'exit 130' INT TERM HUP
mkdir "$RESULTS"
need_folder "$TOP/build"
cd "$TOP"
look_for_kvm "$KDIR"
use_ktap "$KDIR"

# Fails if no test matches, before anything is built.
check_filter() {
	local name
	printf '' | grep -qE -- "$FILTER" 2>/dev/null || [ $? -eq 1 ] || die "T is $FILTER; it has to be a regular expression."
	# With a dot, fixtures and tests of a program are meant, which its run shows.
	[[ $FILTER != *.* ]] || return 0
	for name in "${NAMES[@]}"; do
		if matches "$name"; then return; fi
	done
	die "No test matches T=$FILTER. It takes these, or programs with a dot and a fixture or test:" "${NAMES[*]}"
}

# Whether anything runs on this kernel, and not on another one or on none.
wants_modules() {
	local name
	[[ $FILTER != *.* ]] || return 0
	for name in "${NAMES[@]}"; do
		case $name in
		host | fuzz | torture | builtin | stock) continue ;;
		esac
		if selected "$name"; then return; fi
	done
	return 1
}

# With another processor, some are left out.
selected() {
	[ -z "${LEFT_OUT[$1]-}" ] && matches "$1"
}

matches() {
	[ -z "$FILTER" ] || printf '%s\n' "$1" | grep -qE -- "$FILTER"
}

# What is left out with another processor than the usual one.
find_left_out() {
	local part reason
	is_foreign || return 0
	while IFS=$'\t' read -r part reason; do
		LEFT_OUT[$part]=$reason
	done < <(ktap list selftests/arch_left_out.txt part reason)
}

say_left_out() {
	local part
	for part in "${!LEFT_OUT[@]}"; do
		! matches "$part" || skipped "$part" "not on this machine: ${LEFT_OUT[$part]}"
	done >"$WORK/left_out"
	[ ! -s "$WORK/left_out" ] || read_results left_out --brief <"$WORK/left_out"
}

# A job whose results a command writes, with a title: job <title> <name> <option of the reader, or ''> <command...>.
job() {
	local title=$1 name=$2 option=$3
	shift 3
	printf '\n%s\n' "$title"
	{ "$@" || printf '# status: %s\n' $?; } | read_results "$name" ${option:+"$option"}
}

unit_tests() {
	local console=$WORK/console status=0
	: >"$console"
	CONSOLE=$console APPEND='kunit.enable=1 kunit.autorun=1' guest_results "$1" "$TOP/selftests/guest/kunit.sh" >"$WORK/guest"
	cat "$console" "$WORK/guest"
}

# The kernel has suites of its own: kunit <kernel build directory> <name>
kunit() {
	printf '\nUnit tests in the kernel\n'
	unit_tests "$1" | read_results "$2" --brief --only='^cn_|^guest$'
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
	QEMU_SMP=${QEMU_SMP:-$2} guest_results "$KDIR" "$TOP/selftests/guest/tests.sh" "$WORK/programs" "$WORK/selection" |
		read_results "selftests_$1" "${DIFFERENCES[@]}"
}

# On the kernel of "make in-tree-test" that has the C connector built in, as its guest. That is another carrier for the same
# files, so plain repetition is shorter, and the longest fixtures are left out. Process events are those of the kernel.
as_guest() {
	local kdir
	export KERNEL_CONFIG=builtin
	kdir=$(KDIR='' "$TOP/scripts/kdir.sh")
	"$TOP/scripts/modules.sh" "$kdir" guest
	printf '\nSelftests in the guest, as a guest of the connector in C\n'
	choose_tests "$kdir" | sed '/^proc_test/d; s/^notify_test/& -F snapshot -F storm/; s/^load_test/& -F parameter/
		s/^unload_test/& -F leaving -F owners/' >"$WORK/programs"
	printf '%s\n' PROVIDERS=guest SKIP_KERNEL_SAMPLE=1 SKIP_SAMPLES= SKIP_CNCTL= 'export CN_REPEAT=10' >"$WORK/selection"
	guest_results "$kdir" "$TOP/selftests/guest/tests.sh" "$WORK/programs" "$WORK/selection" |
		read_results selftests_guest "${DIFFERENCES[@]}"
	kunit "$kdir" kunit_guest
}

# The smaller kernel that Debian ships, as it is: whether it takes modules, and the samples on it. Left out, with the reason, where
# it cannot be fetched, or no root can be made for its compilers.
as_guest_of_debian() {
	local flavour=cloud-amd64
	printf '\nThe kernel that Debian ships\n'
	if ! KDIR='' scripts/stock.sh kdir "$flavour" 2>"$WORK/errors" >/dev/null; then
		echo "ok 1 kernel # SKIP not on this machine: $(sed -n 's/^error: //p' "$WORK/errors" | head -n 1)" | read_results stock
		return
	fi
	KDIR='' FLAVOUR=$flavour T='^(probe|samples)$' selftests/stock/run.sh "$RESULTS" ||
		echo 'not ok 0 runs # it did not get to its end' | read_results stock
}

# Pages with steps, as their reader does them.
pages() {
	local page
	for page in tutorial notification cnctl; do
		job "The steps of Documentation/$page.rst" "tutorial.$page" --brief selftests/pages/run.sh "$KDIR" "$page"
	done
}

# What "make run" shows.
demonstration() {
	printf '\nThe demonstration of make run, in the guest\n'
	guest_results "$KDIR" "$TOP/selftests/guest/demo.sh" | sed -u '/^\(not \)\?ok /!s/^/# /' | read_results demo
}

# The kernel of the torture takes many minutes when it is not there, so that is seen.
find_torture_kernel() {
	KDIR=${TORTURE_KDIR:-} KERNEL_CONFIG=torture "$TOP/scripts/kdir.sh" >/dev/null && return
	echo 'not ok 0 kernel # there is none' | read_results torture
	return 1
}

# On a kernel of its own: the same tests, and what is harder.
torture() {
	T='' selftests/torture/run.sh "$TORTURE" "$RESULTS" || echo 'not ok 0 runs # it did not get to its end' | read_results torture
}

# That the kernel's own reader takes all of these.
kunit_parse() {
	local file parser
	parser=${KTAP_HELPERS%/selftests/*}/kunit/kunit.py
	for file in "$RESULTS"/*.ktap; do
		python "$parser" parse "$file" >"$WORK/parsed" 2>&1 || true
		ktap compare "$file" "$WORK/parsed" || true
	done | read_results kunit_parse --brief
}

[ "$(config_of "$KDIR" CONFIG_CONNECTOR)" != y ] ||
	die "The kernel in $KDIR has the connector built in, so the tests cannot load the one in C and ours in turn." \
		'Give one with CONFIG_CONNECTOR=m. The guest of a built-in connector is tested on a kernel that is made for it (T=builtin).'
find_left_out
check_filter
# Only one test needs these programs; without them it is left out.
if selected wireshark && ! "$TOP/scripts/packages.sh" wireshark; then
	say '  Without these, the Wireshark dissector is not tested.'
fi
with_torture=
if selected torture && find_torture_kernel; then with_torture=$TORTURE; fi
# Compilers of Rust leave a processor to others for much of their time.
if selected host; then start_in_slot host job 'Pure files, and the registry, on the host' host --brief selftests/host/run.sh; fi
if wants_modules; then "$TOP/scripts/modules.sh" "$KDIR" all; fi
if wants_programs; then start_light_job selftests selftests rust 2; fi
if [ -n "$with_torture" ] && [ "$with_torture" != full ]; then start_series torture torture; fi
# On C they are to compare with, and races are not looked for: with one processor they take two thirds of the time.
if wants_programs; then start_in_slot selftests-c selftests c 1; fi
if selected builtin; then start_in_slot builtin as_guest; fi
if selected stock; then start_in_slot stock as_guest_of_debian; fi
if selected bench; then
	start_in_slot bench job 'Instructions against their limits' bench --brief selftests/bench/run.sh "$KDIR" gate
fi
if selected fuzz; then start_in_slot fuzz job 'Fuzzing on the host' fuzz '' selftests/host/fuzz.sh; fi
if selected tutorial; then start_in_slot tutorial pages; fi
if selected programs; then
	start_in_slot programs job "Debian's programs on process events, in the guest" programs '' selftests/real/run.sh run "$KDIR" rust
fi
if selected wireshark; then
	start_in_slot wireshark job 'The Wireshark dissector' wireshark --brief selftests/wireshark/run.sh "$KDIR"
fi
if selected demo; then start_in_slot demo demonstration; fi
if selected kunit; then start_in_slot kunit kunit "$KDIR" kunit; fi
if selected compile-fail; then
	start_in_slot compile-fail job 'Misuse of the API does not compile' compile_fail --brief selftests/compile-fail/run.sh "$KDIR"
fi
wait_for_jobs
# Nothing shall disturb what this one measures.
if [ "$with_torture" = full ]; then
	start_series torture torture
	wait_for_jobs
fi

whole=()
if [ -z "$FILTER" ]; then
	whole=(--whole)
	printf "\nThe kernel's reader of results\n"
	kunit_parse
fi
say_left_out
[ -n "$(ls "$RESULTS")" ] || die "No test matches T=$FILTER."
rm -rf "$ARCH_OUT/results"
cp -r "$RESULTS" "$ARCH_OUT/results"
ktap verdict "${whole[@]}" "${BROKEN_JOBS[@]}" "${DIFFERENCES[@]}" "$ARCH_OUT"/results/*.ktap
