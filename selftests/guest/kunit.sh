#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The unit tests inside cn.ko run when it is loaded into a kernel that was started with KUnit on; their
# results are on the kernel's console.

insmod /lib/modules/rust/cn.ko && rmmod cn
