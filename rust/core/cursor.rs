// SPDX-License-Identifier: GPL-2.0

//! A position in the list of live entries, which is kept without a lock.
//!
//! Guarantees:
//!
//! - One RCU read-side critical section passes at most [`SECTION`] entries, however many there are.
//! - What is registered during the whole of a walk is passed, and in order of registration.
//! - Going on where the last section ended takes a look-up of one id, unless that entry was
//!   unregistered meanwhile; then the walk starts from the first entry again.
//!
//! C counterpart: none.

use crate::{entry::Entry, entry_list::LiveList, table::Table};
use connector_base::{bindings::cn_glue_cond_resched, Id};
use kernel::sync::rcu::Guard;

/// How many entries are passed in one RCU read-side critical section.
pub(crate) const SECTION: usize = 128;

/// The entry at which a walk goes on; zeroes are the first one.
///
/// An entry is found again by its id and its serial number, so that nothing keeps it in memory.
#[derive(Clone, Copy)]
pub(crate) struct Cursor {
    id: Id,
    serial: u64,
}

/// What a section came to.
pub(crate) enum Found<'a> {
    /// A wanted entry.
    Entry(&'a Entry),
    /// Not yet anything: another section is needed.
    Pause,
    /// There are no more entries.
    End,
}

impl Cursor {
    /// Before all entries.
    pub(crate) const START: Self = Self {
        id: Id::new(0, 0),
        serial: 0,
    };

    /// At an entry.
    pub(crate) fn at(entry: &Entry) -> Self {
        Self {
            id: entry.id(),
            serial: entry.serial(),
        }
    }

    /// Goes to an entry.
    pub(crate) fn set(&mut self, entry: &Entry) {
        *self = Self::at(entry);
    }

    /// Whether the cursor is behind the registration with this number.
    pub(crate) fn is_behind(&self, serial: u64) -> bool {
        self.serial > serial
    }

    /// Goes to the first entry that is wanted, from where it is, or from the first one if that
    /// entry is gone. Does not sleep.
    pub(crate) fn seek<'a>(
        &mut self,
        table: &Table,
        reader: &'a Guard,
        is_wanted: impl Fn(&Entry) -> bool,
    ) -> Found<'a> {
        let here = table.find(self.id, reader);
        let mut next = here
            .filter(|entry| entry.serial() == self.serial)
            .or_else(|| table.entries(reader).next());
        for _ in 0..SECTION {
            let Some(entry) = next else {
                return Found::End;
            };
            if is_wanted(entry) {
                self.set(entry);
                return Found::Entry(entry);
            }
            next = LiveList::next(entry, reader);
        }
        let Some(entry) = next else {
            return Found::End;
        };
        self.set(entry);
        Found::Pause
    }
}

/// Whether `predicate` holds for one of the entries that are live during the whole of the call.
///
/// Context: process; may sleep.
pub(crate) fn any(table: &Table, predicate: impl Fn(&Entry) -> bool) -> bool {
    let mut cursor = Cursor::START;
    loop {
        // By itself, so that the RCU read lock is released before the task may be rescheduled.
        let found = match cursor.seek(table, &Guard::new(), &predicate) {
            Found::Entry(_) => Some(true),
            Found::End => Some(false),
            Found::Pause => None,
        };
        if let Some(found) = found {
            return found;
        }
        reschedule();
    }
}

/// Lets others run who have waited for the processor. Not under the RCU read lock.
pub(crate) fn reschedule() {
    // SAFETY: In process context, and no lock is held.
    unsafe { cn_glue_cond_resched() };
}
