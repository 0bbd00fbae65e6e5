# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# The tool cnctl, and the examples of the client crate, on the connector that is loaded. Sourced by tests.sh, which has
# the function "check", after samples.sh.

# Does a command end with the status and print a matching line? ends <status> <pattern>
# <command...>.
expect_exit() {
	local status=$1 pattern=$2 ended=0
	shift 2
	"$@" >/tmp/output 2>&1 || ended=$?
	cat /tmp/output
	echo "status $ended"
	[ "$ended" -eq "$status" ] && grep -q -- "$pattern" /tmp/output
}

client_command() {
	echo "$*" >/proc/cn_client
}

# No module, and nothing that would load it.
without_connector() {
	local status=0
	unload_everything || return
	echo /bin/false >/proc/sys/kernel/modprobe
	mv "/lib/modules/$(uname -r)" /lib/modules/hidden
	expect_exit 3 'the module cn is not loaded' cnctl list &&
		expect_exit 3 'modprobe cn' cnctl send 20:1 hello &&
		expect_exit 3 'the module cn is not loaded' cnctl listen 21 &&
		expect_exit 3 'the module cn is not loaded' cnctl stats &&
		expect_exit 3 'the module cn is not loaded' cnctl watch &&
		expect_exit 3 'the module cn is not loaded' cnctl proc &&
		expect_exit 3 '^-- connector *none' cnctl doctor || status=1
	mv /lib/modules/hidden "/lib/modules/$(uname -r)"
	echo /sbin/modprobe >/proc/sys/kernel/modprobe
	load_connector "$CN_PROVIDER" && insmod /lib/modules/test/cn_client.ko && return $status
}

# The built-in connector is there without its guest.
without_guest() {
	local status=0
	unload_everything || return
	expect_exit 0 '^ok connector  *in C' cnctl doctor && expect_exit 0 '^1:1 ' cnctl list || status=1
	load_connector "$CN_PROVIDER" && insmod /lib/modules/test/cn_client.ko && return $status
}

in_another_namespace() {
	expect_exit 3 'not in this network namespace' unshare -n cnctl list &&
		expect_exit 3 'nsenter' unshare -n cnctl send 20:1 hello &&
		expect_exit 3 'not in this network namespace' unshare -n cnctl doctor
}

lists() {
	client_command add 25:1 tools count
	expect_exit 0 '^25:1 *tools' cnctl list &&
		expect_exit 0 '^{.*"id":"25:1",.*"name":"tools"' cnctl --json list --idx 25 &&
		! grep -q 4294967295 /tmp/output
}

# Names that a program prints as they are would do something to a terminal. A connector may refuse them. A guest registers other
# ones with the built-in connector, and has these in its statistics.
shows_odd_names() {
	local odd watched='a\\033\[2Jb'
	[ "$CN_PROVIDER" != guest ] || watched='a?\[2Jb'
	odd=$(printf 'a\033[2Jb')
	client_command add "25:1 $odd count" || return 0
	expect_exit 0 '^25:1 *a\\033\[2Jb' cnctl list && ! grep -q "$(printf '\033')" /tmp/output &&
		expect_exit 0 '"name":"a\\u001b\[2Jb"' cnctl --json list --idx 25 || return
	[ "$CN_PROVIDER" = c ] || expect_exit 0 "^25:1 present ($watched)$" cnctl watch --count 1 25
}

# Without /proc, and with one that has processes only: cnctl shows the available values, and the
# reason for each missing one.
without_proc() {
	unshare -m sh -c 'umount -l /proc && exec "$@"' sh "$@"
}

with_processes_only() {
	unshare -m sh -c 'umount -l /proc && mount -t proc -o subset=pid proc /proc && ! [ -e /proc/net ] && exec "$@"' sh "$@"
}

reports_what_is_hidden() {
	local hidden='/proc/net cannot be read: /proc is not mounted'
	client_command add 25:1 tools echo
	expect_exit 1 "$hidden" without_proc cnctl list && expect_exit 1 "$hidden" without_proc cnctl stats &&
		expect_exit 1 "$hidden" without_proc cnctl watch && expect_exit 1 "$hidden" without_proc cnctl send --ack 25:1 hello &&
		expect_exit 0 '^25:1 replies 5 bytes' without_proc cnctl send --reply 25:1 hello &&
		expect_exit 0 '^-- connector *there.*; its features are not known' without_proc cnctl doctor && ! grep -q 'modprobe' /tmp/output || return
	expect_exit 0 '^25:1 *tools' with_processes_only cnctl list &&
		expect_exit 0 '^ok connector *in ' with_processes_only cnctl doctor || return
	expect_exit 3 'not in this network namespace' without_proc unshare -n cnctl listen 25 &&
		expect_exit 3 '^-- connector *not in this network namespace' without_proc unshare -n cnctl doctor &&
		expect_exit 3 '^-- connector *not in this network namespace' as_user unshare -U -r -n cnctl doctor &&
		expect_exit 3 '^-- user namespace *another one' as_user unshare -U -r -n cnctl doctor &&
		expect_exit 4 'in another user namespace' as_user unshare -U -r cnctl listen 24
}

