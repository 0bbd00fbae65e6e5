// SPDX-License-Identifier: GPL-2.0

//! Registering, calling and unregistering callbacks.
//!
//! Guarantees:
//!
//! - When an entry was waited for, its callback is not running and never runs again.
//! - A callback that came with a cookie has it released once, when it will not run any more.
//! - Unregistering a callback that is not running waits for nothing; else only for calls of this
//!   callback.
//!
//! C counterpart: `drivers/connector/cn_queue.c`.

use crate::{
    active::Active,
    entry::{Callback, Entry, Name},
    frame,
    race_delay::race_delay,
    table::{Locked, Table},
};
use connector_base::Id;
use core::ptr::NonNull;
use kernel::{
    new_condvar,
    prelude::*,
    sync::{rcu, CondVar},
};

/// The callbacks.
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
            table <- Table::new(),
            reclaimed <- new_condvar!("cn_registry"),
        }? Error)
    }

    /// Registers a callback and returns the number of the registration.
    ///
    /// With the table locked, `permit` is asked whether the callback may be registered, and `added`
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

    /// Runs `call` with the callback of an id, which is not reclaimed meanwhile; or `otherwise`, if
    /// nothing is registered under the id.
    ///
    /// `again` finds this registry again. It is asked only if the callback was unregistered during
    /// the call, so that most calls keep nothing of the registry.
    ///
    /// Context: process; sleeps if the callback does.
    #[inline(always)]
    pub(crate) fn with_callback<'a, R>(
        &self,
        id: Id,
        call: impl FnOnce(&Active) -> R,
        otherwise: impl FnOnce() -> R,
        again: impl FnOnce() -> Option<&'a Self>,
    ) -> R {
        let Some(active) = Active::enter(&self.table, id) else {
            return otherwise();
        };
        race_delay();
        frame::call_out(|| {
            let result = call(&active);
            active.leave(again);
            result
        })
    }

    /// Unregisters the callback of an id, with the given serial number if there is one; does
    /// nothing if there is none. Does not wait: that is up to [`Self::wait`].
    ///
    /// `removed` is called with the entry while the table is locked, and `then` when it is not any
    /// more and nothing of the entry was reclaimed. Returns the serial number of what is to be
    /// waited for. With `serial`, that is also something that somebody else has
    /// unregistered.
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
        entry.calls().kill();
        let serial = entry.serial();
        let is_idle = entry.calls().leave();
        let entry = NonNull::from(entry);
        drop(table);
        race_delay();
        // What is reclaimed may sleep for as long as it likes.
        then();
        if !is_idle {
            return Some(serial);
        }
        // SAFETY: The entry was just removed and killed, so it is dying. `Calls::leave` has
        // returned true, as it does once for each entry: all of its calls have left.
        unsafe { self.reclaim(entry) }
        // Inside of a call, it is reclaimed later, and nobody waits.
        None
    }

    /// Waits until what was unregistered is reclaimed: until its last call has returned. Inside of
    /// a call it does not wait.
    ///
    /// Context: process; may sleep.
    pub(crate) fn wait(&self, serial: u64) {
        if !frame::is_inside() {
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

    /// The table, for those who look at it under RCU.
    pub(crate) fn table(&self) -> &Table {
        &self.table
    }

    /// Reclaims an entry: releases its cookie, if it has one, and frees it after a grace period.
    ///
    /// # Safety
    ///
    /// The entry must be dying, and its last call have left; to be called once.
    #[cold]
    #[inline(never)]
    pub(crate) unsafe fn reclaim(&self, entry: NonNull<Entry>) {
        // SAFETY: By the safety requirements the entry is dying, and it is there until it is
        // forgotten, which is done below or by `release`.
        match unsafe { entry.as_ref() }.callback().handler() {
            // SAFETY: The node is a part of the entry, which is there until `release` forgets it.
            // By the safety requirements this is called once for the entry; the registry outlives
            // its entries.
            Some(handler) => unsafe {
                let owner = NonNull::from(self).cast();
                handler.deferred.reclaim(release, entry.cast(), owner);
            },
            // SAFETY: By the safety requirements the entry is dying, its last call has left, and
            // this happens once.
            None => unsafe { self.forget(entry) },
        }
    }

    /// Takes a dying entry out of the table, and lets those go on who wait for that.
    ///
    /// # Safety
    ///
    /// The entry must be dying, and not be used any more; to be called once.
    unsafe fn forget(&self, entry: NonNull<Entry>) {
        let mut table = self.table.lock();
        // SAFETY: By the safety requirements the entry is dying, and this happens once.
        let entry = unsafe { table.forget(entry) };
        self.reclaimed.notify_all();
        drop(table);
        drop(entry);
    }
}

/// Releases the cookie of an entry, and frees the entry.
///
/// # Safety
///
/// `registry` must be the registry that `entry` is in; else as [`Registry::reclaim`].
unsafe fn release(entry: NonNull<()>, registry: NonNull<()>) {
    let entry = entry.cast::<Entry>();
    // SAFETY: By the safety requirements the entry is dying, and it is there until it is forgotten
    // below.
    if let Some(handler) = unsafe { entry.as_ref() }.callback().handler() {
        // SAFETY: By the safety requirements the last call has left, so nothing else is called with
        // the cookie any more, and this happens once.
        unsafe { (handler.release)(handler.cookie) };
    }
    // SAFETY: By the safety requirements this is the registry of the entry, which outlives it; the
    // entry is dying, nothing uses it any more, and this happens once.
    unsafe { registry.cast::<Registry>().as_ref().forget(entry) };
}
