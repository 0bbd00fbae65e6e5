#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Looks for bugs on a kernel full of checks: torture.sh small|full [file for results]
# torture.sh publish adds the last full run of each part to Documentation/reliability-results.txt, in place of an earlier one
# of that part, and makes the scorecard of it (reliability-scorecard.txt).
#
#   T             regular expression: only parts with such a name
#   SEED          a number, for what is random in the parts; chosen and shown when it is not given
#   PERCENT       how much of the numbers of the full form is done, 1 to 100 (100)
#   TORTURE_KDIR  a configured and built kernel to use instead of the one of scripts/config/torture.config
#
# The parts are selftests/torture/*.sh, jobs of a guest each, and selftests/torture/host/*.sh; README there says how one
# is written. With a file for results there is no verdict at the end, and the file has the lines that test.sh judges.

export KERNEL_CONFIG=torture
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/tools.sh
. "$TOP/scripts/tools.sh"
# shellcheck source=scripts/accelerator.sh
. "$TOP/scripts/accelerator.sh"
# shellcheck source=scripts/jobs.sh
. "$TOP/scripts/jobs.sh"

PARTS=$TOP/selftests/torture
FOLDER=$OUT/torture

# What a part says of itself, a line for each: setting <part> <name>.
setting() {
	sed -n "s/^# torture\\.$2: *//p" "$1"
}

# One result: record ok|'not ok' <name> <figure>.
record() {
	printf '%s\t%s\t%s\t%s\n' "$PART" "$1" "$2" "${3:-}" >>"$RESULTS"
}

# What the user wants to see, and what is for the record.
show_results() {
	local line name
	while IFS= read -r line; do
		printf '%s\n' "$line" >>"$FOLDER/$PART.log"
		case $line in
		'ok '* | 'not ok '*)
			name=${line#*ok }
			record "${line%%ok *}ok" "${name%% *}" "$(printf '%s' "$name" | cut -s -d' ' -f2-)"
			printf '    %s\n' "$line"
			;;
		'# '*) printf '      %s\n' "${line#\# }" ;;
		esac
	done
}

# What a control prints is expected to fail: comments for the user, and no results (judge() makes those).
show_control() {
	local line
	while IFS= read -r line; do
		printf '%s\n' "$line" >>"$FOLDER/$PART.log"
		case $line in
		'not ok '*) printf '      # fails as intended: %s\n' "${line#not ok }" ;;
		'ok '* | '# '*) printf '      # %s\n' "${line#\# }" ;;
		esac
	done
}

# The selftests have TAP lines, and a reader for these.
show_tests() {
	local program result reason allowed
	allowed=$(setting "$part" skip)
	tee "$FOLDER/$PART.log" | awk -v results="$WORK/tests" -v differences="$TOP/selftests/differences.txt" \
		-f "$TOP/scripts/results.awk" | sed 's/^/  /'
	while IFS=$'\t' read -r _ program result reason; do
		case $result in
		pass) record ok "$program" ;;
		skip) [[ -n $allowed && $reason == *"$allowed"* ]] || record 'not ok' "$program" "$reason" ;;
		*) record 'not ok' "$program" "$reason" ;;
		esac
	done <"$WORK/tests"
}

# The kernel of a part and what is built for it; most have that of the torture.
find_kernel() {
	KERNEL=$(setting "$1" kernel)
	PART_KDIR=$KDIR
	[ -n "$KERNEL" ] || { KERNEL=torture; return; }
	# A KDIR of the user is exported, and here it is that of the torture.
	PART_KDIR=$(KDIR='' KERNEL_CONFIG=$KERNEL "$TOP/scripts/kdir.sh")
	KERNEL_CONFIG=$KERNEL "$TOP/scripts/modules.sh" "$PART_KDIR" torture
}

run_in_guest() {
	local part=$1 seconds=$2 status=0 show=show_results file memory processors
	local -a files=("$CONF")
	[ "$(setting "$part" format)" != tests ] || show=show_tests
	[ -z "$(setting "$part" control)" ] || show=show_control
	while read -r file; do
		files+=("$TOP/$file")
	done < <(setting "$part" file)
	write_selection
	[ "$show" != show_tests ] || files+=("$WORK/programs" "$WORK/selection")
	: >"$FOLDER/$PART.console"
	find_kernel "$part"
	memory=$(setting "$part" memory)
	processors=$({ setting "$part" processors && setting "$part" "processors_$FORM"; } | tail -n 1)
	APPEND=$({ setting "$part" append && setting "$part" "append_$FORM"; } | tr '\n' ' ') QEMU_MEM=${memory:-${QEMU_MEM:-}} \
		QEMU_SMP=${processors:-${QEMU_SMP:-}} TIMEOUT=$seconds CONSOLE=$FOLDER/$PART.console KERNEL_CONFIG=$KERNEL \
		"$TOP/scripts/guest.sh" "$PART_KDIR" run "$part" "${files[@]}" 2>"$WORK/errors" | "$show" || status=${PIPESTATUS[0]}
	judge "$part" "$status"
}

