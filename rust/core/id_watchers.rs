// SPDX-License-Identifier: GPL-2.0

//! Watchers of ids: notified of ids that are registered and unregistered.
//!
//! Each reads the log of events at its own pace. One that is too far behind goes on at the end of
//! the log, and is notified that it has missed something.
//!
//! C counterpart: none; `cn_notify()` notified programs.

use crate::{
    event_log::{Cursor, Event, EventLog, MAX_UNREAD},
    watch_list::{enqueue, Functions, Subject, WatchList, Watcher},
};
use connector_base::bindings::{CN_IDS_MISSED, CN_ID_REGISTERED, CN_ID_UNREGISTERED};
use kernel::prelude::*;

/// What a watcher is notified of.
pub(crate) enum IdChange {
    Event(Event),
    Missed,
}

/// What a watcher was not notified of yet.
pub(crate) struct Unread {
    cursor: Cursor,
    /// How many events the log had lost when this was last compared.
    lost: u64,
    /// Whether the watcher has to be notified that it has missed something.
    has_missed: bool,
}

impl Subject for IdChange {
    type Pending = Unread;
    type Batch = Option<Self>;

    fn take(unread: &mut Unread) -> Option<Option<Self>> {
        if core::mem::take(&mut unread.has_missed) {
            return Some(Some(Self::Missed));
        }
        unread
            .cursor
            .next_up_to(u64::MAX)
            .map(|event| Some(Self::Event(event)))
    }

    fn into_numbers(self) -> (u32, u64) {
        match self {
            Self::Event(Event { id, registered, .. }) => {
                let change = if registered {
                    CN_ID_REGISTERED
                } else {
                    CN_ID_UNREGISTERED
                };
                (change, u64::from(id.val()) << 32 | u64::from(id.idx()))
            }
            Self::Missed => (CN_IDS_MISSED, 0),
        }
    }
}

impl WatchList<IdChange> {
    /// Adds a watcher of what is added to `log` from now on, and returns its number; see
    /// [`WatchList::add`].
    pub(crate) fn watch(
        &self,
        functions: Functions,
        log: &EventLog,
        permit: impl FnOnce(*const c_void) -> Result,
    ) -> Result<u64> {
        let unread = Unread {
            lost: log.lost(),
            cursor: log.end(),
            has_missed: false,
        };
        let watcher = self.add(functions, unread, permit)?;
        let serial = watcher.serial();
        // What came after the watcher began to read, and before others could find it.
        catch_up(&watcher, log);
        enqueue(watcher);
        Ok(serial)
    }

    /// Has all watchers notified of what they have not read of `log`.
    ///
    /// Context: process; does not sleep.
    pub(crate) fn read(&self, log: &EventLog) {
        self.notify(|watcher| catch_up(watcher, log));
    }
}

/// Puts a watcher that is too far behind at the end of `log`, and remembers what it has missed.
fn catch_up(watcher: &Watcher<IdChange>, log: &EventLog) {
    let lost = log.lost();
    let last = log.last_number();
    watcher.with_pending(|unread| {
        if unread.lost != lost {
            unread.lost = lost;
            unread.has_missed = true;
        }
        if !unread.cursor.is_behind(last, MAX_UNREAD) {
            return None;
        }
        unread.has_missed = true;
        // Many events, which are freed without the lock.
        Some(core::mem::replace(&mut unread.cursor, log.end()))
    });
}
