#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Injects the bugs of injected_bugs.txt one by one, in a copy of this tree, and shows which tests notice. The small form
# only shows that each edit still applies.
#
# INJECTED_BUG=, a regular expression, chooses bugs by name.
#
# torture.small: 60
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
	: >"$WORK/tests"
	TIMEOUT=${LONGEST:-90} "$COPY/scripts/guest.sh" "$KDIR" run "$COPY/selftests/guest/tests.sh" "$WORK/programs" "$WORK/selection" \
		2>"$WORK/errors" | awk -v results="$WORK/tests" -v differences="$COPY/selftests/differences.txt" \
		-f "$COPY/scripts/results.awk" >"$WORK/said"
}

# The first thing that failed, and how many others did.
noticed_by() {
	awk -F'\t' '$3 == "fail" { if (!count++) first = $2 ($2 ~ /\.runs$/ ? " (" $4 ")" : "") }
		END { if (count) printf "%s%s\n", first, (count > 1 ? " and " count - 1 " more" : "") }' "$WORK/tests"
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
	made=$((made + 1))
	if grep -q '^rust	module.loads	fail' "$WORK/tests"; then
		printf 'not ok %s the connector does not load, which shows nothing\n' "$name"
	elif [ -n "$by" ]; then
		caught=$((caught + 1))
		printf 'ok %s %s\n' "$name" "$by"
	else
		printf 'not ok %s nothing of %s noticed\n' "$name" "$programs"
	fi
}

# Writes the edited file of a bug to $WORK/file.
apply() {
	local name=$1 file=$2
	awk -v name="$name" -f "$TOP/scripts/inject.awk" "$LIST" "$TOP/$file" >"$WORK/file" 2>"$WORK/errors" && return
	printf 'not ok %s it does not apply to %s\n' "$name" "$file"
	cat "$WORK/errors" >&2
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
	local name programs program file applied=0 verdict='not ok'
	while read -r name programs file; do
		for program in ${programs//,/ }; do
			is_a_program "$program" || printf 'not ok %s there is no program %s\n' "$name" "$program"
		done
		if apply "$name" "$file"; then applied=$((applied + 1)); fi
	done <"$WORK/list"
	[ "$applied" -ne "$total" ] || verdict=ok
	printf '%s 25.applies %d of %d edits\n' "$verdict" "$applied" "$total"
}

inject_bug() {
	local name=$1 programs=$2 file=$3
	apply "$name" "$file" || return 0
	cp "$WORK/file" "$COPY/$file"
	if "$COPY/scripts/modules.sh" "$KDIR" core >"$WORK/errors" 2>&1; then
		judge "$name" "$programs"
	else
		printf 'not ok %s it does not compile, which shows nothing\n' "$name"
		cat "$WORK/errors" >&2
	fi
	cp "$TOP/$file" "$COPY/$file"
}

WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
trap 'exit 130' INT TERM HUP
awk -v only="${INJECTED_BUG:-.}" '$1 == "=" && $2 ~ only { print $2, $3, $4 }' "$LIST" >"$WORK/list"
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
made=0 caught=0

# Without an injected bug, the tests that are to notice them have to pass.
LONGEST=1800 run_programs "$(cut -d' ' -f2 "$WORK/list" | tr ',' '\n' | sort -u | paste -sd,)" || true
by=$(noticed_by)
if [ -z "$by" ] && [ -s "$WORK/tests" ]; then
	printf 'ok without_an_injected_bug\n'
else
	printf 'not ok without_an_injected_bug %s\n' "$by"
	cat "$WORK/said" "$WORK/errors" >&2
	exit
fi

while read -r name programs file; do
	inject_bug "$name" "$programs" "$file" </dev/null
done <"$WORK/list"
[ $((100 * caught)) -lt $((LEAST * total)) ] || verdict=ok
printf '%s 25.injected_bugs %d of %d noticed, %d %%\n' "${verdict:-not ok}" "$caught" "$total" $((100 * caught / total))
