#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Everything at once: registering, unregistering, sending, loading, unloading, closing, killing.
#
# torture.small: 1200
# torture.full: 14400

# shellcheck source=selftests/guest/torture.sh
. /guest/torture.sh

echo /none >/proc/sys/kernel/modprobe

step 5.reload storm_reload "$(pick 20 1000)" 2
step 7.loads storm_reload "$(pick 20 1000)" 1
load cn cn_client cn_rust_client steps
step 3.register storm_register "$(pick 10000 1000000)" 3
step 3.handlers storm_handlers "$(pick 1000 200000)" 3
step 5.clients storm_clients "$(pick 12 1000)" 3
step 4.inside storm_steps "$(pick 1000 60000)" "$SEED"
step 18.owners storm_owners "$(pick 2000 1000000)"
finish
