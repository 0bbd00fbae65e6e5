#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Measures the C connector and ours in the guest: run.sh <kernel build directory> quick|full|gate|publish
#
#   quick, full   everything, and a report of it; full takes the medians of more rounds
#   gate          the few figures that "make test" checks against limits.txt; writes KTAP
#   publish       the figures of the last run of quick or full into README.md and Documentation/
#
# The guest runs three times: with time that counts instructions, on one processor (mode "icount")
# and on two that take turns (mode "turns"), and with the wall clock on two (mode "wall"), for
# effects that only real parallel running shows. A fourth run (mode "guest") has another kernel, with
# the C connector built in, unless KDIR= names one to measure. build/bench/results.csv has every
# value of every round. report/ makes table.txt and the charts from it.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../../scripts/lib.sh"
# shellcheck source=scripts/accelerator.sh
. "$TOP/scripts/accelerator.sh"

HEAD=mode,accelerator,round,row,case,provider,value,unit
FOLDER=$OUT/bench

# Debian's own Python has Debian's matplotlib; elsewhere the one in PATH.
report() {
	local PYTHON=/usr/bin/python3
	"$PYTHON" -c 'import matplotlib' 2>/dev/null || PYTHON=python3
	python "$TOP/selftests/bench/report" "$@"
}

# Results go to the file, and the time of each stage to the user: collect <mode> <accelerator>
# <file>.
collect() {
	local line title='' start=$SECONDS
	while IFS= read -r line; do
		case $line in
		result,*) printf '%s,%s,%s\n' "$1" "$2" "${line#result,}" >>"$3" ;;
		'# '*)
			stage_done "$title" "$start"
			title=${line#\# }
			start=$SECONDS
			[ ! -t 2 ] || printf '    %-42s ...\r' "$title" >&2
			;;
		?*) say "    guest: $line" ;;
		esac
	done
	stage_done "$title" "$start"
}

stage_done() {
	[ -z "$1" ] || printf '    %-42s %d s\n' "$1" $((SECONDS - $2)) >&2
}

# One run of the guest: measure <kernel build directory> <mode> <accelerator> <file of results>.
measure() {
	local kdir=$1 mode=$2 accel=$3 file=$4 start=$SECONDS lines
	lines=$(wc -l <"$file")
	printf '%s\n' "BENCH_MODE=$mode" "BENCH=$WHAT" "BENCH_ROUNDS=${BENCH_ROUNDS:-$ROUNDS}" >"$WORK/bench.conf"
	say "  bench: mode $mode, accelerator $accel"
	QEMU_ACCEL=$accel TIMEOUT=${TIMEOUT:-3600} "$TOP/scripts/guest.sh" "$kdir" run \
		"$TOP/selftests/bench/job.sh" "$WORK/bench.conf" | collect "$mode" "$accel" "$file" ||
		die "The run in mode $mode failed, so there is no report." "The output of the guest is in $OUT/guest/last/."
	[ "$(wc -l <"$file")" -gt "$lines" ] || die "The run in mode $mode has measured nothing."
	printf '  %-44s %d s\n' "bench: mode $mode, accelerator $accel" $((SECONDS - start)) >&2
}

# QEMU itself counts instructions, which KVM would bypass.
measure_instructions() {
	ICOUNT=1 QEMU_SMP=1 measure "$KDIR" icount tcg "$1"
}

measure_turns() {
	ICOUNT=1 QEMU_SMP=2 measure "$KDIR" turns tcg "$1"
}

measure_wall() {
	QEMU_SMP=${QEMU_SMP:-2} measure "$KDIR" wall "$(accelerator "$KDIR")" "$1"
}

# What it costs to be a guest of the built-in connector; only for kernels of our own, since one kernel cannot have both.
measure_as_guest() {
	local kdir
	[ -z "$GIVEN_KDIR" ] || return 0
	kdir=$(KERNEL_CONFIG=builtin "$TOP/scripts/kdir.sh")
	KERNEL_CONFIG=builtin "$TOP/scripts/modules.sh" "$kdir" bench
	KERNEL_CONFIG=builtin ICOUNT=1 QEMU_SMP=1 measure "$kdir" guest tcg "$1"
}

# The other conditions of the figures.
about() {
	printf 'Linux %s, %s, %s, %s\n' "$(cat "$KDIR/include/config/kernel.release")" \
		"$(sed -n 's/^CONFIG_CC_VERSION_TEXT=\(.*\)$/\1/p' "$KDIR/include/config/auto.conf")" \
		"$(sed -n 's/^CONFIG_RUSTC_VERSION_TEXT=\([^(]*[^( ]\).*$/\1/p' "$KDIR/include/config/auto.conf")" \
		"$("$QEMU_PROGRAM" --version | sed -n '1s/ emulator version\( [^ ]*\).*/\1/p')"
}

measure_all() {
	local start=$SECONDS
	printf '%s\n' "$HEAD" >"$WORK/results.csv"
	measure_instructions "$WORK/results.csv"
	measure_turns "$WORK/results.csv"
	measure_wall "$WORK/results.csv"
	measure_as_guest "$WORK/results.csv"
	rm -f "$FOLDER"/*.svg "$FOLDER/table.txt"
	cp "$WORK/results.csv" "$FOLDER/results.csv"
	about >"$FOLDER/about.txt"
	printf '\n'
	report "$FOLDER"
	say '' "  $((SECONDS - start)) s in all; $FOLDER has results.csv, table.txt and charts"
}

measure_gate() {
	printf '%s\n' "$HEAD" >"$WORK/gate.csv"
	measure_instructions "$WORK/gate.csv"
	cp "$WORK/gate.csv" "$FOLDER/gate.csv"
	report "$FOLDER/gate.csv" --gate "$TOP/selftests/bench/limits.txt"
}

publish() {
	[ -e "$FOLDER/results.csv" ] || die 'There are no results to publish.' 'Run make bench BENCH=full first.'
	report "$FOLDER" --publish "$TOP"
	say '  README.md and Documentation/ have the figures of the last run'
}

GIVEN_KDIR=${KDIR:-}
KDIR=$1
WHAT=${2:-quick}
# The release build of the tools is measured.
[ "$WHAT" = gate ] || export TOOLS_PROFILE=release
hold "$FOLDER/lock"
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
trap 'exit 130' INT TERM HUP
ROUNDS=3
[ "$WHAT" != full ] || ROUNDS=7
case $WHAT in
quick | full) measure_all ;;
gate) measure_gate ;;
publish) publish ;;
*) die "BENCH is $WHAT; it can be quick (the default) or full." ;;
esac
