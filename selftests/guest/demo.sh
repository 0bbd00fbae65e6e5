#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The job of "make run": shows the connector, one step at a time.

# shellcheck source=selftests/guest/steps.sh
. /guest/steps.sh

# One plain sentence, then its subject.
step() {
	echo
	echo "$*"
}

# The command as a user would type it, and its indented output. The exit code is that of the
# command.
type_in() {
	local status
	echo
	echo "    \$ $*"
	"$@" >/tmp/shown 2>&1
	status=$?
	sed 's/^/    /' /tmp/shown
	return $status
}

show() {
	type_in "$@" || failed "\"$*\" ended with $?"
}

refuse() {
	! type_in "$@" || failed "\"$*\" was not refused"
}

# It receives the end of a process that it has not started itself.
listen_to_processes() {
	local listener
	timeout 30 cnctl proc --count 1 nonzero-exit >/tmp/heard 2>&1 &
	listener=$!
	eventually grep -q '^attached .' /proc/net/cn_proc || failed 'cnctl does not listen to processes'
	echo
	echo "    \$ cnctl proc --count 1 nonzero-exit &"
	# By its path: the shell has a command of that name, which makes no process.
	refuse /bin/false
	wait $listener || failed 'cnctl has not heard of the process'
	sed 's/^/    /' /tmp/heard
}

failed() {
	echo "The demonstration failed: $*"
	exit 1
}

echo "Linux $(uname -r) has started; its connector is a module that is not loaded."
step 'The connector in Rust is loaded.'
show insmod /lib/modules/rust/cn.ko
step 'Two Rust modules, the samples cn_echo and cn_sensor, register a callback each.'
show insmod /lib/modules/test/cn_echo.ko
show insmod /lib/modules/test/cn_sensor.ko
step 'The connector lists the callbacks with their names and ids.'
show cat /proc/net/connector
step 'A program sends a message to the first callback, and gets its reply.'
show cn_echo_user
step 'Another program listens to the group of the second callback, which gets a message once a second.'
show cn_sensor_user
step 'The tool cnctl does the same. Its list has the rights that senders and listeners need.'
show cnctl list
show cnctl send --reply 20:1 Hello
show cnctl listen --time none --count 1 21
step 'An error has a reason.'
refuse cnctl send --ack 20:9 hello
step 'Process events work with a modular connector too: here are those of a command that fails.'
show insmod /lib/modules/rust/cn_proc.ko
listen_to_processes
show rmmod cn_proc
step 'The connector counts messages, by result.'
show cnctl stats
step 'All modules are removed, the users first.'
show rmmod cn_sensor
show rmmod cn_echo
show rmmod cn
[ ! -e /proc/net/connector ] || failed '/proc/net/connector is still there'
! is_loaded cn || failed 'cn is still loaded'
echo
echo 'Nothing of it is left in the kernel.'
