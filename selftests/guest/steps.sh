# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Loading and unloading in the guest. Sourced.

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

# In the order in which they use each other; what is not loaded is passed over.
unload_everything() {
	local module
	for module in $(sed 's/ .*//' /proc/modules | grep -v '^cn$') cn; do
		unload "$module" || return 1
	done
}

# Loads the connector of a provider, unless one is there, loaded or built in: load_connector c|rust.
load_connector() {
	[ -e /proc/net/connector ] || insmod "/lib/modules/$1/cn.ko"
}

# Lets modprobe, and so the autoload by socket(2), find the connector of a provider.
use_modprobe_of() {
	ln -sfn "/lib/modules/modprobe-$1" "/lib/modules/$(uname -r)"
}
