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
step 'A Rust module, the sample cn_echo, registers a callback.'
show insmod /lib/modules/test/cn_echo.ko
step 'The connector lists the callback with its name and id.'
show cat /proc/net/connector
step 'A user program sends a message to the callback, gets its reply, and waits for the periodic multicast.'
show cn_hello
step 'The connector has counted what passed.'
show cat /proc/net/connector_stats
step 'Both modules are removed, the user first.'
show rmmod cn_echo
show rmmod cn
[ ! -e /proc/net/connector ] || failed '/proc/net/connector is still there'
! is_loaded cn || failed 'cn is still loaded'
echo
echo 'Nothing of it is left in the kernel.'