# A control is a run that must be found bad, for each of its reasons.
judge() {
	local part=$1 status=$2 pattern
	if [ -z "$(setting "$part" control)" ]; then
		cat "$WORK/errors" >&2
		case $status in
		0) record ok guest ;;
		98) record 'not ok' guest 'it ended without a verdict' ;;
		99) record 'not ok' guest 'its kernel complained' ;;
		*) record 'not ok' guest "its job ended with status $status" ;;
		esac
		return
	fi
	while read -r pattern; do
		if grep -qE "$pattern" "$FOLDER/$PART.console"; then
			record ok "$(name_of "$pattern")" noticed
		else
			record 'not ok' "$(name_of "$pattern")" 'not noticed'
		fi
	done < <(setting "$part" control; setting "$part" "control_$FORM")
	if [ "$status" -eq 99 ]; then record ok fails; else record 'not ok' fails "the run ended with $status instead of 99"; fi
	awk -F'\t' -v part="$PART" '$1 == part { print "    " $2, $3, $4 }' "$RESULTS"
	! awk -F'\t' -v part="$PART" '$1 == part && $2 != "ok" { bad = 1 } END { exit !bad }' "$RESULTS" ||
		cat "$WORK/errors" >&2
}

name_of() {
	printf '%s' "${1%%|*}" | tr -cs 'A-Za-z0-9' '_'
}

run_on_host() {
	local status=0
	TORTURE=$FORM SEED=$SEED PERCENT=$PERCENT timeout --kill-after=5 "$2" "$1" "$KDIR" 2>"$WORK/errors" | show_results ||
		status=${PIPESTATUS[0]}
	if [ "$status" -eq 0 ]; then
		record ok runs
	else
		cat "$WORK/errors" >&2
		record 'not ok' runs "it ended with status $status"
	fi
}

# The kselftests that a part with tests runs, on our connector alone, with longer limits of time; the tests of the client crate
# are built for "make test" alone. Fixtures that take long on this kernel are for the full form (slow.txt); and so are the
# samples, and repeating as often as on a kernel that is quick.
write_selection() {
	local program fixture
	choose_tests "$KDIR" >"$WORK/programs"
	printf '%s\n' PROVIDERS=rust PROGRAM_SECONDS=3000 SKIP_KERNEL_SAMPLE= SKIP_SAMPLES= SKIP_CNCTL=1 >"$WORK/selection"
	[ "$FORM" = small ] || return 0
	while IFS=. read -r program fixture; do
		sed -i "/^$program\( \|\$\)/s/\$/ -F $fixture/" "$WORK/programs"
	done < <(sed '/^#/d; /^$/d; s/\t.*//' "$PARTS/slow.txt")
	printf '%s\n' SKIP_KERNEL_SAMPLE=1 SKIP_SAMPLES=1 'export CN_REPEAT=10' >>"$WORK/selection"
}

