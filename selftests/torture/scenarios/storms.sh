#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Everything at once: registering, unregistering, sending, loading, unloading, closing, killing.
#
# torture.small: 1200
# torture.full: 14400

# shellcheck source=selftests/torture/scenario.sh
. /guest/scenario.sh

echo /none >/proc/sys/kernel/modprobe

step loads_under_senders.reload storm_reload "$(pick 20 1000)" 2
step messages_while_loading.loads storm_reload "$(pick 20 1000)" 1
load cn cn_client cn_rust_client steps
step registration_storm.register storm_register "$(pick 10000 1000000)" 3
step registration_storm.handlers storm_handlers "$(pick 1000 200000)" 3
step loads_under_senders.clients storm_clients "$(pick 12 1000)" 3
step unregister_from_inside.inside storm_steps "$(pick 1000 60000)" "$SEED"
step dead_requests.owners storm_owners "$(pick 2000 1000000)"
finish