sends() {
	client_command add 25:1 tools echo
	echo from a file >/tmp/payload
	expect_exit 0 '^sent 5 bytes to 25:1$' cnctl send 25:1 hello &&
		expect_exit 0 '^25:1 replies 5 bytes: 68656c6c6f "hello"$' cnctl send --reply 25:1 hello &&
		expect_exit 0 '^25:1 replies 3 bytes: 00ff10$' cnctl send --reply --payload hex --hex 00:ff:10 25:1 &&
		expect_exit 0 '"from a file.",*$' sh -c 'cnctl send --reply --payload text --file /tmp/payload 25:1' &&
		expect_exit 0 '"hex":"616263".*"text":"abc"' sh -c 'printf abc | cnctl --json send --reply --file - 25:1'
}

# The text ends with a new line, which is shown as a dot.
sends_what_makes_no_sense() {
	expect_exit 2 'no id' cnctl send 25 hello &&
		expect_exit 2 'hexadecimal' cnctl send --hex 123 25:1 &&
		expect_exit 2 'longer than the 16364 bytes' cnctl send --file /bin/busybox 25:1 &&
		expect_exit 1 'No such file' cnctl send --file /tmp/nothing 25:1
}

is_refused() {
	if [ "$CN_PROVIDER" = c ]; then
		expect_exit 3 'does not offer acknowledgements' cnctl send --ack 25:9 hello &&
			expect_exit 6 'waited 200 ms for a reply' cnctl send --reply --timeout 0.2 25:9 hello
	elif [ "$CN_PROVIDER" = guest ]; then
		expect_exit 6 'waited 200 ms' cnctl send --ack --timeout 0.2 25:9 hello &&
			expect_exit 6 'waited 200 ms for a reply' cnctl send --reply --timeout 0.2 25:9 hello &&
			expect_exit 0 '^sent 5 bytes to 25:1, and the kernel has acknowledged it' cnctl send --ack 25:1 hello
	else
		expect_exit 5 '25:9 refused the message: No such device' cnctl send --ack 25:9 hello &&
			expect_exit 5 'load its module' cnctl send --reply 25:9 hello &&
			expect_exit 0 '^sent 5 bytes to 25:1, and the kernel has acknowledged it' cnctl send --ack 25:1 hello
	fi
}

wait_for_listener() {
	eventually is_in_group "$1"
}

listens() {
	cnctl listen --time none --count 2 24 26 >/tmp/heard 2>&1 &
	wait_for_listener 02800000 || return
	client_command send id=25:1 seq=7 ack=8 msg_len=0 group=24
	client_command send id=25:2 seq=9 msg_len=2 group=26
	wait $! || return
	cat /tmp/heard
	[ "$(sed -n 1p /tmp/heard)" = '25:1 seq 7 ack 8 len 0' ] && sed -n 2p /tmp/heard | grep -q '^25:2 seq 9 ack 0 len 2 [0-9a-f]\{4\} "..\"$'
}

ends_with_ctrl_c() {
	local listener
	cnctl listen --json 24 >/tmp/heard 2>&1 &
	listener=$!
	wait_for_listener 00800000 || return
	client_command send id=25:1 seq=7 group=24
	kill -INT $listener
	wait $listener || return
	cat /tmp/heard
	grep -q '^{.*"group":24,.*"id":"25:1",.*"seq":7' /tmp/heard
}

# Are there reports of losses, and are the losses and the received messages together so many?
# accounts_for <number> <file>
accounts_for() {
	local lost received
	# A sum, as 0+3+27.
	lost=$((0$(sed -n 's/.*"lost":\([0-9]*\).*/+\1/p' "$2" | tr -d '\n')))
	received=$(grep -vc '"lost"' "$2")
	echo "$received received, $lost lost"
	[ "$lost" -gt 0 ] && [ $((received + lost)) -eq "$1" ]
}

