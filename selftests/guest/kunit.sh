#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The unit tests run when a connector that was built with them is loaded into a kernel that was started with
# KUnit on; their results are on the kernel's console.

cn=cn
[ -e /lib/modules/kunit/cn.ko ] || cn=cn_guest
insmod "/lib/modules/kunit/$cn.ko" && rmmod "$cn"
