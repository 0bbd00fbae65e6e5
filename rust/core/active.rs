// SPDX-License-Identifier: GPL-2.0

//! A callback that may be called now.

use crate::{
    entry::Entry,
    rcu::Reader,
    running::{Looking, Running, Seat},
    table::Table,
    window::widen,
};
use connector::Id;
use core::ptr::NonNull;
use kernel::{prelude::*, task::Task};

// SAFETY: Who takes something away from readers asks [`Running::is_running`] or
// [`Running::wait_for_lookups`] before it is freed; each waits for those who are looking.
unsafe impl Reader for Looking<'_> {}

/// A callback that may be called now, by the running task.
///
/// # Invariants
///
/// The entry was found after the seat was taken. So whoever unregisters the callback sees the seat;
/// until it is given back, the entry is not let go of.
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
    /// - [`ENOMEM`]: see [`Running::look`].
    #[inline(always)]
    pub(crate) fn enter(table: &Table, running: &'a Running, id: Id) -> Result<Self> {
        let looking = running.look(current_task())?;
        let Some(entry) = table.find(id, &looking).map(NonNull::from) else {
            looking.give_up();
            return Err(ENODEV);
        };
        widen();
        let seat = looking.run(entry.addr().get());
        widen();
        // INVARIANT: The entry was found after the seat was taken.
        Ok(Self { entry, seat })
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