# The received messages and the reported losses are together the sent messages.
reports_losses() {
	local listener status=0
	cnctl listen --json --buffer 1 24 >/tmp/heard 2>&1 &
	listener=$!
	wait_for_listener 00800000 || return
	kill -STOP $listener
	client_command send id=25:1 group=24 repeat=1000
	kill -CONT $listener
	eventually accounts_for 1000 /tmp/heard || status=1
	kill -INT $listener
	wait $listener || return
	tail -n 3 /tmp/heard
	accounts_for 1000 /tmp/heard && return $status
}

# Bytes of a file as hexadecimal digits: bytes <file> <offset> <number>.
bytes() {
	od -A n -v -t x1 -j "$2" -N "$3" "$1" | tr -d ' \n'
}

# The header of the file; of the first record the length, twice, and the bytes in front of the
# datagram; the datagram itself, which has its length, NLMSG_DONE, and after the netlink header the
# id, seq and ack. After it, the id of the second one.
is_capture_of_two() {
	hexdump -C "$1" | head -n 12
	[ "$(bytes "$1" 0 8)$(bytes "$1" 20 4)" = 4d3cb2a102000400fd000000 ] &&
		[ "$(bytes "$1" 32 8)" = 3400000034000000 ] &&
		[ "$(bytes "$1" 40 16)" = 0000033800000000000000000000000b ] &&
		[ "$(bytes "$1" 56 6)" = 240000000300 ] &&
		[ "$(bytes "$1" 72 16)" = 19000000010000000700000008000000 ] &&
		[ "$(bytes "$1" 140 8)" = 1900000002000000 ]
}

send_two() {
	wait_for_listener 00800000 || return
	client_command send id=25:1 seq=7 ack=8 msg_len=0 group=24
	client_command send id=25:2 seq=9 msg_len=0 group=24
}

has_size() {
	[ "$(wc -c <"$2")" -eq "$1" ]
}

# Into a file, with lines; out of standard output, without; a file is whole at each moment, and so after Ctrl-C and SIGKILL.
writes_captures() {
	local listener
	rm -f /tmp/heard.pcap
	cnctl listen --time none --count 2 --write /tmp/heard.pcap 24 >/tmp/heard 2>&1 &
	send_two && wait $! && grep -q '^25:1 seq 7 ack 8 len 0$' /tmp/heard && is_capture_of_two /tmp/heard.pcap || return
	{ cnctl listen --count 2 --write - 24 2>/tmp/output; echo $? >/tmp/status; } | cat >/tmp/piped.pcap &
	send_two && wait $! && [ "$(cat /tmp/status)" -eq 0 ] && ! [ -s /tmp/output ] && is_capture_of_two /tmp/piped.pcap || return
	for listener in INT KILL; do
		cnctl listen --write /tmp/heard.pcap 24 >/tmp/heard 2>&1 &
		send_two || return
		eventually has_size 160 /tmp/heard.pcap || return
		kill -$listener $!
		wait $! 2>/dev/null
		is_capture_of_two /tmp/heard.pcap || return
	done
}

# The room is that of 4096 bytes, which a record ends in the middle of: 24 + 68 * 59 + 60.
reports_what_cannot_be_written() {
	local status=0
	expect_exit 1 'cannot write /nowhere/heard.pcap: No such file' cnctl listen --write /nowhere/heard.pcap 24 &&
		expect_exit 1 'cannot write /dev/full: No space left' cnctl listen --write /dev/full 24 &&
		expect_exit 2 'json needs standard output' cnctl listen --json --write - 24 || return
	mkdir -p /tmp/small
	mount -t tmpfs -o size=4096 small /tmp/small || return
	cnctl listen --payload none --write /tmp/small/heard.pcap 24 >/tmp/heard 2>&1 &
	wait_for_listener 00800000 || return
	client_command send id=25:1 msg_len=0 group=24 repeat=100
	wait $! || status=$?
	tail -n 2 /tmp/heard
	wc -c /tmp/small/heard.pcap
	[ $status -eq 1 ] && grep -q 'cannot write .*: No space left' /tmp/heard && grep -q 'Make room' /tmp/heard &&
		[ "$(wc -c </tmp/small/heard.pcap)" -eq $((24 + 68 * 59)) ] || status=2
	umount /tmp/small
	[ $status -eq 1 ] || return
	# The reader reads only the header.
	{ cnctl listen --write - 24; echo $? >/tmp/status; } | head -c 24 >/tmp/piped.pcap &
	wait_for_listener 00800000 || return
	eventually has_size 24 /tmp/piped.pcap || return
	client_command send id=25:1 group=24
	# For both of them.
	wait
	cat /tmp/status
	[ "$(cat /tmp/status)" -eq 0 ] && [ "$(wc -c </tmp/piped.pcap)" -eq 24 ]
}

