#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The unit tests in the kernel. Their results are on the console.
#
# torture.full: 300
# torture.append: kunit.enable=1 kunit.autorun=1

# shellcheck source=selftests/torture/scenario.sh
. /guest/scenario.sh

unit_tests() {
	insmod /lib/modules/kunit/cn.ko && rmmod cn || return
	dmesg | grep -E ' +(not )?ok [0-9]+ ' | sed -E 's/^\[[^]]*\] *(\[[^]]*\])?//' >/tmp/unit
	grep 'not ok' /tmp/unit && return 1
	[ -s /tmp/unit ] || return 1
	echo "$(grep -c . /tmp/unit) lines of results"
}

step unit_tests unit_tests
finish
