#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The job on a kernel of Debian: that it is the one meant, and takes Rust modules that were built for it. In KTAP.

# shellcheck source=selftests/guest/steps.sh
. /guest/steps.sh
# shellcheck source=scripts/ktap/ktap.sh
. /guest/ktap.sh

release_is_as_built_for() {
	uname -a
	[ "$(uname -r)" = "$RELEASE" ]
}

connector_is_built_in() {
	cat /proc/net/connector
	! is_loaded cn && grep -q '/connector/cn\.ko$' "/lib/modules/$RELEASE/modules.builtin"
}

# The kernel's log has a line of the probe: probe_says <text>
probe_says() {
	dmesg | grep '] stock_probe: '
	dmesg | grep '] stock_probe: ' | tail -n 1 | grep -q "$1"
}

loads_with_modprobe() {
	mkdir -p "/lib/modules/$RELEASE/extra"
	cp /guest/stock_probe.ko "/lib/modules/$RELEASE/extra/"
	depmod "$RELEASE" && modprobe stock_probe && is_loaded stock_probe && modprobe -r stock_probe && ! is_loaded stock_probe
}

# What the kernel says of modules that are not for it, or not whole.
kernel_does_not_complain() {
	! dmesg | grep -iE 'BTF|vermagic|disagrees|Unknown symbol|invalid module|exports duplicate|loading .* failed'
}

# A module of others, without a signature: the kernel is tainted by nothing else.
taint_is_that_of_such_modules() {
	cat /proc/sys/kernel/tainted
	[ "$(cat /proc/sys/kernel/tainted)" = $((4096 + 8192)) ]
}

# The file says which kernel is meant.
# shellcheck source=/dev/null
. /guest/stock.conf
echo 'KTAP version 1'
check stock.release release_is_as_built_for
check stock.connector_is_built_in connector_is_built_in
check stock.probe_loads insmod /guest/stock_probe.ko
check stock.probe_runs probe_says 'loaded, 42$'
check stock.probe_unloads unload stock_probe
check stock.probe_ends probe_says 'unloaded$'
check stock.modprobe loads_with_modprobe
check stock.no_complaint kernel_does_not_complain
check stock.taint taint_is_that_of_such_modules
