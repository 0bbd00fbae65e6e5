#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# A leak on purpose must be found by the same steps that find none of the connector (leaks.sh).
#
# torture.small: 300
# torture.full: 300
# torture.append: kmemleak=on
# torture.control: new suspected memory leaks

# shellcheck source=selftests/guest/torture.sh
. /guest/torture.sh

insmod /lib/modules/torture/mistake.ko what=leak && rmmod mistake
step leaks count_leaks
finish
