#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The job of run.sh: makes messages of all kinds while a capture of nlmon0 runs. Prints, in base64
# between lines that name them: the capture (capture.pcap), the files of cnctl (listen.pcap,
# watch.pcap, proc.pcap), and the actions of work.c (work.txt).

# shellcheck source=selftests/guest/steps.sh
. /guest/steps.sh

client() {
	echo "$*" >/proc/cn_client
}

# The filter is the second thing that cnctl asks for.
is_filtered() {
	grep -q "^listener .* events $1 " /proc/net/cn_proc
}

has_lines() {
	[ "$(wc -l <"$2")" -ge "$1" ]
}

put_out() {
	echo "@file $1"
	base64 "$2"
	echo "@end"
}

set -e
load_connector rust
insmod /lib/modules/test/cn_client.ko
insmod /lib/modules/test/cn_echo.ko
insmod /lib/modules/rust/cn_proc.ko
client add 25:1 shark count
ip link add nlmon0 type nlmon
ip link set nlmon0 up
/guest/capture nlmon0 /tmp/capture.pcap &
capture=$!
eventually [ -e /tmp/capture.pcap ]

# From programs to the kernel, and its answers.
cnctl send 25:1 hello
cnctl send --ack 25:1 hello
cnctl send --ack 25:9 hello || true
cnctl send --reply 20:1 'Hello, kernel!'
/guest/datagrams

# From the kernel to a group.
cnctl listen --count 6 --write /tmp/listen.pcap 25 >/tmp/heard &
listener=$!
eventually is_in_group 01000000
client send id=25:1 seq=7 ack=8 msg_len=5 group=25
client send_mult id=25:2 seq=40 msg_len=3 bundle=5 group=25
wait $listener

# Ids that are registered and unregistered.
cnctl watch --count 3 --write /tmp/watch.pcap 25-26:1-3 >/tmp/changes &
watcher=$!
eventually has_lines 1 /tmp/changes
client add 26:3 shark count
client del 26:3
wait $watcher

# Another protocol.
ip link show lo >/dev/null

# Processes.
cnctl proc --write - fork exec uid gid sid ptrace comm coredump exit >/tmp/proc.pcap &
listener=$!
eventually is_filtered 0xc00003c7
/guest/work >/tmp/work.txt
kill -INT $listener
wait $listener

kill $capture
wait $capture
put_out capture.pcap /tmp/capture.pcap
put_out listen.pcap /tmp/listen.pcap
put_out watch.pcap /tmp/watch.pcap
put_out proc.pcap /tmp/proc.pcap
put_out work.txt /tmp/work.txt
