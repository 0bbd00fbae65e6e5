#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Two locks taken in both orders must be noticed before they ever wait for each other, and stop the kernel, as in
# all parts.
#
# torture.small: 60
# torture.full: 60
# torture.control: possible circular locking
# torture.control: Kernel panic

# shellcheck source=selftests/guest/torture.sh
. /guest/torture.sh

insmod /lib/modules/torture/mistake.ko what=locks
