// SPDX-License-Identifier: GPL-2.0

//! The calls of something that can be unregistered: a callback, a watcher.
//!
//! A reference count that is split in two words which only grow: how many calls were entered, and
//! how many have left. The registration itself counts as one. While both differ, the subject is in
//! use; the second word also says how many calls there were, so that the receive path has no other
//! counter to change.
//!
//! Unregistering marks the first word as dead. From then on no call is entered, so the number of
//! calls is final. The second word is then raised, so that it reaches [`DEAD`] when all calls but
//! one have left. Then unregistering leaves for the registration. The task that leaves last
//! reclaims the subject; there is exactly one.
//!
//! | caller                        | task that unregisters              |
//! |-------------------------------|------------------------------------|
//! | enters, unless dead (A: full) | takes the subject out of the table |
//! | calls                         | marks it as dead (A: full)         |
//! |                               | moves the second word up           |
//! | leaves (B: full)              | leaves (B: full)                   |
//!
//! A: both change the same word, so a call is either counted before the mark, or refused. (A
//! refused call changes the word, too; its count is not read after the mark.)
//!
//! B: the task that leaves last sees everything that the others did. The operation itself returns
//! whether it was the last one. All other tasks must not access the subject any more, since it can
//! be reclaimed and freed at that moment.
//!
//! The memory of the subject must stay until an RCU grace period after it was reclaimed: a caller
//! that found it in the table looks at the first word under the RCU read lock.
//!
//! `selftests/litmus` has both in the kernel's memory model (calls-, memory-).
//!
//! C counterparts: `refcount_inc_not_zero()` and `refcount_dec_and_test()` in
//! `include/linux/refcount.h`.

#![forbid(unsafe_code)]

use crate::sync::{fetch_add, read_once};
use kernel::sync::atomic::Atomic;

/// The bit of `entered` that says that no more calls may be entered; and what `left` is when all of
/// a dead subject but one have left. So the last one learns it from what it finds.
const DEAD: u64 = 1 << 63;

/// Counts calls; see the head of this file.
pub(crate) struct Calls {
    /// How many were entered, the registration included; and [`DEAD`].
    entered: Atomic<u64>,
    /// How many of them have left; of a dead subject, one more than [`DEAD`] less how many have
    /// not.
    left: Atomic<u64>,
}

impl Calls {
    /// Registered, and not called yet.
    pub(crate) const fn new() -> Self {
        Self {
            entered: Atomic::new(1),
            left: Atomic::new(0),
        }
    }

    /// Enters a call, unless the subject is dead. One atomic operation, without a loop.
    #[inline(always)]
    #[must_use]
    pub(crate) fn try_enter(&self) -> bool {
        // A: pairs with the mark in `kill`. The count is not read after the mark: `kill` reads it
        // together with the mark.
        fetch_add(&self.entered, 1) & DEAD == 0
    }

    /// Leaves a call, or the registration. Returns true to exactly one caller, which reclaims the
    /// subject. All others must not access the subject any more.
    #[inline(always)]
    #[must_use]
    pub(crate) fn leave(&self) -> bool {
        // B: pairs with itself, in the calls that have left before.
        fetch_add(&self.left, 1) & DEAD != 0
    }

    /// Refuses all further calls. To be called once; [`Self::leave`] must follow, once, for the
    /// registration.
    pub(crate) fn kill(&self) {
        // A: pairs with `try_enter`.
        let entered = fetch_add(&self.entered, DEAD);
        // The registration itself has not left, so that this does not go beyond `DEAD`.
        fetch_add(&self.left, DEAD.wrapping_sub(entered).wrapping_add(1));
    }

    /// Whether calls are refused.
    pub(crate) fn is_dead(&self) -> bool {
        read_once(&self.entered) & DEAD != 0
    }

    /// Whether calls are refused, and all have left, the registration included.
    pub(crate) fn are_over(&self) -> bool {
        read_once(&self.left) > DEAD
    }

    /// How many calls have left, while the subject is registered; [`None`] when it is not any more.
    pub(crate) fn completed(&self) -> Option<u64> {
        let left = read_once(&self.left);
        (left < DEAD / 2).then_some(left)
    }
}
