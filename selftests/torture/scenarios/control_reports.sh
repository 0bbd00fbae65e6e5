#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Injected bugs. The kernel must report each on the console, and the run must count as failed: the proof that the other
# scenarios can fail. Lockdep stops looking after the first order of locks that it complains of, and
# after what taints; so those that it notices come first, and that one last of them.
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
