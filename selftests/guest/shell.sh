#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The job of "make shell": the connector, process events and the samples loaded, and a shell.

# shellcheck source=selftests/guest/steps.sh
. /guest/steps.sh
load_connector rust
for module in /lib/modules/rust/cn_proc.ko /lib/modules/samples/*.ko /lib/modules/c/wire.ko /lib/modules/test/cn_client.ko; do
	insmod "$module"
done
stty sane
stty rows "${GUEST_ROWS:-24}" cols "${GUEST_COLS:-80}"
echo
echo 'Loaded:'
sed 's/ .*//; s/^/  /' /proc/modules
echo
echo 'Modules are in /lib/modules, test programs in /selftests, samples in /bin; dmesg shows the kernel log.'
echo 'Try: cnctl list; cnctl send --reply 20:1 hello; cnctl listen 21; cnctl proc; cnctl --help'
echo 'Leave with "exit"; if the guest hangs, with Ctrl-A X.'
echo
export PS1='guest:\w# ' ENV=
cd /root && sh -i
# Without the verdict that other jobs end with.
stty sane
reboot -f
