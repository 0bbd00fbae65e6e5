#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Process events: a storm of short processes with listeners of all kinds, and leaks of listeners
# that have ended. leaks.sh has a short form.
#
# torture.full: 7200
# torture.append: kmemleak=on

# shellcheck source=selftests/torture/scenario.sh
. /guest/scenario.sh

hooks_are_off() {
	local try
	for try in $(seq 20); do
		grep '^attached$' /proc/net/cn_proc && return 0
		sleep 1
	done
	cat /proc/net/cn_proc
	return 1
}

load cn cn_proc
step process_events.storm storm_processes "$(pick 0 100000)"
step processes.detached hooks_are_off
step processes.proc_test /selftests/proc_test -f listeners -f rights -f namespaces -f hooks -f limit -f many_listeners -f users
unload cn_proc
step process_events.leaks count_leaks
finish
