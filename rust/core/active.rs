// SPDX-License-Identifier: GPL-2.0

//! A callback that may be called now.

use crate::{
    entry::Entry,
    running::{Running, Seat},
    table::Table,
};
use connector::Id;
use core::ptr::NonNull;
use kernel::{prelude::*, sync::rcu, task::Task};

/// A callback that may be called now, by the running task.
///
/// # Invariants
///
/// The seat was taken for the entry, and the entry was found to be alive after that. So whoever
/// unregisters the callback sees the seat; until it is given back, the entry is not let go of.
pub(crate) struct Active<'a> {
    entry: NonNull<Entry>,
    seat: Seat<'a>,
}

impl<'a> Active<'a> {
    /// Finds the callback of an id and keeps it until [`Self::leave`].
    ///
    /// # Errors
    ///
    /// - [`ENODEV`]: nothing is registered under the id.
    /// - [`ENOMEM`]: see [`Running::enter`].
    #[inline(always)]
    pub(crate) fn enter(table: &Table, running: &'a Running, id: Id) -> Result<Self> {
        let guard = rcu::read_lock();
        let entry = table.find(id, &guard).ok_or(ENODEV)?;
        let seat = running.enter(entry.token(), current_task())?;
        if entry.is_dead() {
            seat.leave();
            return Err(ENODEV);
        }
        // INVARIANT: The seat was taken, and then the entry was alive.
        Ok(Self {
            entry: NonNull::from(entry),
            seat,
        })
    }

    /// The entry of the callback.
    #[inline]
    pub(crate) fn entry(&self) -> &Entry {
        // SAFETY: By the type invariants the entry is not let go of, so it is not freed either.
        unsafe { self.entry.as_ref() }
    }

    /// Lets the callback go; it has returned.
    #[inline]
    pub(crate) fn leave(self) {
        self.seat.leave();
    }
}

/// What stands for the running task in [`Running`].
#[inline]
pub(crate) fn current_task() -> usize {
    Task::current_raw().addr()
}
