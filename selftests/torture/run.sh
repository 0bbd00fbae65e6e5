#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Looks for bugs on a kernel full of checks: run.sh small|full [folder for results]
# run.sh publish adds the last full run of each scenario to Documentation/reliability-results.txt, in place of an earlier one
# of that scenario, and makes the scorecard of it (reliability-scorecard.txt).
#
#   T             regular expression: only scenarios with such a name
#   SEED          a number, for what is random in the scenarios; chosen and shown when it is not given
#   PERCENT       how much of the numbers of the full form is done, 1 to 100 (100)
#   TORTURE_KDIR  a configured and built kernel to use instead of the one of scripts/config/torture.config
#
# The scenarios are scenarios/*.sh, jobs of a guest each, and host/*.sh; README says how one is written. All write KTAP. The
# last results of each are in build/torture/torture/small and full. With a folder for results there is no verdict at the end, and
# the folder gets these files.

export KERNEL_CONFIG=torture
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../../scripts/lib.sh"
# shellcheck source=scripts/tools.sh
. "$TOP/scripts/tools.sh"
# shellcheck source=scripts/accelerator.sh
. "$TOP/scripts/accelerator.sh"
# shellcheck source=scripts/jobs.sh
. "$TOP/scripts/jobs.sh"

HERE=$TOP/selftests/torture
FOLDER=$OUT/torture
DIFFERENCES=(--differences="$TOP/selftests/guest_differences.txt")

scorecard() {
	python "$HERE/scorecard.py" "$@"
}

# The settings in the head of a scenario, a line for each: setting <scenario> <name>.
setting() {
	sed -n "s/^# torture\\.$2: *//p" "$1"
}

# Stores the results of a scenario, and the revision of the tree: read_scenario [option...]. The
# tree may change while this runs.
read_scenario() {
	tee "$FOLDER/$NAME.log" | read_results "torture.$NAME" --header="commit=$COMMIT" --header="date=$(date -u +%F)" --header="seed=$SEED" \
		--header="percent=$SHARE" --header="may-skip=$(setting "$SCENARIO" skip)" "${DIFFERENCES[@]}" "$@"
	# Also those of a run that is interrupted stay, of each scenario that has ended.
	cp "$RESULTS/torture.$NAME.ktap" "$FOLDER/$FORM/"
}

# The kernel of a scenario, and its modules and programs. Most have the kernel of the torture.
find_kernel() {
	SCENARIO_CONFIG=$(setting "$SCENARIO" kernel)
	SCENARIO_KDIR=$KDIR
	[ -n "$SCENARIO_CONFIG" ] || { SCENARIO_CONFIG=torture; return; }
	# A KDIR of the user is exported, and here it is that of the torture.
	SCENARIO_KDIR=$(KDIR='' KERNEL_CONFIG=$SCENARIO_CONFIG "$TOP/scripts/kdir.sh")
	KERNEL_CONFIG=$SCENARIO_CONFIG "$TOP/scripts/modules.sh" "$SCENARIO_KDIR" torture
}

# Boots the guest of a scenario; its status is that of guest.sh: in_guest <seconds>
in_guest() {
	local file memory processors
	local -a files=("$HERE/scenario.sh" "$WORK/torture.conf" "$WORK/unreachable")
	while read -r file; do
		files+=("$TOP/$file")
	done < <(setting "$SCENARIO" file)
	if [ "$(setting "$SCENARIO" format)" = tests ]; then
		write_selection
		files+=("$WORK/programs" "$WORK/selection")
	fi
	memory=$(setting "$SCENARIO" memory)
	processors=$({ setting "$SCENARIO" processors && setting "$SCENARIO" "processors_$FORM"; } | tail -n 1)
	APPEND=$({ setting "$SCENARIO" append && setting "$SCENARIO" "append_$FORM"; } | tr '\n' ' ') QEMU_MEM=${memory:-${QEMU_MEM:-}} \
		QEMU_SMP=${processors:-${QEMU_SMP:-}} TIMEOUT=$1 CONSOLE=$FOLDER/$NAME.console KERNEL_CONFIG=$SCENARIO_CONFIG \
		"$TOP/scripts/guest.sh" "$SCENARIO_KDIR" run "$SCENARIO" "${files[@]}"
}

