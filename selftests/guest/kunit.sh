#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The unit tests run when a cn.ko that was built with them is loaded into a kernel that was started with
# KUnit on; their results are on the kernel's console.

insmod /lib/modules/kunit/cn.ko && rmmod cn
