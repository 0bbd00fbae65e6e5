# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# The samples with their programs. Sourced by tests.sh, which has the function "check".

# Runs a command as a user without any rights.
as_user() {
	grep -q '^user:' /etc/passwd || echo 'user:x:1000:1000::/tmp:/bin/sh' >>/etc/passwd
	su user -c "$*"
}

# Does a command print a matching line? Its output is shown when it does not: prints <pattern>
# <command...>.
prints() {
	local pattern=$1
	shift
	"$@" >/tmp/output 2>&1
	cat /tmp/output
	grep -q -- "$pattern" /tmp/output
}

# The same for a command that must fail.
refuses() {
	local pattern=$1
	shift
	if "$@" >/tmp/output 2>&1; then
		cat /tmp/output
		return 1
	fi
	cat /tmp/output
	grep -q -- "$pattern" /tmp/output
}

load_sample() {
	check "sample.$1.loads" insmod "/lib/modules/test/$1.ko"
}

# A guest of the built-in connector has no answer for an id that is not registered.
nobody_echoes() {
	local answer='No such device'
	[ "$CN_PROVIDER" != guest ] || answer='no message arrived'
	refuses "$answer" cn_echo_user
}

try_echo() {
	check sample.echo.without_module nobody_echoes || return
	load_sample cn_echo || return
	check sample.echo.replies prints 'reply from 20:1: "Hello, kernel!" (seq 1, ack 1)' cn_echo_user
	check sample.echo.replies_to_users prints 'reply from 20:1: "hi"' as_user cn_echo_user hi
	check sample.echo.unloads unload cn_echo
}

two_readings() {
	as_user cn_sensor_user 2 >/tmp/output || return
	cat /tmp/output
	[ "$(grep -c '^reading [0-9]*: 20\.[025]*0* degrees$' /tmp/output)" -eq 2 ]
}

try_sensor() {
	load_sample cn_sensor || return
	check sample.sensor.multicasts_to_all two_readings
	check sample.sensor.calibrates prints ': 2[12]\..* degrees' cn_sensor_user -c 1500
	check sample.sensor.keeps_calibration prints ': 2[12]\..* degrees' cn_sensor_user 1
	check sample.sensor.refuses_users refuses 'Operation not permitted' as_user cn_sensor_user -c 0
	check sample.sensor.unloads unload cn_sensor
}

# The store is full with 64 entries. One list contains all of them.
fill_store() {
	local number=0
	while [ "$number" -lt 63 ]; do
		cn_store_user set "key$number" "value $number" || return
		number=$((number + 1))
	done
	refuses 'No space left' cn_store_user set one-more value || return
	cn_store_user set key0 'another value' || return
	cn_store_user list >/tmp/output
	cat /tmp/output
	[ "$(grep -c '^key[0-9]* = ' /tmp/output)" -eq 63 ] && grep -qx 'key0 = another value' /tmp/output
}

try_store() {
	load_sample cn_store || return
	check sample.store.lists_nothing cn_store_user list
	check sample.store.sets cn_store_user set colour blue
	check sample.store.gets prints '^colour = blue$' as_user cn_store_user get colour
	check sample.store.has_no_such_key refuses 'There is no such key' cn_store_user get shape
	check sample.store.refuses_users refuses 'Operation not permitted' as_user cn_store_user set colour red
	check sample.store.is_limited fill_store
	check sample.store.deletes cn_store_user delete colour
	check sample.store.has_deleted refuses 'There is no such key' cn_store_user get colour
	check sample.store.unloads unload cn_store
}

# A program is notified when another sample registers and unregisters.
registered_and_unregistered() {
	cn_watch_user 2 >/tmp/who 2>&1 &
	eventually is_in_group 00400000 || return
	insmod /lib/modules/test/cn_echo.ko && unload cn_echo || return
	wait $! || return
	cat /tmp/who
	[ "$(tr '\n' ' ' </tmp/who)" = 'listening to group 23 20:1 was registered 20:1 was unregistered ' ]
}

log_says() {
	dmesg | tail -n 40 | grep -q "$1"
}

try_watch() {
	load_sample cn_watch || return
	check sample.watch.notifies_programs registered_and_unregistered
	check sample.watch.notifies_the_log log_says 'cn_watch: 20:1 was unregistered'
	check sample.watch.unloads unload cn_watch
}

# Has cn_rust_test_user shown so many matching lines? ucon_shows <number> <pattern>
ucon_shows() {
	[ "$(grep -c "$2" /tmp/ucon)" -ge "$1" ]
}

# The messages of the module, its ids in the snapshot, and that they are unregistered.
ucon_hears() {
	: >/tmp/ucon
	cn_rust_test_user >>/tmp/ucon 2>&1 &
	eventually ucon_shows 2 '"counter = ' && unload cn_rust_test && eventually ucon_shows 2 'was unregistered$'
	kill $!
	wait $!
	cat /tmp/ucon
	grep -qx 'answer to message 1: done' /tmp/ucon &&
		grep -qx 'answer to message 2: done' /tmp/ucon &&
		grep -qx '\[e.456\] was registered' /tmp/ucon &&
		grep -qx '\[e.457\] was registered' /tmp/ucon &&
		[ "$(grep -c '^\[e.456\] \[.*\] "counter = [0-9]*' /tmp/ucon)" -ge 2 ] &&
		grep -qx '\[e.457\] was unregistered' /tmp/ucon
}

try_rust_test() {
	load_sample cn_rust_test || return
	check sample.rust_test.kernel_ucon_receives sample_is_heard
	check sample.rust_test.ucon_hears ucon_hears
	check sample.rust_test.heard_a_message log_says 'cn_rust_test: idx=e, val=456, seq=2, ack=0, len=6'
	check sample.rust_test.saw_itself log_says 'cn_rust_test: e.457: Registered'
	check sample.rust_test.unloads unload cn_rust_test
}

try_samples() {
	try_echo
	try_sensor
	try_store
	try_watch
	try_rust_test
}
