#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Mistakes on purpose, each of which must be on the console afterwards, and the run must count as failed: the
# proof that the other parts can fail. Lockdep goes first, because it stops looking after any complaint of
# another kind that taints.
#
# torture.small: 300
# torture.full: 300
# torture.append: panic_on_warn=0 kasan_multi_shot
# torture.control: suspicious RCU usage
# torture.control: BUG: sleeping function called
# torture.control: BUG: KASAN: slab-out-of-bounds in bounds
# torture.control: BUG: KASAN: slab-use-after-free in freed

# shellcheck source=selftests/guest/torture.sh
. /guest/torture.sh

for what in rcu sleep bounds freed; do
	insmod /lib/modules/torture/mistake.ko what=$what
	rmmod mistake
done
