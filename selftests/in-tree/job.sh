#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The job of "make in-tree-test" on a kernel that has the connector and process events built in: those work, from the
# start on. /guest/in-tree.conf says whose connector it is (PROVIDER), which test programs to run (PROGRAMS), and under
# which name their results are reported (EVENTS). Writes KTAP.

# shellcheck source=scripts/ktap/ktap.sh
. /guest/ktap.sh
# shellcheck source=/dev/null
. /guest/in-tree.conf
export CN_PROVIDER="$PROVIDER"

# cn_proc.c registers once, when the kernel starts, and complains when there is no connector.
process_events_are_registered() {
	cat /proc/net/connector
	grep -q '^cn_proc  *1:1$' /proc/net/connector
}

# With initcall_debug the kernel logs the order of starts: the connector with the subsystems, before all drivers.
starts_with_the_subsystems() {
	dmesg | sed -n 's/^.*calling  \([a-zA-Z0-9_]*\)+.*$/\1/p' >/tmp/calls
	grep -nE '^(cn_core_start|cn_init|cn_proc_init|netlink_proto_init|init_netconsole|w1_init|loopback_init)$' /tmp/calls
	[ "$(grep -nxE 'cn_core_start|cn_init' /tmp/calls | cut -d: -f1)" -lt "$(grep -nx cn_proc_init /tmp/calls | cut -d: -f1)" ]
}

# Parameters on the kernel's command line take effect; the C connector has none.
parameters_are_set() {
	cat /proc/cmdline /proc/net/connector
	grep -q '^connector  *4294967295:7$' /proc/net/connector
}

# The kernel's own program for process events listens until it gets SIGINT. Its output goes to a file, a page at a time.
# With the first page, listening has begun.
listen() {
	local try=0
	rm -f /tmp/heard
	/guest/proc_filter "$@" >/tmp/heard &
	listener=$!
	while [ ! -s /tmp/heard ]; do
		(exit 1)
		try=$((try + 1))
		[ "$try" -lt 5000 ] || return 1
	done
}

# The program writes the rest when it exits. A signal just before it waits for the next event does not end that wait. So the
# signal is repeated until the program is a zombie.
stop_listening() {
	while grep -q '^State:[[:space:]]*[^Z]' "/proc/$listener/status" 2>/dev/null; do
		kill -INT "$listener"
		usleep 20000
	done
	wait "$listener"
	cat /tmp/heard
}

# Only processes that fail: one for each of the statuses 1 to 5, and as many that do not fail.
filter_lets_failures_through() {
	local status
	listen -f || return 1
	for status in 1 2 3 4 5; do
		sh -c "exit $status" &
		echo "$! $((status * 256))" >>/tmp/expected
		sh -c 'exit 0'
	done
	# shellcheck disable=SC2046
	wait $(cut -d' ' -f1 /tmp/expected)
	stop_listening
	while read -r pid status; do
		[ "$(grep -c "^# Exit process $pid (tgid $pid) with code $status, signal 17$" /tmp/heard)" = 1 ] || return 1
	done </tmp/expected
	! grep -vE '^# Exit process [0-9]+ \(tgid [0-9]+\) with code [1-9]|^Done total count' /tmp/heard
}

# Everything: a process starts, becomes another program, and ends.
everything_is_heard() {
	local child
	listen || return 1
	sh -c 'exec busybox true' &
	child=$!
	wait "$child"
	stop_listening
	grep -q "^# Fork process $child (tgid $child), parent $$ (tgid $$)$" /tmp/heard &&
		grep -q "^# Exec process $child (tgid $child)$" /tmp/heard &&
		grep -q "^# Exit process $child (tgid $child) with code 0, signal 17$" /tmp/heard
}

# cnctl, on each provider of process events, with a filter for processes that fail. The job cannot see when it listens, so
# it makes processes until cnctl has shown one.
cnctl_hears_failures() {
	local listener try=0
	cnctl proc nonzero-exit >/tmp/heard 2>&1 &
	listener=$!
	until grep -q 'with status 3' /tmp/heard; do
		sh -c 'exit 0'
		sh -c 'exit 3'
		usleep 100000
		try=$((try + 1))
		[ "$try" -lt 100 ] || break
	done
	kill -INT "$listener"
	wait "$listener"
	cat /tmp/heard
	grep -q ' exit  *the first thread of [0-9]* ended with status 3$' /tmp/heard && ! grep -q 'status 0' /tmp/heard
}

echo 'KTAP version 1'
echo "# provider: $CN_PROVIDER"
check built_in.is_no_module test ! -e "/lib/modules/$PROVIDER/cn.ko"
check built_in.process_events_are_registered process_events_are_registered
check built_in.starts_with_the_subsystems starts_with_the_subsystems
[ "$PROVIDER" = c ] || check built_in.parameters_are_set parameters_are_set
check kernel.proc_filter_hears_failures filter_lets_failures_through
check kernel.proc_filter_hears_everything everything_is_heard
check cnctl.hears_failures cnctl_hears_failures
echo "# provider: $EVENTS"
seconds=$(sed -n 's/^timeout=//p' /selftests/settings)
for program in $PROGRAMS; do
	program "$program" timeout -s KILL "$seconds" "/selftests/$program"
done
# Of the tests of the client crate, those of process events.
program client timeout -s KILL "$seconds" /selftests/client tests process.
