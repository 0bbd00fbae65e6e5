#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Injected bugs. The kernel must report each on the console, and the run must count as failed. This
# proves that the other scenarios can fail. Lockdep stops checking after its first report of a lock
# order, and after a taint. So the bugs that it reports come first, and the lock order last of them.
#
# torture.small: 300
# torture.full: 300
# torture.append: panic_on_warn=0 kasan_multi_shot
# torture.append_full: kmemleak=on
# torture.control: suspicious RCU usage
# torture.control: BUG: sleeping function called
# torture.control: possible circular locking
# torture.control: BUG: KASAN: slab-out-of-bounds in bounds
# torture.control: BUG: KASAN: slab-use-after-free in freed
# torture.control_full: new suspected memory leaks

# shellcheck source=selftests/torture/scenario.sh
. /guest/scenario.sh

for what in rcu sleep locks bounds freed $(either "" leak); do
	insmod /lib/modules/torture/inject_bug.ko what="$what"
	rmmod inject_bug
done
[ "$TORTURE" = small ] || step leaks count_leaks
finish
