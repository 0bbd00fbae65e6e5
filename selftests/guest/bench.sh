#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# What one dispatch costs, on the C connector and on ours, in one boot. Start the guest with
# instruction counting (ICOUNT=1): then the numbers are instructions above an empty netlink handler.

# shellcheck source=selftests/guest/steps.sh
. /guest/steps.sh

# The three medians of a provider with a number of callbacks, the floor subtracted.
measure() {
	insmod "/lib/modules/$1/cn.ko" || return
	insmod /lib/modules/test/cn_bench.ko callbacks="$2" || return
	awk '{ cost[$1] = $2 }
	     END { printf "%9d %9d %9d", cost["first"] - cost["floor"], cost["last"] - cost["floor"],
	                  cost["absent"] - cost["floor"] }' /proc/cn_bench
	unload cn_bench && unload cn
}

unload_everything || exit 1
printf 'One dispatch of a message with 32 bytes of payload, above an empty netlink handler:\n\n'
printf '%-9s | %-29s | %-29s\n' '' '     C connector' '     ours'
printf '%-9s | %9s %9s %9s | %9s %9s %9s\n' callbacks first last absent first last absent
for callbacks in ${BENCH_CALLBACKS:-1 256 32768}; do
	c=$(measure c "$callbacks") || exit 1
	rust=$(measure rust "$callbacks") || exit 1
	printf '%-9s | %s | %s\n' "$callbacks" "$c" "$rust"
done
