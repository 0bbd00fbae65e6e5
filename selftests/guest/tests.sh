#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The job of "make test": all tests on one connector or several, in KTAP, with the programs' own TAP in it.

cd /selftests || exit 1
# shellcheck source=selftests/guest/steps.sh
. /guest/steps.sh
# shellcheck source=scripts/ktap/ktap.sh
. /guest/ktap.sh
# shellcheck source=selftests/guest/samples.sh
. /guest/samples.sh
# shellcheck source=selftests/guest/cnctl.sh
. /guest/cnctl.sh

# run_program <program> [option...]
run_program() {
	local program=$1
	shift
	if [ "$program" != client ] || prepare_client; then
		program "$program" timeout -s KILL "${PROGRAM_SECONDS:-$(sed -n 's/^timeout=//p' settings)}" "./$program" "$@"
	else
		failed "$program" 'its modules did not load'
	fi
}

# The kernel's own sample and its program: a counter each second, received at least twice.
sample_is_heard() {
	ucon >/tmp/ucon &
	sleep 3
	kill $!
	wait $! 2>/dev/null
	cat /tmp/ucon
	[ "$(grep -c ': \[' /tmp/ucon)" -ge 2 ]
}

# 10,000 messages to the sample's callback, each of which it prints; so not on the serial line.
sample_hears() {
	local status=0
	dmesg -n 3
	ucon -s >/tmp/ucon || status=1
	dmesg -n 8
	cat /tmp/ucon
	[ "$(grep -c '1000 messages have been sent' /tmp/ucon)" -eq 10 ] || status=1
	dmesg | tail -n 1 | grep -q 'cn_test_callback: .*seq=0, ack=0, len=0' || status=1
	return $status
}

listed() {
	grep -q 'cn_test' /proc/net/connector
}

try_kernel_sample() {
	check kernel.cn_test_loads insmod /lib/modules/c/cn_test.ko || return
	check kernel.cn_test_is_listed listed
	check kernel.ucon_receives sample_is_heard
	check kernel.ucon_sends sample_hears
	check kernel.cn_test_unloads unload cn_test
}

run_provider() {
	export CN_PROVIDER=$1
	echo "# provider: $1"
	export CN_MODULE_DIR=/lib/modules/$1 CN_C_MODULE_DIR=/lib/modules/c CN_TEST_MODULE_DIR=/lib/modules/test
	use_modprobe_of "$1"
	check module.loads load_connector "$1" || return
	[ -n "$SKIP_KERNEL_SAMPLE" ] || try_kernel_sample
	# They need the crate, which is of our connector.
	[ -n "$SKIP_SAMPLES" ] || [ "$1" = c ] || try_samples
	[ -n "$SKIP_CNCTL" ] || try_cnctl
	# A program, and options that choose some of its tests.
	while read -r program options; do
		# shellcheck disable=SC2086
		run_program "$program" $options
	done </guest/programs
	check module.unloads unload_everything
}

# The file names the connectors of this run (PROVIDERS), and the parts that are left out besides the
# programs.
# shellcheck source=/dev/null
. /guest/selection
echo 'KTAP version 1'
for provider in $PROVIDERS; do
	run_provider "$provider"
done
