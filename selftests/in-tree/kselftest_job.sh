#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The job of in-tree/kselftest.sh: what the kernel's kselftests installed, on the connector that modprobe finds. The programs
# know nothing of where they run.

# shellcheck source=selftests/guest/steps.sh
. /guest/steps.sh
# shellcheck source=/dev/null
. /debian/provider
use_modprobe_of "$PROVIDER"
# What the programs say goes there.
ln -s /proc/self/fd/1 /dev/stdout
sh /debian/run_kselftest.sh
