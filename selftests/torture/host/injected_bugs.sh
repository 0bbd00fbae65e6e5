#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Injects the bugs of injected_bugs.txt one by one, in a copy of this tree, and shows which tests notice. The small form
# only shows that each edit still applies.
#
# INJECTED_BUG=, a regular expression, chooses bugs by name.
#
# torture.small: 120
# torture.full: 7200

unset KERNEL_CONFIG KDIR
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../../../scripts/lib.sh"

LIST=$TOP/selftests/torture/injected_bugs.txt
COPY=$OUT/injected_bugs/tree
LEAST=95

# What differs is copied, and so built again; what does not stays as old as what was built from it.
copy_tree() {
	local file
	mkdir -p "$COPY"
	while IFS= read -r -d '' file; do
		[ -e "$TOP/$file" ] || continue
		! cmp -s "$TOP/$file" "$COPY/$file" || continue
		mkdir -p "$COPY/$(dirname "$file")"
		cp "$TOP/$file" "$COPY/$file"
	done < <(cd "$TOP" && git ls-files -z --cached --others --exclude-standard)
	find "$COPY" -path "$COPY/build" -prune -o -type f -printf '%P\0' | while IFS= read -r -d '' file; do
		[ -e "$TOP/$file" ] || rm "$COPY/$file"
	done
}

# In a guest: the named kselftests (<program> or <program>.<fixture>, separated by commas), on our connector alone.
run_programs() {
	printf '%s\n' "$1" | tr ',' '\n' | sed 's/\./ -f /' >"$WORK/programs"
	printf '%s\n' PROVIDERS=rust "PROGRAM_SECONDS=${LONGEST:-60}" SKIP_KERNEL_SAMPLE=1 SKIP_SAMPLES=1 SKIP_CNCTL=1 >"$WORK/selection"
	TIMEOUT=${LONGEST:-90} "$COPY/scripts/guest.sh" "$KDIR" run "$COPY/selftests/guest/tests.sh" "$WORK/programs" "$WORK/selection" \
		2>"$WORK/errors" | read_results tests >"$WORK/output"
}

# The first thing that failed, and how many others did.
noticed_by() {
	ktap failures "$RESULTS/tests.ktap"
}

judge() {
	local name=$1 programs=$2 by
	if run_programs "$programs"; then
		# A program that fails does not end the guest's job.
		by=$(noticed_by)
	else
		by=$(noticed_by)
		by=${by:-the kernel or the end of the guest}
	fi
	if grep -q '^ *not ok 1 module.loads' "$RESULTS/tests.ktap"; then
		failed "$name" 'the connector does not load, which shows nothing'
	elif [ -n "$by" ]; then
		caught=$((caught + 1))
		passed "$name" "$by"
	else
		failed "$name" "nothing of $programs noticed"
	fi
}

# Writes the edited file of a bug to $WORK/file.
apply() {
	python "$TOP/selftests/torture/inject.py" "$LIST" "$1" "$TOP" >"$WORK/file" 2>"$WORK/errors" && return
	failed "$1" "it does not apply to $2: $(cat "$WORK/errors")"
	return 1
}

# Whether there is such a program, and with a dot such a fixture of it.
is_a_program() {
	local subject=${1%%_test*} fixture=${1#*.}
	[ -e "$TOP/selftests/${subject}_test.c" ] || return 1
	[[ $1 != *.* ]] || grep -qrx "FIXTURE($fixture)" "$TOP/selftests/$subject"
}

# Also that the programs which have to notice are there.
apply_all() {
	local name programs program file applied=0
	while read -r name programs file; do
		for program in ${programs//,/ }; do
			is_a_program "$program" || failed "$name" "there is no program $program"
		done
		if apply "$name" "$file"; then applied=$((applied + 1)); fi
	done <"$WORK/list"
	verdict injected_bugs.applies "$applied of $total edits" "$applied" "$total"
}

# Passed when the one number is not below the other: verdict <name> <figure> <number> <least>
verdict() {
	if [ "$3" -ge "$4" ]; then passed "$1" "$2"; else failed "$1" "$2"; fi
}

inject_bug() {
	local name=$1 programs=$2 file=$3
	apply "$name" "$file" || return 0
	cp "$WORK/file" "$COPY/$file"
	if "$COPY/scripts/modules.sh" "$KDIR" core >"$WORK/errors" 2>&1; then
		judge "$name" "$programs"
	else
		failed "$name" 'it does not compile, which shows nothing'
		cat "$WORK/errors" >&2
	fi
	cp "$TOP/$file" "$COPY/$file"
}

use_ktap "$1"
WORK=$(mktemp -d)
RESULTS=$WORK
trap 'rm -rf "$WORK"' EXIT
trap 'exit 130' INT TERM HUP
ktap list "$LIST" bug program file >"$WORK/all"
awk -v only="${INJECTED_BUG:-.}" '$1 ~ only' "$WORK/all" >"$WORK/list"
[ -s "$WORK/list" ] || die "No injected bug has a name that matches '${INJECTED_BUG:-}'." "They are in $LIST."
total=$(wc -l <"$WORK/list")
if [ "$TORTURE" = small ]; then
	apply_all
	exit
fi

KDIR=$("$TOP/scripts/kdir.sh")
hold "$OUT/injected_bugs/lock"
copy_tree
"$COPY/scripts/modules.sh" "$KDIR" tests >&2
caught=0

# Without an injected bug, the tests that are to notice them have to pass.
LONGEST=1800 run_programs "$(cut -f2 "$WORK/list" | tr ',' '\n' | sort -u | paste -sd,)" || true
by=$(noticed_by)
if [ -n "$by" ]; then
	failed without_an_injected_bug "$by"
	cat "$WORK/output" "$WORK/errors" >&2
	exit
fi
passed without_an_injected_bug

while read -r name programs file; do
	inject_bug "$name" "$programs" "$file" </dev/null
done <"$WORK/list"
verdict injected_bugs.injected_bugs "$caught of $total noticed, $((100 * caught / total)) %" $((100 * caught)) $((LEAST * total))
