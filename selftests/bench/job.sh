#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The job of "make bench": the same measurements on the C connector and on ours, in turn, in one
# boot. Each has a line:
#
#   result,<round>,<row>,<case>,<provider>,<value>,<unit>
#
# Start the guest with instruction counting (ICOUNT=1) for BENCH_MODE=icount and turns. Times are
# instructions then.
# The file bench.conf, packed beside this one, may set
#
#   BENCH_MODE    icount (one processor; default), turns (two that take turns) or wall (two, in wall
#                 time): the effects of parallel running; guest: as icount, where the C connector is built in, and
#                 ours is its guest
#   BENCH         quick (default), full, or gate: the figures that "make test" has time for
#   BENCH_ROUNDS  how often to count instructions on one processor, 3; in each round the C connector comes first

# shellcheck source=selftests/guest/steps.sh
. /guest/steps.sh
# shellcheck source=/dev/null
[ ! -e /guest/bench.conf ] || . /guest/bench.conf
export BENCH_MODE="${BENCH_MODE:-icount}" BENCH="${BENCH:-quick}" BENCH_ROUND=1 CN_PROVIDER=

failed() {
	echo "error: $*"
	exit 1
}

# One program, on a provider: row <provider> <program> [argument...].
row() {
	local program=$2
	CN_PROVIDER=$1
	shift 2
	"/bench/$program" "$@" || failed "$program $* on $CN_PROVIDER in round $BENCH_ROUND"
}

load() {
	insmod "/lib/modules/bench/$1.ko" || failed "$1.ko does not load"
}

unload_all() {
	local module
	for module in "$@"; do
		unload "$module" || failed "$module does not unload"
	done
}

# The long form has every size, once: sample_irqs_off <provider> <callbacks>.
sample_irqs_off() {
	case $BENCH,$BENCH_ROUND in
	full,1) row "$1" irqs_off "$2" every ;;
	*) row "$1" irqs_off "$2" ;;
	esac
}

# Measurements without a connector.
measure_references() {
	echo "# round $BENCH_ROUND: without a connector"
	row baseline dispatch
	row genl dispatch
	[ "$BENCH" != gate ] || return 0
	row baseline processes none
	sample_irqs_off baseline 1
	sample_irqs_off minimal 1
	row baseline batch
	for reference in minimal genl; do
		row $reference echo
		row $reference multicast
		row $reference batch
	done
}

# The C connector needs some 2^31 steps to register 65536 callbacks, so that is done in the first
# round only. It is the first use of the connector, because memory that was used and freed before
# would be missing.
measure_many() {
	case $BENCH,$BENCH_ROUND in
	gate,*) return ;;
	full,* | *,1) ;;
	*) return ;;
	esac
	load_connector "$1" || failed "cn.ko of $1 does not load"
	load bench_client
	row "$1" memory
	row "$1" dispatch 65536
	row "$1" register 65536
	sample_irqs_off "$1" 65536
	if [ "$1" = rust ]; then
		load bench_crate
		sample_irqs_off crate 65536
		unload_all bench_crate
	fi
	unload_all bench_client cn
}

measure_few() {
	local callbacks
	for callbacks in 1 16 256 4096; do
		case $BENCH,$callbacks in
		gate,16 | gate,256) continue ;;
		esac
		row "$1" dispatch $callbacks
		case $callbacks in
		1 | 4096) row "$1" register $callbacks ;;
		esac
	done
	[ "$BENCH" = gate ] || sample_irqs_off "$1" 1
}

measure_messages() {
	row "$1" batch
	[ "$BENCH" != gate ] || return 0
	row "$1" echo
	row "$1" multicast
}

measure_crate() {
	load bench_crate
	row crate dispatch
	row crate register 1
	measure_messages crate
	[ "$BENCH" = gate ] || sample_irqs_off crate 1
	unload_all bench_crate
}

# C has process events only where its connector is built in, which rules ours out in the same boot.
measure_processes() {
	local listener
	insmod /lib/modules/rust/cn_proc.ko || failed "cn_proc.ko does not load"
	for listener in none filtered all; do
		row rust processes $listener
		# Hooks are detached in the background.
		sleep 1
	done
	unload_all cn_proc
}

