#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The same operations on the C connector and on ours, in one boot of the plain kernel. Their
# results, the received messages, and /proc/net/connector may differ only as differences.txt lists.
# Datagrams of every length may not differ at all.
#
# torture.small: 600
# torture.full: 14400
# torture.kernel: plain
# torture.memory: 2G

# shellcheck source=selftests/torture/scenario.sh
. /guest/scenario.sh

# On a connector that is loaded for it.
try_lengths() {
	local status=0
	insmod "/lib/modules/$1/cn.ko" && insmod /lib/modules/test/cn_client.ko || return 1
	lengths "$(either edges all)" || status=$?
	rmmod cn_client cn && return $status
}

for provider in c rust; do
	step "$provider" env "CN_PROVIDER=$provider" "CN_MODULE_DIR=/lib/modules/$provider" \
		fuzz common "seed=$SEED" "operations=$(pick 20000 1000000)" "log=/tmp/$provider" || exit 1
done
for provider in c rust; do
	step "corrupt_lengths.lengths_$provider" try_lengths "$provider"
done
# torture.conf lists the allowed differences.
# shellcheck disable=SC2086
step same_operations compare_logs /tmp/c /tmp/rust $DIFFERENCES
finish
