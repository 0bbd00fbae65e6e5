#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Modules that exit in the middle of any operation, and one that does random operations, as in callers.sh. On the plain kernel,
# since 10,000 of them take hours on one that is full of checks.
#
# torture.full: 7200
# torture.kernel: plain
# torture.memory: 2G

# shellcheck source=selftests/torture/scenario.sh
. /guest/scenario.sh

echo /none >/proc/sys/kernel/modprobe
load cn cn_client
step modules_leaving.many storm_random "$(pick 60 10000)" 0 30 3
step random_programs.many storm_random 1 "$(pick 3000 100000)" 2000 3
finish
