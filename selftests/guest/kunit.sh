#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The unit tests run when a connector that was built with them is loaded into a kernel that was started with
# KUnit on; their results are on the kernel's console.

cn=cn
if [ -e /lib/modules/kunit/cn_guest.ko ]; then
	cn=cn_guest
	insmod /lib/modules/kunit/cn_entry.ko
fi
insmod "/lib/modules/kunit/$cn.ko" && rmmod "$cn"
