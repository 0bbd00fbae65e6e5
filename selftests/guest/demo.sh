#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The job of "make run": what the connector does, one step at a time.

# shellcheck source=selftests/guest/steps.sh
. /guest/steps.sh

# One plain sentence, then what it speaks of.
step() {
	echo
	echo "$*"
}

# The command as a user would type it, and what it says, moved in.
show() {
	local status
	echo
	echo "    \$ $*"
	"$@" >/tmp/shown 2>&1
	status=$?
	sed 's/^/    /' /tmp/shown
	[ $status -eq 0 ] || failed "\"$*\" ended with $status"
}

failed() {
	echo "The demonstration failed: $*"
	exit 1
}

echo "Linux $(uname -r) has started; its connector is a module that is not loaded."
step 'The connector, written in Rust, is inserted.'
show insmod /lib/modules/rust/cn.ko
step 'Two Rust modules, the samples cn_echo and cn_sensor, register a callback each.'
show insmod /lib/modules/test/cn_echo.ko
show insmod /lib/modules/test/cn_sensor.ko
step 'The connector lists the callbacks with their names and ids.'
show cat /proc/net/connector
step 'A user program sends a message to the first one, and gets its reply.'
show cn_hello
step 'Another one listens to the second one, which sends a message to its group once a second.'
show cn_listen
step 'The connector has counted what passed.'
show cat /proc/net/connector_stats
step 'All modules are removed, the users first.'
show rmmod cn_sensor
show rmmod cn_echo
show rmmod cn
[ ! -e /proc/net/connector ] || failed '/proc/net/connector is still there'
! is_loaded cn || failed 'cn is still loaded'
echo
echo 'Nothing of it is left in the kernel.'
