#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Programs that are independent of these tests receive the process events of selftests/real/work.c.
# Each event of each process must be shown in order, as in the output of work.c.
# /guest/programs.conf has the programs (PROGRAMS) and the name under which the results are reported
# (EVENTS). Writes KTAP.

# shellcheck source=selftests/guest/steps.sh
. /guest/steps.sh
# shellcheck source=scripts/ktap/ktap.sh
. /guest/ktap.sh
# shellcheck source=/dev/null
. /guest/programs.conf

# Becomes the program, which shows all events that it knows.
become() {
	case $1 in
	forkstat) exec forkstat -l -e all ;;
	# Python is in a folder of its own, with the libraries it was linked to.
	pyroute2) exec chroot /debian /usr/bin/python3.13 - </guest/listen.py ;;
	esac
}

# The lines of work.c with the process in the second field: the child of a fork is before its parent.
child_first() {
	sed -E 's/^fork ([0-9]+) ([0-9]+)/fork \2 \1/' "$1"
}

# The lines that the program shows of the work if it receives all events. The second field is the
# process. forkstat has no line for a group id. listen.py writes the lines of work.c.
expected() {
	case $1 in
	forkstat) child_first /tmp/known | while read -r event process value _; do
		case $event in
		fork) echo "fork $process child" ;;
		exec | comm) echo "$event $process" ;;
		uid | exit) echo "$event $process $value" ;;
		sid) echo "sid $process $process" ;;
		ptrace) if [ "$value" -ne 0 ]; then echo "ptrce $process attach"; else echo "ptrce $process detach"; fi ;;
		esac
	done ;;
	pyroute2) child_first /tmp/known ;;
	esac
}

# The lines that the program has shown of the processes of work.c.
received() {
	local children
	children=$(child_first /tmp/known | sed -n 's/^fork \([0-9]*\) .*/\1/p' | paste -sd'|')
	case $1 in
	forkstat) grep -E "^[^ ]+ +[a-z]+ +($children) " /tmp/heard | while read -r _ event process value _; do
		case $event,$value in
		fork,parent) ;;
		exec,* | comm,*) echo "$event $process" ;;
		*) echo "$event $process $value" ;;
		esac
	done ;;
	pyroute2) child_first /tmp/heard | grep -E "^[a-z]+ ($children)( |$)" ;;
	esac
}

# Waits until a matching line is shown. Meanwhile processes end.
shown() {
	local try=0
	until grep -qs "$1" /tmp/heard; do
		kill -0 "$listener" || return 1
		(exit 1)
		usleep 10000
		try=$((try + 1))
		[ "$try" -lt 6000 ] || return 1
	done
}

work() {
	shown '\bexit ' || return 1
	/guest/work /tmp/heard >/tmp/known || return 1
	shown "\bexit *$(tail -n 1 /tmp/known | cut -d' ' -f2) "
}

# It runs until it has shown the last action.
listens() {
	local status=0
	rm -f /tmp/heard /tmp/known
	become "$1" >/tmp/heard &
	listener=$!
	work || status=1
	kill -TERM "$listener"
	wait "$listener"
	cat /tmp/heard
	return "$status"
}

# Processes run at the same time, so the order is that of each.
hears_what_was_done() {
	expected "$1" | sort -s -n -k2,2 >/tmp/expected
	received "$1" | sort -s -n -k2,2 >/tmp/received
	[ -s /tmp/expected ] && diff /tmp/expected /tmp/received
}

echo 'KTAP version 1'
echo "# provider: $EVENTS"
load_connector rust
grep -q '^cn_proc ' /proc/net/connector || insmod /lib/modules/rust/cn_proc.ko
# Python needs random numbers.
[ ! -d /debian ] || { mkdir /debian/dev && mount -t devtmpfs devtmpfs /debian/dev; }
for program in $PROGRAMS; do
	check "$program.listens" listens "$program"
	sed 's/^/# /' "$STEP_OUTPUT"
	check "$program.hears_what_was_done" hears_what_was_done "$program"
done
