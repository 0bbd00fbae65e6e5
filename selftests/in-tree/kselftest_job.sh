#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The job of in-tree/kselftest.sh: the installed kselftests of a kernel tree, on the connector that modprobe finds. The
# programs do not know where they run.

# shellcheck source=selftests/guest/steps.sh
. /guest/steps.sh
# shellcheck source=/dev/null
. /debian/provider
use_modprobe_of "$PROVIDER"
# The programs write there.
ln -s /proc/self/fd/1 /dev/stdout
sh /debian/run_kselftest.sh
