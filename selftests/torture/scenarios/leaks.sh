#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Loads the connector, uses it with programs of the selftests and a storm of processes, and unloads
# it. Then no unreachable memory is left.
#
# torture.small: 1100
# torture.full: 7200
# torture.append: kmemleak=on

# shellcheck source=selftests/torture/scenario.sh
. /guest/scenario.sh

# Not those with thousands of rounds: watching for leaks makes each allocation slow.
programs() {
	if [ "$TORTURE" = full ]; then
		cd /selftests && echo *_test
	else
		echo notify_test.notify rust_api_test.rust rust_api_test.rust_send
	fi
}

use() {
	# shellcheck disable=SC2046
	timeout -s KILL 3000 "/selftests/${1%%.*}" $(fixture_options "$1") || [ $? -eq 4 ]
	echo "$(grep -c '^ok' "$STEP_OUTPUT") tests passed"
}

for program in $(programs); do
	step "$program" use "$program"
done
if [ "$TORTURE" = small ]; then
	unload cn_rust_client && load cn_proc
	step process_events.storm storm_processes 100
else
	# The small form scans once: memory that leaks in use is still lost after unloading.
	step leaks.in_use count_leaks
fi
unload_everything
step leaks.after_unload count_leaks
finish
