#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# A fuzzer that knows the format: operations of all kinds, every byte received and every counter compared with what
# should be there (fuzz.c).
#
# torture.small: 240
# torture.full: 14400

# shellcheck source=selftests/guest/torture.sh
. /guest/torture.sh

step 1.datagrams fuzz "seed=$SEED" "operations=$(pick 20000 5000000)"
finish
