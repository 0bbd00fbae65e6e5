// SPDX-License-Identifier: GPL-2.0

//! A callback that may be called now.

use crate::{
    entry::Entry, race_delay::race_delay, rcu::Preemption, registry::Registry, table::Table,
};
use connector_base::Id;
use core::ptr::NonNull;

/// A callback that may be called now.
///
/// # Invariants
///
/// A call of the entry was entered, and did not leave yet. Until it does, the entry is not
/// reclaimed.
pub(crate) struct Active(NonNull<Entry>);

impl Active {
    /// Finds the callback of an id and keeps it until [`Self::leave`]. Takes no lock and does not
    /// sleep.
    #[inline(always)]
    pub(crate) fn enter(table: &Table, id: Id) -> Option<Self> {
        let guard = Preemption::disable();
        let entry = table.find(id, &guard)?;
        race_delay();
        // INVARIANT: The call was just entered.
        entry
            .calls()
            .try_enter()
            .then(|| Self(NonNull::from(entry)))
    }

    /// The entry of the callback.
    #[inline]
    pub(crate) fn entry(&self) -> &Entry {
        // SAFETY: By the type invariants the call has not left, so the entry is not reclaimed, and
        // its memory is freed after that at the earliest.
        unsafe { self.0.as_ref() }
    }

    /// Leaves the call, when the callback has returned.
    #[inline(always)]
    pub(crate) fn leave<'a>(self, registry: impl FnOnce() -> Option<&'a Registry>) {
        if self.entry().calls().leave() {
            if let Some(registry) = registry() {
                // SAFETY: `Calls::leave` returns true once for each entry: when it is dead, and all
                // of its calls and the registration have left.
                unsafe { registry.reclaim(self.0) };
            }
        }
    }
}
