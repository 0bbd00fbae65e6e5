#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Two locks taken in both orders must be noticed before they ever wait for each other.
#
# torture.small: 300
# torture.full: 300
# torture.control: possible circular locking

# shellcheck source=selftests/guest/torture.sh
. /guest/torture.sh

insmod /lib/modules/torture/mistake.ko what=locks
