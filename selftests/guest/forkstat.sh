#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# forkstat, as Debian has it, hears what selftests/real/work.c does: each event of each process in order, compared with what
# that program says of itself. /guest/forkstat.conf has the name under which the results are told (EVENTS). Writes
# what tests.sh writes.

# shellcheck source=selftests/guest/steps.sh
. /guest/steps.sh
# shellcheck source=/dev/null
. /guest/forkstat.conf

check() {
	local name=$1
	shift
	if "$@" >/tmp/check 2>&1; then
		echo "@check $EVENTS $name ok"
	else
		sed 's/^/# /' /tmp/check
		echo "@check $EVENTS $name failed"
	fi
}

# Waits until forkstat has shown a line that matches.
shown() {
	local try=0
	until grep -qs "$1" /tmp/heard; do
		(exit 1)
		usleep 10000
		try=$((try + 1))
		[ "$try" -lt 2000 ] || return 1
	done
}

listen_to_work() {
	local last
	rm -f /tmp/heard
	forkstat -l -e all >/tmp/heard &
	listener=$!
	shown ' exit ' || return 1
	/guest/work >/tmp/known || return 1
	last=$(tail -n 1 /tmp/known | cut -d' ' -f2)
	shown " exit *$last "
	kill -INT "$listener"
	wait "$listener"
	cat /tmp/heard
}

# What forkstat shows of what was done; it has no line for a group id.
# shellcheck disable=SC2016
awk_known='
	$1 == "fork" { print "fork", $3, "child" }
	$1 == "exec" || $1 == "comm" { print $1, $2 }
	$1 == "uid" { print "uid", $2, $3 }
	$1 == "sid" { print "sid", $2, $2 }
	$1 == "ptrace" { print "ptrce", $2, $3 ? "attach" : "detach" }
	$1 == "exit" { print "exit", $2, $3 }'
# shellcheck disable=SC2016
awk_heard='
	FNR == NR { if ($1 == "fork") of_work[$3] = 1; next }
	!($3 in of_work) { next }
	$2 == "fork" && $4 == "parent" { next }
	$2 == "exec" || $2 == "comm" { print $2, $3; next }
	{ print $2, $3, $4 }'

# Processes run at the same time, so the order is that of each.
hears_what_was_done() {
	awk "$awk_known" /tmp/known | sort -s -n -k2,2 >/tmp/known.events
	awk "$awk_heard" /tmp/known /tmp/heard | sort -s -n -k2,2 >/tmp/heard.events
	[ -s /tmp/known.events ] && diff /tmp/known.events /tmp/heard.events
}

load_connector rust
grep -q '^cn_proc ' /proc/net/connector || insmod /lib/modules/rust/cn_proc.ko
check forkstat.listens listen_to_work
sed 's/^/# /' /tmp/check
check forkstat.hears_what_was_done hears_what_was_done
