# SPDX-License-Identifier: GPL-2.0
#
# Options that Linux 7.2 names otherwise than the newest kernel, whose names the files here have.

s/^CONFIG_SYSCTL=/CONFIG_PROC_SYSCTL=/