# A control is a run that must be found bad, for each of its reasons. An intended failure in it is
# no failure.
control() {
	local status=0 pattern name
	in_guest "$1" >"$WORK/control" 2>"$WORK/errors" || status=$?
	sed -E '/^KTAP version/d; s/^not ok [0-9]+ /fails as intended: /; s/^ok [0-9]+ //; s/^(# )?/# /' "$WORK/control"
	while read -r pattern; do
		name=$(printf '%s' "${pattern%%|*}" | tr -cs 'A-Za-z0-9' '_')
		if grep -qE "$pattern" "$FOLDER/$NAME.console"; then passed "$name" noticed; else failed "$name" 'not noticed'; fi
	done < <(setting "$SCENARIO" control; setting "$SCENARIO" "control_$FORM")
	if [ "$status" -eq 99 ]; then passed fails; else failed fails "the run ended with $status instead of 99"; fi
	all_passed || cat "$WORK/errors" >&2
}

run_in_guest() {
	local status=0
	: >"$FOLDER/$NAME.console"
	find_kernel
	if [ -n "$(setting "$SCENARIO" control)" ]; then
		control "$1"
		return
	fi
	in_guest "$1" || status=$?
	guest_result "$status"
}

run_on_host() {
	local status=0
	TORTURE=$FORM SEED=$SEED PERCENT=$PERCENT timeout --kill-after=5 "$1" "$SCENARIO" "$KDIR" 2>"$WORK/errors" || status=$?
	[ "$status" -eq 0 ] || cat "$WORK/errors" >&2
	case $status in
	0) printf 'ok 0 runs\n' ;;
	124) printf 'not ok 0 runs # it took longer than %d s\n' "$1" ;;
	*) printf 'not ok 0 runs # it ended with status %d\n' "$status" ;;
	esac
}

# The kselftests that a scenario with tests runs, on our connector alone, with longer limits of time; the tests of the client crate
# are built for "make test" alone. Fixtures that take long on this kernel are for the full form (slow.txt); and so are the
# samples, and repeating as often as on a kernel that is quick.
write_selection() {
	local program fixture
	choose_tests "$KDIR" >"$WORK/programs"
	printf '%s\n' PROVIDERS=rust PROGRAM_SECONDS=3000 SKIP_KERNEL_SAMPLE= SKIP_SAMPLES= SKIP_CNCTL=1 >"$WORK/selection"
	# A guest of the built-in connector, which has the kernel's own sample and process events.
	if [ "$(config_of "$SCENARIO_KDIR" CONFIG_CONNECTOR)" = y ]; then
		sed -i '/^proc_test/d' "$WORK/programs"
		printf '%s\n' PROVIDERS=guest SKIP_KERNEL_SAMPLE=1 >>"$WORK/selection"
	fi
	[ "$FORM" = small ] || return 0
	ktap list "$HERE/slow.txt" fixture >"$WORK/slow"
	while IFS=. read -r program fixture; do
		sed -i "/^$program\( \|\$\)/s/\$/ -F $fixture/" "$WORK/programs"
	done <"$WORK/slow"
	printf '%s\n' SKIP_KERNEL_SAMPLE=1 SKIP_SAMPLES=1 'export CN_REPEAT=10' >>"$WORK/selection"
}

# The settings of the scenarios: the numbers, and the parts of the lists that their programs need.
write_conf() {
	printf 'TORTURE=%s\nSEED=%s\nPERCENT=%s\nDIFFERENCES="%s"\n' "$FORM" "$SEED" "$PERCENT" \
		"$(ktap list "$HERE/differences.txt" operation differs | tr '\t\n' ': ')" >"$WORK/torture.conf"
	ktap list "$HERE/unreachable.txt" point reason >"$WORK/unreachable"
}

