#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Makes small changes, one at a time, to the files that are tested on the host, and counts the changes that
# the tests detect: mutants.sh [file...]
#
# Without files: all pure ones. Prints the changes that were missed, and at the end "<caught> of <changes> caught,
# <percent> %". Fails below 90 %.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../../scripts/lib.sh"
# shellcheck source=scripts/cache.sh
. "$TOP/scripts/cache.sh"
# shellcheck source=scripts/cargo.sh
. "$TOP/scripts/cargo.sh"

MUTANTS_VERSION=25.3.1
LEAST=90
WORK=$OUT/mutants

# Those of the host crate.
mapfile -t PURE < <(sed -nE 's,^#\[path = "(\.\./)*(rust/.*)"\]$,\2,p' "$TOP/selftests/host/src/lib.rs")

build_mutants() {
	CARGO_TARGET_DIR=$1/work host_cargo install cargo-mutants --version "$MUTANTS_VERSION" --locked --root "$1" || {
		printf '\nIf the network is missing: try again with it.\n'
		return 1
	}
	rm -rf "$1/work"
}

# A copy of all files of the tests. cargo-mutants changes only files below the top of a workspace,
# and our crates take their files from rust/.
copy_tree() {
	rm -rf "$WORK/tree"
	mkdir -p "$WORK/tree"
	(cd "$TOP" && git ls-files -z --cached --others --exclude-standard -- rust selftests/host | tar cf - --null -T -) |
		tar xf - -C "$WORK/tree"
	cp "$TOP/selftests/host/Cargo.lock" "$WORK/tree"
	printf '%s\n' '[workspace]' 'members = ["selftests/host"]' \
		'exclude = ["selftests/host/core", "selftests/host/fuzz"]' 'resolver = "2"' \
		'[profile.dev]' 'opt-level = 1' >"$WORK/tree/Cargo.toml"
}

change_and_test() {
	local file status=0
	local -a only=()
	for file in "$@"; do
		only+=(-f "**/$file")
	done
	cd "$WORK/tree"
	rm -rf mutants.out
	PATH=$MUTANTS/bin:$PATH host_cargo mutants --no-shuffle -j 1 --timeout 60 "${only[@]}" -- --lib || status=$?
	# 2: some were missed, 3: some took too long. Both are counted below.
	[ "$status" -le 3 ] && [ "$status" -ne 1 ]
}

[ ${#PURE[@]} -gt 0 ] || die "No file of rust/ is named in selftests/host/src/lib.rs."
[ $# -gt 0 ] || set -- "${PURE[@]}"
for file in "$@"; do
	[[ " ${PURE[*]} " == *" $file "* ]] || die "$file is not one of the files that are tested this way." "They are: ${PURE[*]}"
done

open_cache
MUTANTS=$(cached "mutants-$MUTANTS_VERSION-$(host_cargo --version | digest)" "cargo-mutants $MUTANTS_VERSION" build_mutants)
mkdir -p "$WORK"
hold "$WORK/lock"
copy_tree
stage 'mutants' change_and_test "$@"

# A change after which the tests never end is detected.
caught=$(cat "$WORK"/tree/mutants.out/{caught,timeout}.txt | wc -l)
missed=$(wc -l <"$WORK/tree/mutants.out/missed.txt")
viable=$((caught + missed))
[ "$viable" -gt 0 ] || die 'Nothing was changed.' "The log is $LOGS/mutants.log."
sed 's,^.*\(rust/\),missed: \1,' "$WORK/tree/mutants.out/missed.txt"
printf '%d of %d caught, %d %%\n' "$caught" "$viable" $((100 * caught / viable))
[ $((100 * caught)) -ge $((LEAST * viable)) ] || die "Less than $LEAST % of the changes were detected."