# The parts of this form, those that may take longest first: a line with seconds and file for each.
list_parts() {
	local part seconds
	for part in "$PARTS"/*.sh "$PARTS"/host/*.sh; do
		seconds=$(setting "$part" "$FORM")
		[ -n "$seconds" ] || continue
		[ -z "${T:-}" ] || basename "$part" .sh | grep -qE -- "$T" || continue
		printf '%s %s\n' "$seconds" "$part"
	done | sort -k1,1rn -k2
}

run_part() {
	local part=$1 seconds=$2 where=run_in_guest
	PART=$(basename "$part" .sh)
	printf '\n  torture: %s\n' "$PART"
	: >"$FOLDER/$PART.log"
	[ "$(dirname "$part")" != "$PARTS/host" ] || where=run_on_host
	"$where" "$part" "$seconds"
}

# Of what tree, when and how the results of this run were made: fields behind those of each.
origin() {
	local share=$PERCENT
	[ "$FORM" = full ] || share=100
	printf '%s\t%s\t%s\t%s\n' "$(git -C "$TOP" describe --always --dirty 2>/dev/null || echo unknown)" "$(date -u +%F)" \
		"$SEED" "$share"
}

# The results of a run, and those of the parts that were not in it: merge_results <of the run> <others>.
merge_results() {
	awk -F'\t' 'FNR == NR { new[$1]; print; next } !($1 in new)' "$1" "$2"
}

# Keeps the results of the parts that have ended; also those of a run that is interrupted.
save_results() {
	touch "$FOLDER"/{small,full}.results
	merge_results <(awk -v OFS='\t' -v origin="$ORIGIN" '{ print $0, origin }' "$RESULTS") "$FOLDER/$FORM.results" >"$WORK/merged"
	cp "$WORK/merged" "$FOLDER/$FORM.results"
}

# The results of a run with one line for all tests of a fixture that passed: count_tests <results>.
count_tests() {
	awk -F'\t' -v OFS='\t' '
		($1 == "suite" || $1 == "realtime") && $2 == "ok" {
			split($3, name, ".")
			key = $1 FS name[1] "." name[2]
			if (!count[key]++) order[++keys] = key
			$1 = $2 = $3 = $4 = ""
			origin[key] = substr($0, 5)
			next
		}
		{ print }
		END {
			for (i = 1; i <= keys; i++) {
				split(order[i], of, FS)
				print of[1], "ok", of[2], count[order[i]] " tests", origin[order[i]]
			}
		}' "$1"
}

publish() {
	local results=$FOLDER/full.results all=$TOP/Documentation/reliability-results.txt merged
	[ -s "$results" ] || die "There is no run to publish ($results)." 'Run make torture TORTURE=full first.'
	merged=$(merge_results <(count_tests "$results") <(grep -v '^#' "$all") | sort -s -k1,1)
	{
		printf '# SPDX-License-Identifier: GPL-2.0\n# made by make torture-publish\n'
		printf '# part, result, name, figure, commit, date, seed, share of the numbers in per cent\n%s\n' "$merged"
	} >"$all"
	{
		printf '.. SPDX-License-Identifier: GPL-2.0\n.. made by make torture-publish\n\n'
		awk -v format=rst -f "$TOP/scripts/scorecard.awk" "$PARTS/scorecard.txt" /dev/null "$all"
	} >"$TOP/Documentation/reliability-scorecard.txt"
	say "The scorecard is in Documentation/reliability-scorecard.txt."
}

FORM=$1
case $FORM in
small | full) ;;
publish)
	publish
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
mkdir -p "$FOLDER"
hold "$FOLDER/lock"
# The tree may be changed while this goes on.
ORIGIN=$(origin)
WORK=$(mktemp -d)
RESULTS=$WORK/results
: >"$RESULTS"
trap 'end_jobs; save_results; rm -rf "$WORK"' EXIT
trap 'exit 130' INT TERM HUP
look_for_kvm
CONF=$WORK/torture.conf
if [ "$FORM" = small ]; then
	what=torture
else
	what=torture-full
	# Nothing shall disturb what is measured.
	JOB_SLOTS=1
fi
in_job_slot "$TOP/scripts/modules.sh" "$KDIR" "$what"
printf 'TORTURE=%s\nSEED=%s\nPERCENT=%s\n' "$FORM" "$SEED" "$PERCENT" >"$CONF"
printf '\nTorture, %s form, SEED=%s\n' "$FORM" "$SEED"
while read -r seconds part; do
	start_in_slot "$(basename "$part" .sh)" run_part "$part" "$seconds"
done < <(list_parts)
wait_for_jobs
[ -s "$RESULTS" ] || die "No part has a name that matches '${T:-}'." "The parts are $PARTS/*.sh."
save_results
printf '\n'
awk -f "$TOP/scripts/scorecard.awk" "$PARTS/scorecard.txt" "$FOLDER/small.results" "$FOLDER/full.results"
if [ -n "${2:-}" ]; then
	awk -F'\t' -v OFS='\t' '{ print "torture", "torture." $1 "." $3, $2 == "ok" ? "pass" : "fail", $4 }' "$RESULTS" >>"$2"
	exit
fi
awk -F'\t' '
	$2 == "ok" { passed++; next }
	{ failed++; lines = lines "  " $1 "." $3 ($4 == "" ? "" : " (" $4 ")") "\n" }
	END {
		if (failed) printf "\nFailures:\n%s", lines
		printf "\n%d passed, %d failed\n", passed, failed
		exit failed || !passed
	}' "$RESULTS"