# The scenarios of this form, those that may take longest first: a line with seconds and file for each.
list_scenarios() {
	local scenario seconds
	for scenario in "$HERE"/scenarios/*.sh "$HERE"/host/*.sh; do
		seconds=$(setting "$scenario" "$FORM")
		[ -n "$seconds" ] || continue
		[ -z "${T:-}" ] || basename "$scenario" .sh | grep -qE -- "$T" || continue
		printf '%s %s\n' "$seconds" "$scenario"
	done | sort -k1,1rn -k2
}

run_scenario() {
	local where=run_in_guest option=--comments
	SCENARIO=$1
	NAME=$(basename "$SCENARIO" .sh)
	printf '\n  torture: %s\n' "$NAME"
	write_conf
	[ "$(dirname "$SCENARIO")" != "$HERE/host" ] || where=run_on_host
	# The output of the selftests is of interest only when they fail.
	[ "$(setting "$SCENARIO" format)" != tests ] || option=
	"$where" "$2" | read_scenario ${option:+"$option"}
}

FORM=$1
case $FORM in
small | full) ;;
publish)
	compgen -G "$FOLDER/full/*.ktap" >/dev/null ||
		die "There is no run to publish ($FOLDER/full)." 'Run make torture TORTURE=full first.'
	scorecard publish "$HERE/scorecard.txt" "$TOP/Documentation" "$FOLDER"/full/*.ktap
	say "The scorecard is in Documentation/reliability-scorecard.txt."
	exit
	;;
*) die "TORTURE is $FORM; it can be small (the default) or full." ;;
esac
SEED=${SEED:-$RANDOM}
[[ $SEED =~ ^[0-9]+$ ]] || die "SEED is $SEED; it has to be a number."
PERCENT=${PERCENT:-100}
[[ $PERCENT =~ ^[1-9][0-9]?$|^100$ ]] || die "PERCENT is $PERCENT; it has to be a number from 1 to 100."
KDIR=$(KDIR=${TORTURE_KDIR:-} "$TOP/scripts/kdir.sh")
[ "$(config_of "$KDIR" CONFIG_KASAN)$(config_of "$KDIR" CONFIG_PROVE_LOCKING)" = yy ] ||
	die "The kernel in $KDIR does not look for bugs (CONFIG_KASAN, CONFIG_PROVE_LOCKING)." \
		"TORTURE_KDIR= takes one that was built with the settings of scripts/config/torture.config."
hold "$FOLDER/lock"
mkdir -p "$FOLDER"/{small,full}
COMMIT=$(git -C "$TOP" describe --always --dirty 2>/dev/null || echo unknown)
if [ "$FORM" = full ]; then SHARE=$PERCENT; else SHARE=100; fi
WORK=$(mktemp -d)
RESULTS=${2:-$WORK/ktap}
trap 'end_jobs; rm -rf "$WORK"' EXIT
trap 'exit 130' INT TERM HUP
use_ktap "$KDIR"
look_for_kvm "$KDIR"
if [ "$FORM" = small ]; then
	what=torture
else
	what=torture-full
	# Nothing may disturb the measurement.
	JOB_SLOTS=1
fi
[ -n "$(list_scenarios)" ] || die "No scenario of the $FORM form has a name that matches '${T:-}'." "The scenarios are $HERE/{scenarios,host}/*.sh."
in_job_slot "$TOP/scripts/modules.sh" "$KDIR" "$what"
printf '\nTorture, %s form, SEED=%s\n' "$FORM" "$SEED"
while read -r seconds scenario; do
	start_in_slot "$(basename "$scenario" .sh)" run_scenario "$scenario" "$seconds"
done < <(list_scenarios)
wait_for_jobs
printf '\n'
scorecard show "$HERE/scorecard.txt" "$FOLDER/small" "$FOLDER/full"
if [ -n "${2:-}" ]; then
	[ "${#BROKEN_JOBS[@]}" -eq 0 ]
else
	ktap verdict "${BROKEN_JOBS[@]}" "${DIFFERENCES[@]}" "$RESULTS"/*.ktap
fi
