#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The job of "make bench": the same measurements on the C connector and on ours, in turn, in one boot. One line
# for each:
#
#   result,<round>,<row>,<case>,<provider>,<value>,<unit>
#
# Start the guest with instruction counting (ICOUNT=1) for BENCH_MODE=icount: then times are instructions.
# The file bench.conf, packed beside this one, may set
#
#   BENCH_MODE    icount (one processor; default) or wall (two)
#   BENCH         quick (default), full, or gate: what "make test" has time for
#   BENCH_ROUNDS  how often, 3; in each round the C connector comes first

# shellcheck source=selftests/guest/steps.sh
. /guest/steps.sh
# shellcheck source=/dev/null
[ ! -e /guest/bench.conf ] || . /guest/bench.conf
export BENCH_MODE="${BENCH_MODE:-icount}" BENCH="${BENCH:-quick}" BENCH_ROUND=1 CN_PROVIDER=

failed() {
	echo "# failed: $*"
	exit 1
}

# One program, on a provider: row <provider> <program> [argument...].
row() {
	CN_PROVIDER=$1
	shift
	"$@" || failed "$* on $CN_PROVIDER in round $BENCH_ROUND"
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

# What needs no connector; it is there while the others are measured, too.
measure_references() {
	row floor dispatch
	row genl dispatch
}


measure_connector() {
	local callbacks
	echo "# round $BENCH_ROUND: $1"
	load_connector "$1" || failed "cn.ko of $1 does not load"
	load bench_client
	for callbacks in $(numbers_of_callbacks); do
		row "$1" dispatch "$callbacks"
		case $callbacks in
		1 | 4096 | 65536) row "$1" register "$callbacks" ;;
		esac
	done
	unload_all bench_client cn
}

# The C connector needs some 2^31 steps to register 65536; so that is done in the first round only.
numbers_of_callbacks() {
	case $BENCH,$BENCH_ROUND in
	gate,*) echo 1 4096 ;;
	full,* | *,1) echo 1 16 256 4096 65536 ;;
	*) echo 1 16 256 4096 ;;
	esac
}

PATH=/bench:$PATH
unload_everything || exit 1
load bench_floor
load bench_genl
load bench_sender
[ "$BENCH" != gate ] || BENCH_ROUNDS=1
while [ "$BENCH_ROUND" -le "${BENCH_ROUNDS:-3}" ]; do
	measure_references
	measure_connector c
	measure_connector rust
	BENCH_ROUND=$((BENCH_ROUND + 1))
done
