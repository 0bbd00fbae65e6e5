#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The job of "make profile": messages to one callback, 301 of them, between two lines that mark the
# interval for the host. The file profile.conf, packed beside this one, sets PROVIDER (c, rust or
# baseline).

# shellcheck source=selftests/guest/steps.sh
. /guest/steps.sh
# shellcheck source=/dev/null
. /guest/profile.conf
export BENCH_MODE=wall BENCH_ROUND=1 CN_PROVIDER="$PROVIDER"
PATH=/bench:$PATH

unload_everything || exit 1
insmod /lib/modules/bench/bench_sender.ko && insmod /lib/modules/bench/bench_baseline.ko || exit 1
callbacks=1
if [ "$PROVIDER" = baseline ]; then
	callbacks=
else
	load_connector "$PROVIDER" && insmod /lib/modules/bench/bench_client.ko || exit 1
fi
grep '\[' /proc/kallsyms | sed 's/^/symbol /'
# The host takes a while to begin and to end sampling.
echo '# begin'
sleep 3
# shellcheck disable=SC2086
dispatch $callbacks ${callbacks:+first} >/dev/null || exit 1
echo '# end'
sleep 3
