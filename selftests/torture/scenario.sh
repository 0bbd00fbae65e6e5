# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Shared by all scenarios of the torture (scenarios/*.sh), which source it.
#
#   TORTURE   small or full
#   SEED      a number for random choices; the same number repeats them
#   PERCENT   how much of the numbers of the full form is done

# shellcheck source=selftests/guest/steps.sh
. /guest/steps.sh
# shellcheck source=scripts/ktap/ktap.sh
. /guest/ktap.sh
# shellcheck source=/dev/null
. /guest/torture.conf
export TORTURE SEED
export CN_PROVIDER=rust CN_MODULE_DIR=/lib/modules/rust CN_C_MODULE_DIR=/lib/modules/c CN_TEST_MODULE_DIR=/lib/modules/test
PATH=/torture:$PATH
echo 'KTAP version 1'

# The first in the small form, PERCENT of the second in the full one, and at least 1: repeat=$(pick 1000 1000000)
pick() {
	if [ "$TORTURE" = full ]; then echo $((($2 * PERCENT + 99) / 100)); else echo "$1"; fi
}

# The first in the small form, the second in the full one, independent of PERCENT: for limits and
# goals.
either() {
	if [ "$TORTURE" = full ]; then echo "$2"; else echo "$1"; fi
}

# In the full form a step may take an hour, so it prints a line when it begins: step <name>
# <command...>
step() {
	local name=$1
	shift
	[ "$TORTURE" = small ] || echo "# $name has begun"
	run_step "$@"
	result_of_step "$name" "$(tail -n 1 "$STEP_OUTPUT")" "$@"
}

# The fuzzer's counters for lines of the scorecard, after its step: fuzzer_figures <suffix of the
# names>
fuzzer_figures() {
	local line figure
	grep -E '^[a-z_]+\.fuzzer ' "$STEP_OUTPUT" >/tmp/figures
	while read -r line figure; do
		passed "${line%%.*}.$1" "$figure"
	done </tmp/figures
}

# Inserts modules by name, from any folder. Loaded ones are skipped.
load() {
	local name file
	for name in "$@"; do
		is_loaded "$(echo "$name" | tr - _)" && continue
		for file in /lib/modules/torture/$name.ko /lib/modules/test/$name.ko /lib/modules/rust/$name.ko /lib/modules/c/$name.ko; do
			[ -e "$file" ] && break
		done
		insmod "$file" || return 1
	done
}

# Lets a program choose which of its allocations fail. The program reports failures, not the kernel.
# Where a tracepoint of a module has no memory for its fields, the kernel itself warns: that place
# is excluded.
let_fail() {
	local kind from to
	# The file is long, and read no further than these.
	{
		read -r from _
		read -r to _
	} <<-EOF
		$(grep -m1 -A1 ' t event_define_fields$' /proc/kallsyms)
	EOF
	for kind in failslab fail_page_alloc fail_usercopy; do
		echo 0 >/sys/kernel/debug/$kind/verbose || return 1
		echo "0x$from" >/sys/kernel/debug/$kind/reject-start && echo "0x$to" >/sys/kernel/debug/$kind/reject-end || return 1
	done
	for kind in failslab fail_page_alloc; do
		echo N >/sys/kernel/debug/$kind/ignore-gfp-wait || return 1
	done
	echo N >/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem && echo 0 >/sys/kernel/debug/fail_page_alloc/min-order
}

# The same, at random: a share of the allocations of a thread that requests it. The kernel logs the
# failure of a large one, which is no complaint. Real complaints are still shown.
let_some_fail() {
	local kind
	let_fail || return 1
	for kind in failslab fail_page_alloc; do
		echo Y >/sys/kernel/debug/$kind/task-filter && echo 20 >/sys/kernel/debug/$kind/probability &&
			echo -1 >/sys/kernel/debug/$kind/times || return 1
	done
	dmesg -n 4
}

# After let_fail: a thread can have the allocation fail that follows its point.
let_two_fail() {
	echo Y >/sys/kernel/debug/failslab/task-filter && echo 100 >/sys/kernel/debug/failslab/probability &&
		echo 0 >/sys/kernel/debug/failslab/times
}

# Allocations of four pages and more fail while a thread requests it. Nothing else fails any more.
let_large_fail() {
	local folder=/sys/kernel/debug/fail_page_alloc
	echo 2 >$folder/min-order && echo Y >$folder/task-filter && echo 100 >$folder/probability && echo -1 >$folder/times &&
		echo 0 >/sys/kernel/debug/failslab/probability
}

# The number of leaks that kmemleak has found, each shown. An object counts when it has been
# unreachable for five seconds, so the second scan is for objects that are new at the first.
count_leaks() {
	local leaks=/sys/kernel/debug/kmemleak
	# Without it the allocator's own lists hide the latest allocations.
	insmod /lib/modules/torture/stir.ko && rmmod stir || return 1
	echo scan >$leaks || return 1
	sleep 6
	echo scan >$leaks || return 1
	sed 's/^/# /' $leaks
	echo "$(grep -c '^unreferenced object' $leaks) unreferenced objects"
	! grep -q '^unreferenced object' $leaks
}

# Whether lockdep is still active: it stops after its first report, and when its tables are full.
lockdep_is_on() {
	grep 'debug_locks: *1' /proc/lockdep_stats
}

# The last command of a scenario, which it ends with: with everything unloaded, and with lockdep, where the kernel
# has it, still on.
finish() {
	unload_everything || failed unloads "$(cat /tmp/rmmod)"
	[ ! -e /proc/lockdep_stats ] || lockdep_is_on >/dev/null || failed lockdep 'it is not active any more'
	all_passed
}
