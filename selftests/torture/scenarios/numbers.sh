#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The large numbers of lines whose subject is counting, on the plain kernel, which is 30 times as fast. The same programs
# run on the kernel full of checks in operations.sh, losses.sh and storms.sh, with numbers that it has the time for.
#
# torture.small: 1200
# torture.full: 28800
# torture.kernel: plain

# shellcheck source=selftests/torture/scenario.sh
. /guest/scenario.sh

echo /none >/proc/sys/kernel/modprobe

# Of 100 operations 76 send a datagram.
step datagrams_by_format.datagrams_plain fuzz "seed=$SEED" "operations=$(pick 262000 6520000)"
fuzzer_figures fuzzer_plain
step sums_plain fuzz sums "seed=$SEED" "operations=$(pick 2000 1150000)"
fuzzer_figures sums_plain
step loads_under_senders.reload_plain storm_reload "$(pick 100 1000)" 2
step messages_while_loading.loads_plain storm_reload "$(pick 50 1000)" 1
load cn cn_client steps
step registration_storm.register_plain storm_register "$(pick 100000 1000000)" 3
step module_parameters.callbacks_plain many 65536
step opened_sockets.sockets_plain sockets "$(pick 100000 1000000)"
step delivery_totals.group_plain losses group "$(pick 100000 10000000)"
step delivery_totals.port_plain losses port "$(pick 100000 10000000)"
step notification_totals.notify_plain losses notify "$(pick 60000 6000000)"
load cn_proc
step process_events.processes_plain storm_processes "$(pick 2000 100000)"
if [ "$TORTURE" = full ]; then
	step unregister_from_inside.inside_plain storm_steps "$(pick 0 60000)" "$SEED"
	step dead_requests.owners_plain storm_owners "$(pick 0 1000000)"
	step silent_readers.silent_plain silent 100 200
fi
finish
