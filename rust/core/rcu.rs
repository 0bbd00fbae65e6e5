// SPDX-License-Identifier: GPL-2.0

//! Pointers that are followed under RCU, and freeing after a grace period.
//!
//! C counterparts: `rcu_dereference()`, `rcu_assign_pointer()` and `kvfree_rcu_mightsleep()` in
//! `include/linux/rcupdate.h`.

use crate::{atomic::read_once, entry_list::Changes};
use connector_base::bindings;
use kernel::{
    prelude::*,
    sync::{
        atomic::{Atomic, Release},
        rcu::Guard,
    },
};

/// Who may follow pointers that others change.
///
/// # Safety
///
/// What such a pointer led to is not freed while this lives.
pub(crate) unsafe trait Reader {}

// SAFETY: What is taken away from readers is freed a grace period later at the earliest.
unsafe impl Reader for Guard {}

/// Keeps the running task on its processor, which RCU waits for as for the RCU read lock. Takes a
/// third of that lock's instructions; for look-ups that are counted.
pub(crate) struct Preemption(());

impl Preemption {
    /// Turns preemption off until the result is dropped. Context: any.
    #[inline(always)]
    pub(crate) fn disable() -> Self {
        // SAFETY: In any context; the drop turns it on again.
        unsafe { bindings::cn_glue_preempt_disable() };
        Self(())
    }
}

impl Drop for Preemption {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: `disable` has turned it off.
        unsafe { bindings::cn_glue_preempt_enable() };
    }
}

// SAFETY: As for the guard: a grace period ends only after all processors were preemptible.
unsafe impl Reader for Preemption {}

// SAFETY: Only the holder of this takes anything away.
unsafe impl Reader for Changes {}

/// A pointer which is read without a lock.
#[repr(transparent)]
pub(crate) struct RcuPointer<T>(Atomic<*mut T>);

// SAFETY: All zeroes is a null pointer.
unsafe impl<T> Zeroable for RcuPointer<T> {}

impl<T> RcuPointer<T> {
    /// A pointer to `pointee`.
    pub(crate) const fn new(pointee: *mut T) -> Self {
        Self(Atomic::new(pointee))
    }

    /// Reads the pointer.
    ///
    /// What was written to the pointee before [`Self::set`] is visible through the result. Whether
    /// the pointee is still there while the reader lives is up to those who free it.
    #[inline]
    pub(crate) fn read(&self, _reader: &impl Reader) -> *mut T {
        read_once(&self.0)
    }

    /// Publishes `new`: who reads it sees all that was written before.
    #[inline]
    pub(crate) fn set(&self, new: *mut T) {
        self.0.store(new, Release);
    }
}

/// Frees memory after a grace period, without running a destructor.
///
/// May sleep; waits for the grace period only where memory is so short that it can't be deferred.
///
/// # Safety
///
/// `memory` must come from `kmalloc()` or `kvmalloc()`, new readers must not be able to find it,
/// and nobody must use it but readers who found it earlier.
pub(crate) unsafe fn free_deferred<T>(memory: *mut T) {
    // SAFETY: By the safety requirements of this function.
    unsafe { bindings::cn_glue_kvfree_rcu(memory.cast::<c_void>()) };
}
