#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Tests on kernels of Debian, as they are, in QEMU: whether they take Rust modules that were built for them, and this connector
# as a guest of the one that they have built in. stock/run.sh [folder for results]
#
#   KERNEL    the series of versions: 7.3 (the default) or 7.2
#   FLAVOUR   only this flavour; all those that scripts/stock.sh knows are tested without it
#   KDIR      the folder that scripts/stock.sh made for that flavour, if it is not in the cache
#   T         only parts that match this regular expression: "probe", "kernel" (the kernel's own sample), "samples", "cnctl", "tutorial",
#             the test programs, and "client", which is that of the client crate; with a dot, fixtures and tests of a program
#             (unload_test.reload)
#
# The last line is "N passed, M failed"; with a folder for results there is none, and the folder gets them. What a guest cannot do
# is in selftests/guest_differences.txt.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../../scripts/lib.sh"
# shellcheck source=scripts/tools.sh
. "$TOP/scripts/tools.sh"
# shellcheck source=scripts/accelerator.sh
. "$TOP/scripts/accelerator.sh"

# Process events are those of the kernel; a guest has no part in them.
LEFT_OUT=proc_test
PROGRAMS=(client)
for program in "$TOP"/selftests/*_test.c; do
	[ "$(basename "$program" .c)" = "$LEFT_OUT" ] || PROGRAMS+=("$(basename "$program" .c)")
done
# Pages whose reader builds a module.
PAGES=(tutorial)
# All parts that use the connector.
USERS=(kernel samples cnctl "${PAGES[@]}" "${PROGRAMS[@]}")
FILTER=${T:-}
GIVEN_KDIR=${KDIR:-}
DIFFERENCES=selftests/guest_differences.txt
WORK=$(mktemp -d)
RESULTS=${1:-$WORK/ktap}
mkdir -p "$RESULTS"
trap 'rm -rf "$WORK"' EXIT
trap 'exit 130' INT TERM HUP
cd "$TOP"

selected() {
	[ -z "$FILTER" ] || grep -qE -- "$FILTER" <<<"$1"
}

some_selected() {
	local name
	for name in "$@"; do
		if selected "$name"; then return; fi
	done
	return 1
}

# Whether more is selected than the probe and the samples, whose build takes a quarter of the time.
needs_programs() {
	[[ $FILTER == *.* ]] || some_selected kernel cnctl "${PAGES[@]}" "${PROGRAMS[@]}"
}

# Fails if no part matches, before anything is built.
check_filter() {
	local known=(probe "${USERS[@]}")
	grep -qE -- "$FILTER" </dev/null 2>/dev/null || [ $? -eq 1 ] || die "T is $FILTER; it has to be a regular expression."
	# With a dot, fixtures and tests of a program are meant, which its run shows.
	[[ $FILTER != *.* ]] || return 0
	some_selected "${known[@]}" || die "Nothing that is tested on kernels of Debian matches T=$FILTER. It takes these:" "${known[*]}"
}

# A job whose results a command writes, with a title: job <title> <name> <command...>.
job() {
	local title=$1 name=$2
	shift 2
	printf '\n%s\n' "$title"
	{ "$@" || printf '# status: %s\n' $?; } | read_results "$name" --differences="$DIFFERENCES"
}

probe() {
	"$TOP/scripts/modules.sh" "$KDIR" probe
	printf 'RELEASE=%s\n' "$(cat "$KDIR/include/config/kernel.release")" >"$WORK/stock.conf"
	job "Modules on Debian's $FLAVOUR" "stock-$FLAVOUR.probe" \
		guest_results "$KDIR" "$TOP/selftests/stock/job.sh" "$WORK/stock.conf" "$OUT/probe/stock_probe.ko"
}

# The selftest programs, the samples and cnctl, with the list of programs that tests.sh reads.
programs() {
	{
		choose_tests "$KDIR" "$FILTER" | sed "/^$LEFT_OUT\>/d"
		if selected client; then echo client; fi
	} >"$WORK/programs"
	{
		echo 'PROVIDERS=guest'
		if selected kernel; then echo 'SKIP_KERNEL_SAMPLE='; else echo 'SKIP_KERNEL_SAMPLE=1'; fi
		if selected samples; then echo 'SKIP_SAMPLES='; else echo 'SKIP_SAMPLES=1'; fi
		if selected cnctl; then echo 'SKIP_CNCTL='; else echo 'SKIP_CNCTL=1'; fi
	} >"$WORK/selection"
	if ! [ -s "$WORK/programs" ] && ! some_selected kernel samples cnctl; then return; fi
	job "This connector as a guest on Debian's $FLAVOUR" "stock-$FLAVOUR.guest" \
		guest_results "$KDIR" "$TOP/selftests/guest/tests.sh" "$WORK/programs" "$WORK/selection"
}

pages() {
	local page
	for page in "${PAGES[@]}"; do
		if selected "$page"; then
			job "The steps of Documentation/$page.rst on Debian's $FLAVOUR" "stock-$FLAVOUR.$page" selftests/pages/run.sh "$KDIR" "$page"
		fi
	done
}

# The build of each flavour is apart, like that of each kernel in scripts/config.
test_flavour() {
	local what
	FLAVOUR=$1
	export KERNEL_CONFIG=stock-$FLAVOUR
	OUT=$SERIES_OUT/$KERNEL_CONFIG
	KDIR=${GIVEN_KDIR:-$("$TOP/scripts/stock.sh" kdir "$FLAVOUR")}
	use_ktap "$KDIR"
	look_for_kvm "$KDIR"
	if selected probe; then probe; fi
	if [[ $FILTER == *.* ]] || some_selected "${USERS[@]}"; then
		if needs_programs; then what=guest; else what=guest-samples; fi
		"$TOP/scripts/modules.sh" "$KDIR" "$what"
		programs
		pages
	fi
}

check_filter
mapfile -t flavours < <("$TOP/scripts/stock.sh" flavours)
if [ -n "${FLAVOUR:-}" ]; then
	printf '%s\n' "${flavours[@]}" | grep -qxF -- "$FLAVOUR" ||
		die "There is no flavour '$FLAVOUR' of Debian's kernel that this knows (FLAVOUR=)." "There are: ${flavours[*]}"
	flavours=("$FLAVOUR")
fi
[ -z "$GIVEN_KDIR" ] || [ -n "${FLAVOUR:-}" ] || die 'KDIR= is the folder of one flavour.' 'Name it with FLAVOUR=.'
[ -z "$GIVEN_KDIR" ] || [ -e "$GIVEN_KDIR/debian-root" ] ||
	die "$GIVEN_KDIR (KDIR=) was not made by scripts/stock.sh: it has no debian-root." 'make stock without KDIR= makes one.'
"$TOP/scripts/packages.sh" guest
for flavour in "${flavours[@]}"; do
	test_flavour "$flavour"
done
[ $# = 0 ] || exit 0
whole=()
[ -n "$FILTER" ] || whole=(--whole)
mkdir -p build/results
[ -n "$(ls "$RESULTS")" ] || die "Nothing that is tested on kernels of Debian matches T=$FILTER."
cp "$RESULTS"/*.ktap build/results/
ktap verdict "${whole[@]}" --differences="$DIFFERENCES" "$RESULTS"/*.ktap
