#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# What was sent is received or counted as lost, readers that do not read stall nobody, and sockets leave nothing behind:
# in the full form, with slab_debug=F, a processor keeps no objects at hand, which would count as allocated (slab.h).
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