user_may_not_join() {
	expect_exit 4 'CAP_NET_ADMIN' as_user cnctl listen 24 &&
		expect_exit 2 'no group 99' cnctl listen 99
}

watches() {
	if [ "$CN_PROVIDER" = c ]; then
		expect_exit 3 'does not offer the notification channel' cnctl watch
		return
	fi
	client_command add 25:1 tools count
	cnctl watch --count 3 25-26:1-3 >/tmp/heard 2>&1 &
	wait_for_listener 00001000 && eventually grep -q '^25:1 present' /tmp/heard || return
	client_command add 26:3 tools count
	client_command add 26:4 tools count
	client_command del 25:1
	wait $! || return
	cat /tmp/heard
	[ "$(tr '\n' ' ' </tmp/heard)" = '25:1 present (tools) 26:3 registered (tools) 25:1 unregistered ' ] || return
	two_watch || return
	expect_exit 4 'CAP_NET_ADMIN' as_user cnctl watch
}

# Each in a group of its own, so that neither is notified twice.
two_watch() {
	local first second
	cnctl watch --no-snapshot --count 1 27 >/tmp/heard 2>&1 &
	first=$!
	wait_for_listener 00001000 || return
	cnctl --json watch --no-snapshot --count 2 27 >/tmp/second 2>&1 &
	second=$!
	wait_for_listener 00002000 || return
	sleep 1
	client_command add 27:1 tools count
	client_command add 27:2 tools count
	wait $first || return
	wait $second || return
	cat /tmp/heard /tmp/second
	[ "$(cat /tmp/heard)" = '27:1 registered (tools)' ] && grep -q '"id":"27:1"' /tmp/second && grep -q '"id":"27:2"' /tmp/second
}

is_gone() {
	! kill -0 "$1" 2>/dev/null
}

# Is a process blocked in write(2)? The first field is the number of the system call.
is_blocked_in_write() {
	grep -q '^1 ' "/proc/$1/syscall"
}

# The first Ctrl-C has no effect while the output is blocked. The second one ends the program.
ends_with_another_ctrl_c() {
	local listener ended=0
	mkfifo /tmp/unread && exec 3<>/tmp/unread || return
	cnctl listen --json 24 >/tmp/unread 2>/dev/null &
	listener=$!
	wait_for_listener 00800000 || return
	client_command send id=25:1 group=24 repeat=2000
	eventually is_blocked_in_write $listener
	kill -INT $listener
	sleep 1
	kill -INT $listener
	eventually is_gone $listener
	kill -KILL $listener 2>/dev/null
	wait $listener || ended=$?
	exec 3>&-
	rm /tmp/unread
	echo "it ended with $ended"
	[ $ended -eq 130 ]
}

# Where something was waited for, Ctrl-C is a failure.
ends_a_wait_with_ctrl_c() {
	local sender ended=0
	client_command add 25:3 tools count
	cnctl send --reply --timeout 60 25:3 hello >/tmp/output 2>&1 &
	sender=$!
	sleep 1
	kill -INT $sender
	wait $sender || ended=$?
	client_command del 25:3
	cat /tmp/output
	echo "it ended with $ended"
	[ $ended -eq 130 ]
}

# Fewer messages than requested is a failure, and silence alone is none.
waits_for_so_many() {
	expect_exit 6 'no further message arrived in time' cnctl listen --count 1 --timeout 0.2 24 &&
		cnctl listen --timeout 0.2 24
}

# A message that is filtered out does not end a silence.
waits_for_what_it_shows() {
	local status=0 sender
	(while sleep 0.1; do client_command send id=25:2 group=24; done) &
	sender=$!
	expect_exit 6 'no further message arrived in time' timeout 20 cnctl listen --id 25:1 --count 1 --timeout 1 24 || status=1
	kill $sender
	wait $sender 2>/dev/null
	return $status
}

# Standard error that cannot be written is no reason for another code.
cannot_write_errors() {
	cnctl listen 99 2>/dev/full
	[ $? -eq 2 ]
}

