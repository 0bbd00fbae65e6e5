#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# A fuzzer that knows the format: operations of all kinds, every byte received and every counter compared with what
# should be there (fuzz.c). Then once more, led by what is reached in the connector; in the full form what was not reached
# is listed.
#
# torture.small: 300
# torture.full: 21600

# shellcheck source=selftests/guest/torture.sh
. /guest/torture.sh

step 1.datagrams fuzz "seed=$SEED" "operations=$(pick 20000 5000000)"
grep -E '^1[123]\.fuzzer ' /tmp/step | while read -r name figure; do
	passed "$name" "$figure"
done
step 1.coverage env CN_MODULE_DIR=/lib/modules/coverage fuzz coverage "seed=$SEED" "operations=$(pick 4000 500000)"
[ "$TORTURE" = small ] || sed -n 's/^way: /# /p' /tmp/step | cut -c1-400
finish
