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

# The lines that it shows of the work if it receives all events. The second field is the process.
# forkstat has no line for a group id. listen.py writes the lines of work.c, with the parent first.
# shellcheck disable=SC2016
known() {
	case $1 in
	forkstat) awk '
		$1 == "fork" { print "fork", $3, "child" }
		$1 == "exec" || $1 == "comm" { print $1, $2 }
		$1 == "uid" { print "uid", $2, $3 }
		$1 == "sid" { print "sid", $2, $2 }
		$1 == "ptrace" { print "ptrce", $2, $3 ? "attach" : "detach" }
		$1 == "exit" { print "exit", $2, $3 }' /tmp/known ;;
	pyroute2) awk '
		$1 == "fork" { child = $3; $3 = $2; $2 = child }
		{ print }' /tmp/known ;;
	esac
}

# The lines that it has shown of the processes of work.c.
# shellcheck disable=SC2016
heard() {
	case $1 in
	forkstat) awk '
		FNR == NR { if ($1 == "fork") of_work[$3] = 1; next }
		!($3 in of_work) { next }
		$2 == "fork" && $4 == "parent" { next }
		$2 == "exec" || $2 == "comm" { print $2, $3; next }
		{ print $2, $3, $4 }' /tmp/known /tmp/heard ;;
	pyroute2) awk '
		$1 == "fork" { child = $3; $3 = $2; $2 = child }
		FNR == NR { if ($1 == "fork") of_work[$2] = 1; next }
		$2 in of_work { print }' /tmp/known /tmp/heard ;;
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
	known "$1" | sort -s -n -k2,2 >/tmp/known.events
	heard "$1" | sort -s -n -k2,2 >/tmp/heard.events
	[ -s /tmp/known.events ] && diff /tmp/known.events /tmp/heard.events
}

echo 'KTAP version 1'
echo "# provider: $EVENTS"
load_connector rust
grep -q '^cn_proc ' /proc/net/connector || insmod /lib/modules/rust/cn_proc.ko
# Python needs random numbers.
[ ! -d /debian ] || { mkdir /debian/dev && mount -t devtmpfs devtmpfs /debian/dev; }
for program in $PROGRAMS; do
	check "$program.listens" listens "$program"
	sed 's/^/# /' "$SAID"
	check "$program.hears_what_was_done" hears_what_was_done "$program"
done