counts() {
	if [ "$CN_PROVIDER" = c ]; then
		expect_exit 3 'does not offer statistics' cnctl stats
		return
	fi
	expect_exit 0 '^received  *[1-9]' cnctl stats &&
		expect_exit 0 '"delivered":{"new":0,"total":[1-9]' cnctl --json stats --live --count 1
}

is_examined() {
	local pattern='^ok connector  *in Rust$'
	[ "$CN_PROVIDER" != c ] || pattern='^ok connector  *in C$'
	[ "$CN_PROVIDER" != guest ] || pattern='^ok connector  *in Rust.*guest'
	expect_exit 0 "$pattern" cnctl doctor &&
		expect_exit 0 '^-- CAP_NET_ADMIN  *no' as_user cnctl doctor &&
		expect_exit 0 '^{.*"what":"connector"' cnctl --json doctor
}

# The connector has the module loaded once in some seconds at most, and has just tried.
loads_on_demand() {
	cnctl proc --timeout 0.1 coredump
	is_loaded cn_proc
}

# Without autoloading of modules, cnctl tells the user to load the module. With it, a request for
# process events loads the module.
reports_processes() {
	local status=0
	# Those of the kernel itself.
	[ "$CN_PROVIDER" != guest ] || { hears_without env; return; }
	echo /bin/false >/proc/sys/kernel/modprobe
	expect_exit 3 'Load the module cn_proc' timeout 20 cnctl proc || status=1
	echo /sbin/modprobe >/proc/sys/kernel/modprobe
	[ "$CN_PROVIDER" != c ] || return $status
	[ $status -eq 0 ] || return
	eventually loads_on_demand || return
	hears_of_processes cnctl proc nonzero-exit && hears_of_processes as_user exec cnctl proc nonzero-exit &&
		expect_exit 0 '^ok process events *yes' cnctl doctor && follows_a_process && counts_processes || return
	expect_exit 4 'hearing of processes' unshare -p -f cnctl proc || return
	hears_without without_proc && hears_without with_processes_only || return
	unload cn_proc
}

# Where /proc does not show process events, the kernel's answer does.
hears_without() {
	local listener
	"$1" cnctl proc --count 1 --timeout 30 nonzero-exit >/tmp/heard 2>&1 &
	listener=$!
	while kill -0 $listener 2>/dev/null; do
		sh -c 'exit 3'
		sleep 0.1
	done
	wait $listener || { cat /tmp/heard; return 1; }
	grep -q 'with status 3$' /tmp/heard
}

# A program that waits for its release, which follows when the filter for the two kinds is in force.
follows_a_process() {
	local process listener
	mkfifo /tmp/go && exec 3<>/tmp/go || return
	sh -c 'read -r _ </tmp/go; exec busybox true' &
	process=$!
	cnctl --json proc --pid $process --count 2 exec exit >/tmp/heard 2>&1 &
	listener=$!
	eventually grep -q '^listener .* events 0x80000002 ' /proc/net/cn_proc || return
	echo >/tmp/go
	wait $listener || return
	exec 3>&-
	rm /tmp/go
	cat /tmp/heard
	[ "$(grep -c "\"tgid\":${process}[,}]" /tmp/heard)" -eq 2 ] && sed -n 1p /tmp/heard | grep -q '"event":"exec"' &&
		sed -n 2p /tmp/heard | grep -q '"code":0,.*"event":"exit"'
}

counts_processes() {
	local status=0 worker
	(while sleep 0.1; do :; done) &
	worker=$!
	expect_exit 0 '"fork":{"new":[0-9]*,"total":[1-9]' timeout 20 cnctl --json proc --live --count 2 || status=1
	kill $worker
	wait $worker 2>/dev/null
	return $status
}

# Every user may receive process events. The filter is the second request, and is in the listener's
# line when it is in force.
hears_of_processes() {
	local listener
	"$@" >/tmp/heard 2>&1 &
	listener=$!
	eventually grep -q '^listener .* events 0x20000000 ' /proc/net/cn_proc
	sh -c 'exit 3'
	sh -c 'exit 0'
	cat /proc/net/cn_proc
	eventually grep -q 'with status 3' /tmp/heard
	# A shell may be between it and us.
	killall -INT cnctl
	wait $listener || return
	cat /tmp/heard
	# Nothing else: no process that ended with 0, and not the kernel's answers.
	grep -q ' exit  *the first thread of [0-9]* ended with status 3$' /tmp/heard && ! grep -qv ' ended ' /tmp/heard && ! grep -q 'status 0' /tmp/heard
}

