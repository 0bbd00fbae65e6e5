# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# What jobs of the guest share: loading and unloading, and waiting. Sourced.

is_loaded() {
	grep -q "^$1 " /proc/modules
}

# A socket that was just closed holds the connector for the rest of an RCU grace period.
unload() {
	local try
	for try in 1 2 3 4 5 6 7 8 9 10; do
		is_loaded "$1" || return 0
		[ "$try" -eq 1 ] || sleep 0.2
		rmmod "$1" 2>/tmp/rmmod && return 0
	done
	cat /tmp/rmmod
	return 1
}

# In the order of their use of each other. Modules that are not loaded are skipped; cn_entry stays.
unload_everything() {
	local module
	for module in $(sed 's/ .*//' /proc/modules | grep -vE '^cn(_guest|_entry)?$') cn cn_guest; do
		unload "$module" || return 1
	done
}

# Loads the connector of a provider, unless one is loaded or built in: load_connector c|rust|guest.
load_connector() {
	if [ "$1" = guest ]; then
		is_loaded cn_entry || insmod /lib/modules/guest/cn_entry.ko || return
		is_loaded cn_guest || insmod /lib/modules/guest/cn_guest.ko
	else
		[ -e /proc/net/connector ] || insmod "/lib/modules/$1/cn.ko"
	fi
}

# The modules for the tests of the client crate: process events, and the C client. The kselftests
# load their modules themselves.
prepare_client() {
	unload cn_rust_client || return 1
	load_connector "$CN_PROVIDER" || return 1
	[ "$CN_PROVIDER" != rust ] || is_loaded cn_proc || insmod /lib/modules/rust/cn_proc.ko || return 1
	is_loaded cn_client || insmod /lib/modules/test/cn_client.ko
}

# Options of the kselftest harness for one fixture of a program or for all: fixture_options <program[.fixture]>
fixture_options() {
	case $1 in
	*.*) echo "-f ${1#*.}" ;;
	esac
}

# Lets modprobe, and so the autoload by socket(2), find the connector of a provider.
use_modprobe_of() {
	ln -sfn "/lib/modules/modprobe-$1" "/lib/modules/$(uname -r)"
}

# Is a program in the groups of this mask, and in no other? Family 11 is the connector, and the fourth
# column of its line has the groups.
is_in_group() {
	grep -qE "^[^ ]+ +11 +[0-9]+ +$1 " /proc/net/netlink
}

# Waits for a minute at most until a command succeeds: eventually <command...>
eventually() {
	local try=0
	until "$@"; do
		try=$((try + 1))
		if [ "$try" -eq 600 ]; then
			echo "waited in vain for: $*"
			return 1
		fi
		usleep 100000
	done
}
