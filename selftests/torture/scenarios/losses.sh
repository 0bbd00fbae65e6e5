#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Each sent message is received or counted as lost. Readers that do not read delay no sender.
# Sockets leave nothing behind. In the full form, slab_debug=F keeps processors from caching free
# objects, which would count as allocated (slab.h).
#
# torture.small: 1200
# torture.full: 28800
# torture.append_full: slab_debug=F

# shellcheck source=selftests/torture/scenario.sh
. /guest/scenario.sh

load cn cn_client
step delivery_totals.group losses group "$(pick 12000 5000000)"
step delivery_totals.port losses port "$(pick 12000 5000000)"
step notification_totals.notify losses notify "$(pick 12000 6000000)"
step silent_readers.silent silent "$(either 20 100)" 200
# In the small form numbers.sh does it: to count objects takes 15 s on this kernel.
[ "$TORTURE" = small ] || step opened_sockets.sockets sockets "$(pick 0 1000000)"
finish
