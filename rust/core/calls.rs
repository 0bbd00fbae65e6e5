// SPDX-License-Identifier: GPL-2.0

//! The calls of something that can be unregistered: a callback, a watcher.
//!
//! A reference count that is split in two words which only grow: how many calls were entered, and
//! how many have left. The registration itself counts as one. While both differ, the subject is in
//! use; the second word also says how many calls there were, so that the receive path has no other
//! counter to change.
//!
//! Unregistering marks the first word as dead, after which no call is entered any more, and leaves
//! for the registration. Whoever leaves last, which exactly one does, reclaims the subject.
//!
//! | caller                              | task that unregisters             |
//! |-------------------------------------|-----------------------------------|
//! | enters, unless dead (A: full)       | takes the subject out of the table|
//! | calls                               | marks it as dead (A: full)        |
//! | leaves (B: full)                    | leaves (B: full)                  |
//! | looks whether it is dead and was last | looks whether it was last       |
//!
//! A: both change the same word, so that a call is either counted before the mark, or refused. B:
//! of those who leave, the last one sees all that the others did, the mark included.
//!
//! The memory of the subject must stay until an RCU grace period after it was reclaimed: a caller
//! that found it in the table looks at the first word under the RCU read lock.
//!
//! C counterparts: `refcount_inc_not_zero()` and `refcount_dec_and_test()` in
//! `include/linux/refcount.h`.

use crate::once::{compare_exchange, fetch_add, read_once};
use kernel::sync::atomic::Atomic;

/// The bit of `entered` that says that no more calls may be entered.
const DEAD: u64 = 1 << 63;

/// Counts calls; see the head of this file.
pub(crate) struct Calls {
    /// How many were entered, the registration included; and [`DEAD`].
    entered: Atomic<u64>,
    /// How many of them have left.
    left: Atomic<u64>,
}

impl Calls {
    /// Nothing was called yet; it is registered.
    pub(crate) const fn new() -> Self {
        Self {
            entered: Atomic::new(1),
            left: Atomic::new(0),
        }
    }

    /// Enters a call, unless the subject is dead.
    ///
    /// Retries only if others have entered at the same moment.
    #[inline(always)]
    #[must_use]
    pub(crate) fn try_enter(&self) -> bool {
        let mut entered = read_once(&self.entered);
        while entered & DEAD == 0 {
            match compare_exchange(&self.entered, entered, entered.wrapping_add(1)) {
                Ok(()) => return true,
                Err(now) => entered = now,
            }
        }
        false
    }

    /// Leaves a call, or the registration. Returns whether the subject is to be reclaimed, which is
    /// said to exactly one. The others must not look at it any more.
    #[inline(always)]
    #[must_use]
    pub(crate) fn leave(&self) -> bool {
        let left = fetch_add(&self.left, 1).wrapping_add(1);
        // Two loads of the same cache line; most often the subject is alive.
        let entered = read_once(&self.entered);
        entered & DEAD != 0 && left == entered & !DEAD
    }

    /// Refuses all further calls. To be called once; [`Self::leave`] must follow.
    pub(crate) fn kill(&self) {
        fetch_add(&self.entered, DEAD);
    }

    /// Whether calls are refused.
    pub(crate) fn is_dead(&self) -> bool {
        read_once(&self.entered) & DEAD != 0
    }

    /// How many calls have left, while the subject is registered.
    pub(crate) fn completed(&self) -> u64 {
        read_once(&self.left)
    }
}