# With more groups than the sender's address of a datagram has bits.
hears_high_groups() {
	local listener status=0
	unload_everything && insmod "/lib/modules/$CN_PROVIDER/cn.ko" groups=64 && insmod /lib/modules/test/cn_client.ko || return
	expect_exit 0 '^ok 1 request.event_of_a_high_group_is_no_reply$' /selftests/client tests high_group || status=1
	cnctl --json listen --count 1 --timeout 20 40 >/tmp/heard 2>&1 &
	listener=$!
	while kill -0 $listener 2>/dev/null; do
		client_command send id=40:1 group=40
		sleep 0.1
	done
	wait $listener && grep '"group":40,' /tmp/heard || status=1
	client_command add 25:1 tools count
	expect_exit 0 '^25:1 present (tools)$' cnctl watch --group 50 --count 1 25 || status=1
	unload_everything && load_connector "$CN_PROVIDER" && insmod /lib/modules/test/cn_client.ko && return $status
}

is_documented() {
	mkdir -p /tmp/man
	expect_exit 0 'complete' cnctl completion bash &&
		cnctl man /tmp/man && [ -s /tmp/man/cnctl.1 ] && [ -s /tmp/man/cnctl-listen.1 ] &&
		expect_exit 2 'Usage' cnctl frobnicate &&
		expect_exit 0 'Exit codes' cnctl --help
}

nobody_reads() {
	cnctl --help >/dev/null || return
	(
		cnctl list
		echo $? >/tmp/status
	) | true
	cat /tmp/status
	[ "$(cat /tmp/status)" -eq 0 ]
}

# The examples in the documentation of the crate. They use samples that only our connector has.
examples_run() {
	local status=0 connector=Rust
	[ "$CN_PROVIDER" != guest ] || connector=Guest
	expect_exit 0 "connector: $connector" /examples/detect || status=1
	insmod /lib/modules/test/cn_echo.ko && insmod /lib/modules/test/cn_sensor.ko || return
	expect_exit 0 '^two$' /examples/request || status=1
	[ "$CN_PROVIDER" = guest ] || expect_exit 0 'No such device' /examples/acknowledged || status=1
	expect_exit 0 '^21:1 sends 8 bytes$' /examples/listen || status=1
	expect_exit 0 '^21:1 sends 8 bytes$' /examples/listen_async || status=1
	expect_exit 0 '^20:1 present$' /examples/watch || status=1
	[ "$CN_PROVIDER" = guest ] || insmod /lib/modules/rust/cn_proc.ko || return
	(for _ in 1 2 3 4 5; do /bin/sleep 0.5; done) &
	expect_exit 0 'ended with 0$' timeout 20 /examples/processes || status=1
	wait
	unload cn_proc && unload cn_sensor && unload cn_echo && return $status
}

try_cnctl() {
	if [ "$CN_PROVIDER" = guest ]; then
		check cnctl.without_guest without_guest
	else
		check cnctl.without_connector without_connector || return
	fi
	check cnctl.other_namespace in_another_namespace
	check cnctl.lists lists
	client_command clear
	check cnctl.shows_odd_names shows_odd_names
	client_command clear
	check cnctl.reports_what_is_hidden reports_what_is_hidden
	client_command clear
	check cnctl.sends sends
	check cnctl.usage sends_what_makes_no_sense
	check cnctl.refused is_refused
	client_command clear
	check cnctl.listens listens
	check cnctl.ctrl_c ends_with_ctrl_c
	check cnctl.another_ctrl_c ends_with_another_ctrl_c
	check cnctl.reports_losses reports_losses
	check cnctl.ctrl_c_in_a_wait ends_a_wait_with_ctrl_c
	check cnctl.waits_for_so_many waits_for_so_many
	check cnctl.waits_for_what_it_shows waits_for_what_it_shows
	check cnctl.cannot_write_errors cannot_write_errors
	check cnctl.writes_captures writes_captures
	check cnctl.cannot_write reports_what_cannot_be_written
	check cnctl.rights user_may_not_join
	check cnctl.watches watches
	client_command clear
	check cnctl.counts counts
	check cnctl.doctor is_examined
	check cnctl.processes reports_processes
	[ "$CN_PROVIDER" != rust ] || check cnctl.high_groups hears_high_groups
	check cnctl.generated is_documented
	check cnctl.output_closed nobody_reads
	[ "$CN_PROVIDER" = c ] || check cnctl.examples examples_run
}
