#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Callers in all contexts: unregistering under attack, many tasks inside callbacks, modules that exit in
# the middle of any operation, and one that does random operations with the whole crate. leaving.sh does the last two in larger numbers.
#
# torture.small: 1500
# torture.full: 7200
# torture.memory: 4G

# shellcheck source=selftests/torture/scenario.sh
. /guest/scenario.sh

echo /none >/proc/sys/kernel/modprobe

# The longest time on a connector, in ms: attack c|rust
attack() {
	insmod "/lib/modules/$1/cn.ko" && insmod /lib/modules/test/cn_client.ko || return 1
	storm_attack "$(pick 10 120)" 10 || return 1
	unload_everything
}

# At most twice as long as on C. A host that is busy with other things takes tenths of a second for them.
attack_both() {
	local c rust
	c=$(attack c) && rust=$(attack rust) || return 1
	echo "at most $rust ms, on C $c ms"
	[ "$rust" -le $((2 * c + $(either 300 100))) ]
}

blocked() {
	load cn cn_client cn_rust_block && storm_blocked "$1"
}

step unregister_under_attack.attack attack_both
echo 100000 >/proc/sys/kernel/threads-max
echo 100000 >/proc/sys/kernel/pid_max
echo 200000 >/proc/sys/vm/max_map_count
step crowded_callback.blocked blocked "$(pick 2000 40000)"
unload_everything || failed crowded_callback.unloads "$(cat /tmp/rmmod)"
load cn cn_client
step modules_leaving.leaving storm_random "$(pick 60 1000)" 0 30 3
step random_programs.random storm_random 1 "$(pick 3000 10000)" 2000 3
finish
