# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# What every scenario of the torture shares (scenarios/*.sh). Sourced by each.
#
#   TORTURE   small or full
#   SEED      a number, for what is random; the same number does the same again
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

# The first in the small form, the second in the full one, whatever PERCENT is: for limits, and for what is to be there.
either() {
	if [ "$TORTURE" = full ]; then echo "$2"; else echo "$1"; fi
}

# In the full form a step may take an hour, so that it says that it has begun: step <name> <command...>
step() {
	local name=$1
	shift
	[ "$TORTURE" = small ] || echo "# $name has begun"
	run_step "$@"
	result_of_step "$name" "$(tail -n 1 "$SAID")" "$@"
}

# What the fuzzer has counted for lines of the scorecard, behind its step: fuzzer_figures <name behind theirs>
fuzzer_figures() {
	local line figure
	grep -E '^[a-z_]+\.fuzzer ' "$SAID" >/tmp/figures
	while read -r line figure; do
		passed "${line%%.*}.$1" "$figure"
	done </tmp/figures
}

# Inserts modules by name, wherever they are; those that are in already are passed over.
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

# Lets a program say which of its allocations are to fail. What fails is reported by the program, not by the kernel. Where a
# tracepoint of a module has no memory for its fields, the kernel itself warns: that is left out.
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

# The same, by chance: one of so many allocations of a thread that asks for it. The kernel says where a large one failed,
# which is no complaint; whatever is one is still shown.
let_some_fail() {
	local kind
	let_fail || return 1
	for kind in failslab fail_page_alloc; do
		echo Y >/sys/kernel/debug/$kind/task-filter && echo 20 >/sys/kernel/debug/$kind/probability &&
			echo -1 >/sys/kernel/debug/$kind/times || return 1
	done
	dmesg -n 4
}

# The number of leaks that kmemleak has found, each shown. An object counts when it has been unreachable for five
# seconds, so the second look is for those that were young at the first.
count_leaks() {
	local leaks=/sys/kernel/debug/kmemleak
	# Without it the allocator's own lists hide what was allocated last.
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
