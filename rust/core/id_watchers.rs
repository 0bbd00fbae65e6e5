// SPDX-License-Identifier: GPL-2.0

//! Watchers of ids: told which ids are registered and unregistered.
//!
//! Each reads the log of events at its own pace. One that is too far behind goes on at the end of
//! the log, and is told that it has missed something.
//!
//! C counterpart: none; `cn_notify()` told programs.

use crate::{
    event_log::{Cursor, Event, EventLog, MAX_UNREAD},
    watch_list::{Subject, WatchList},
};
use connector::bindings::cb_id;
use kernel::prelude::*;

/// The function of a watcher: its cookie, an id, and whether that was registered; without an id,
/// events were missed.
pub(crate) type Function = unsafe extern "C" fn(*mut c_void, *const cb_id, bool);

/// The functions of a watcher.
pub(crate) type Functions = crate::watch_list::Functions<Function>;

/// What a watcher is told.
pub(crate) enum IdChange {
    Event(Event),
    Missed,
}

/// What a watcher was not told yet.
pub(crate) struct Unread {
    cursor: Cursor,
    /// How many events the log had lost when this was last compared.
    lost: u64,
    /// Whether the watcher has to be told that it has missed something.
    has_missed: bool,
}

impl Subject for IdChange {
    type Function = Function;
    type Pending = Unread;
    type Batch = Option<Self>;

    fn address(function: Function) -> *const c_void {
        function as *const c_void
    }

    fn take(unread: &mut Unread) -> Option<Option<Self>> {
        if core::mem::take(&mut unread.has_missed) {
            return Some(Some(Self::Missed));
        }
        unread
            .cursor
            .next_up_to(u64::MAX)
            .map(|event| Some(Self::Event(event)))
    }

    unsafe fn tell(self, function: Function, cookie: *mut c_void) {
        match self {
            Self::Event(Event { id, registered, .. }) => {
                let id = cb_id {
                    idx: id.idx(),
                    val: id.val(),
                };
                // SAFETY: By the safety requirements; the id is there during the call.
                unsafe { function(cookie, &id, registered) }
            }
            // SAFETY: By the safety requirements; the function expects null.
            Self::Missed => unsafe { function(cookie, core::ptr::null(), false) },
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
        let serial = self.add(functions, unread, permit)?;
        // What came after the watcher began to read, and before others could find it.
        self.read(log);
        Ok(serial)
    }

    /// Has all watchers told what they have not read of `log`.
    ///
    /// Context: process; does not sleep.
    pub(crate) fn read(&self, log: &EventLog) {
        self.notify(|watcher| {
            let lost = log.lost();
            let last = log.last_number();
            let mut unread = watcher.pending().lock();
            if unread.lost != lost {
                unread.lost = lost;
                unread.has_missed = true;
            }
            if unread.cursor.is_behind(last, MAX_UNREAD) {
                unread.has_missed = true;
                let passed = core::mem::replace(&mut unread.cursor, log.end());
                // The lock ends before many events are freed.
                drop(unread);
                drop(passed);
            }
        });
    }
}