measure_connector() {
	local file=/lib/modules/$1/cn.ko
	echo "# round $BENCH_ROUND: $1"
	measure_many "$1"
	[ "$BENCH" = gate ] || row "$1" load "$file"
	load_connector "$1" || failed "$file does not load"
	load bench_client
	measure_few "$1"
	measure_messages "$1"
	if [ "$BENCH" != gate ]; then
		row "$1" module "$file"
		row "$1" unregister_sleeping
		# Programs and their libraries, on ours. The program prints the provider of each
		# figure.
		[ "$1" = c ] || row rust client
	fi
	[ "$1" = c ] || measure_crate
	[ "$1" = c ] || [ "$BENCH" = gate ] || measure_processes
	unload_all bench_client cn
}

begin_counting() {
	# Soon after its start the kernel changes to another clock, and has timers that are exact.
	sleep 3
	load bench_sampler
}

measure_by_instructions() {
	begin_counting
	load bench_genl
	[ "$BENCH" != gate ] || BENCH_ROUNDS=1
	while [ "$BENCH_ROUND" -le "${BENCH_ROUNDS:-3}" ]; do
		measure_references
		measure_connector c
		measure_connector rust
		BENCH_ROUND=$((BENCH_ROUND + 1))
	done
}

# C modules use the built-in connector, and modules in Rust the guest, through the crate.
measure_as_guest() {
	begin_counting
	while [ "$BENCH_ROUND" -le "${BENCH_ROUNDS:-3}" ]; do
		echo "# round $BENCH_ROUND: the built-in connector"
		load bench_client
		row baseline dispatch
		row baseline batch
		row c dispatch 1
		row c register 4096
		row c register 1
		measure_messages c
		echo "# round $BENCH_ROUND: its guest"
		load_connector guest || failed 'cn_guest.ko does not load'
		load bench_crate
		export BENCH_LABEL=guest
		row crate dispatch
		row crate register 4096
		row crate register 1
		measure_messages crate
		export BENCH_LABEL=
		unload_all bench_crate bench_client cn_guest
		BENCH_ROUND=$((BENCH_ROUND + 1))
	done
}

# How long two processors keep each other waiting with bottom halves or interrupts off.
sample_two_processors() {
	echo "# round $BENCH_ROUND: $1 on two processors"
	load_connector "$1" || failed "$1 does not load"
	load bench_client
	row "$1" irqs_off 1 parallel
	if [ "$1" = rust ]; then
		row "$1" irqs_off 65536 parallel
		load bench_crate
		row crate irqs_off 1 parallel
		row crate irqs_off 65536 parallel
		unload_all bench_crate
	fi
	unload_all bench_client cn
}

measure_in_turns() {
	local rounds=1
	[ "$BENCH" != full ] || rounds=3
	begin_counting
	while [ "$BENCH_ROUND" -le $rounds ]; do
		row baseline irqs_off 1 parallel
		sample_two_processors c
		sample_two_processors rust
		BENCH_ROUND=$((BENCH_ROUND + 1))
	done
}

# Many short rounds, each on one connector.
measure_by_the_clock() {
	local provider turn=1 turns=20
	[ "$BENCH" != full ] || turns=60
	echo "# $((2 * turns)) short rounds by the clock"
	while [ $turn -le $turns ]; do
		for provider in c rust; do
			row "$provider" load "/lib/modules/$provider/cn.ko"
			load_connector "$provider" || failed "cn.ko of $provider does not load"
			load bench_client
			row "$provider" senders
			unload_all bench_client cn
			BENCH_ROUND=$((BENCH_ROUND + 1))
		done
		turn=$((turn + 1))
	done
}

unload_everything || exit 1
load bench_baseline
load bench_sender
case $BENCH_MODE in
icount) measure_by_instructions ;;
turns) measure_in_turns ;;
wall) measure_by_the_clock ;;
guest) measure_as_guest ;;
*) failed "BENCH_MODE is icount, turns, wall or guest, not $BENCH_MODE" ;;
esac
