// SPDX-License-Identifier: GPL-2.0

//! Registering, calling and unregistering callbacks.
//!
//! This file is what the rest of the core uses of the folder: [`Registry`], and the [`Entry`] of a
//! callback. [`slots`] has the table itself and the walk over all entries, [`lists`] the lists that
//! its entries are in, [`hash`] where an id is looked for. The protocol between callers and
//! unregistering is in [`calls`].
//!
//! Guarantees:
//!
//! - After a wait for an entry, its callback is not running and never runs again.
//! - A callback that came with a cookie has it released once, when it will not run any more.
//! - Unregistering a callback that is not running waits for nothing; else only for calls of this
//!   callback.
//!
//! C counterpart: `drivers/connector/cn_queue.c`.

#![allow(unsafe_code)]

mod callback;
mod entry;
mod hash;
mod lists;
mod slots;

pub(crate) use callback::{Active, CFunction, Callback, CoreHandler, Internal};
pub(crate) use entry::{Entry, Name};
pub(crate) use slots::{any, Cursor, Found, Locked, Table, SECTION};

use crate::{
    calls,
    sync::{race_delay, Changes, Preemption},
};
use callback::{EntryOwner, RemovedEntry};
use connector_base::Id;
use kernel::{
    new_condvar,
    prelude::*,
    sync::{rcu, CondVar},
};

/// The callbacks.
///
/// # Invariants
///
/// A registry stays until the entries that were removed from it are forgotten: its owner
/// unregisters all callbacks and waits for them, not inside of a call, before it is dropped.
#[pin_data]
pub(crate) struct Registry {
    #[pin]
    table: Table,
    /// Notified when a dying entry was reclaimed.
    #[pin]
    reclaimed: CondVar,
}

impl Registry {
    pub(crate) fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            // SAFETY: The table puts them under its lock, which protects all of its pointers. These
            // lead to entries of the table, which are in no other one.
            table <- Table::new(unsafe { Changes::new() }),
            reclaimed <- new_condvar!("cn_registry"),
        }? Error)
    }

    /// Registers a callback and returns the number of the registration.
    ///
    /// With the table locked, `permit` decides whether the callback may be registered, and `added`
    /// is called with the entry. Neither may sleep.
    ///
    /// Context: process; may sleep.
    ///
    /// # Errors
    ///
    /// - [`EINVAL`]: the id is taken. The handler, if it is one, is not released.
    /// - [`ENOMEM`]: no memory.
    /// - What `permit` returns.
    pub(crate) fn register(
        &self,
        id: Id,
        name: Name,
        callback: Callback,
        permit: impl FnOnce(&Entry) -> Result,
        added: impl FnOnce(&Entry),
    ) -> Result<u64> {
        let entry = Entry::new(id, name, callback)?;
        let mut table = self.table.lock_with_room()?;
        if let Err(error) = permit(&entry) {
            drop(table);
            return Err(error);
        }
        // The result of a match would keep the lock while an entry is dropped.
        let refused = match table.insert(entry) {
            Ok(entry) => {
                added(entry);
                return Ok(entry.serial());
            }
            Err(entry) => entry,
        };
        drop(table);
        drop(refused);
        Err(EINVAL)
    }

    /// The multicast group of an id; [`None`] if nothing is registered under it.
    ///
    /// Context: any.
    #[inline]
    pub(crate) fn group(&self, id: Id) -> Option<u32> {
        Some(self.table.find(id, &rcu::read_lock())?.group())
    }

    /// Runs `call` with the callback of an id, which is not reclaimed meanwhile; or `if_unknown`,
    /// if nothing is registered under the id.
    ///
    /// `find_again` finds this registry again. It is called only if the callback was unregistered
    /// during the call, so that the fast path keeps no pointer to the registry.
    ///
    /// Context: process; sleeps if the callback does.
    #[inline(always)]
    pub(crate) fn with_callback<'a, R>(
        &self,
        id: Id,
        call: impl FnOnce(&Active) -> R,
        if_unknown: impl FnOnce() -> R,
        find_again: impl FnOnce() -> Option<&'a Self>,
    ) -> R {
        let Some(active) = self.enter(id) else {
            return if_unknown();
        };
        race_delay();
        calls::call_out(|| {
            let result = call(&active);
            if let Some(dead) = active.leave() {
                if let Some(registry) = find_again() {
                    // SAFETY: The entry was found in this registry, and `find_again` finds the same
                    // one. By its invariants it stays until the entry is forgotten.
                    unsafe { dead.reclaim(registry) };
                }
            }
            result
        })
    }

    /// Finds the callback of an id and enters a call of it. Takes no lock and does not sleep.
    #[inline(always)]
    fn enter(&self, id: Id) -> Option<Active> {
        let guard = Preemption::disable();
        let entry = self.table.find(id, &guard)?;
        race_delay();
        entry.try_enter()
    }

    /// Unregisters the callback of an id, with the given serial number if there is one; does
    /// nothing if there is none. Does not wait: that is up to [`Self::wait`].
    ///
    /// `removed` is called with the entry while the table is locked. `then` is called after the
    /// table is unlocked and before the entry is reclaimed. Returns the serial number for
    /// [`Self::wait`]. With `serial`, it is returned also if another task has unregistered the
    /// callback.
    ///
    /// Context: process; may sleep.
    pub(crate) fn remove(
        &self,
        id: Id,
        serial: Option<u64>,
        removed: impl FnOnce(&Entry),
        then: impl FnOnce(),
    ) -> Option<u64> {
        let mut table = self.table.lock();
        let Some(entry) = table.remove(id, serial) else {
            return serial;
        };
        removed(entry);
        let serial = entry.serial();
        // SAFETY: The table, which is locked, has just removed the entry; it does so once.
        let registration = unsafe { entry.kill() };
        drop(table);
        race_delay();
        // The entry is not reclaimed before the registration leaves. Reclaim may sleep for long.
        then();
        match registration.leave() {
            Some(dead) => {
                // SAFETY: The entry is from the table of this registry. By the type invariants that
                // stays until the entry is forgotten.
                unsafe { dead.reclaim(self) };
                // Inside of a call, reclaim is deferred, and there is no wait.
                None
            }
            None => Some(serial),
        }
    }

    /// Waits until what was unregistered is reclaimed: until its last call has returned. Inside of
    /// a call it does not wait.
    ///
    /// Context: process; may sleep.
    pub(crate) fn wait(&self, serial: u64) {
        if !calls::is_inside() {
            self.wait_until_reclaimed(|entry| entry.serial() == serial);
        }
    }

    /// Sleeps until there is no dying entry for which `predicate` holds.
    ///
    /// Context: process, not inside of a call.
    pub(crate) fn wait_until_reclaimed(&self, predicate: impl Fn(&Entry) -> bool) {
        let mut table = self.table.lock();
        while table.dying().any(&predicate) {
            table.wait(&self.reclaimed);
        }
    }

    /// The callbacks, while nothing can be registered or unregistered.
    pub(crate) fn lock(&self) -> Locked<'_> {
        self.table.lock()
    }

    /// The table, for readers under RCU.
    pub(crate) fn table(&self) -> &Table {
        &self.table
    }
}

impl EntryOwner for Registry {
    /// Takes a dying entry out of the table, and wakes up the tasks that wait for that.
    fn forget(&self, entry: RemovedEntry) {
        let mut table = self.table.lock();
        table.forget(&entry);
        self.reclaimed.notify_all();
        drop(table);
        drop(entry);
    }
}
