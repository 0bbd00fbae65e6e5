// SPDX-License-Identifier: GPL-2.0

//! Registering, calling and unregistering callbacks.
//!
//! Guarantees:
//!
//! - When [`Registry::unregister`] returns, the callback is not running and never runs again.
//!   Inside a callback it does not wait; the callback is then let go of when it returns.
//! - A callback that came with a cookie is told once, when it will not run any more.
//! - Unregistering a callback that is not running waits for nothing.
//!
//! C counterpart: `drivers/connector/cn_queue.c`.

use crate::{
    active::{current_task, Active},
    entry::{Callback, Entry, Name, OwnedEntry},
    once::read_once,
    running::Running,
    table::{Locked, Table},
    window::widen,
};
use connector::Id;
use kernel::{
    new_condvar,
    prelude::*,
    sync::{
        atomic::{Atomic, Full},
        rcu, CondVar,
    },
};

/// The callbacks, and who runs them.
#[pin_data]
pub(crate) struct Registry {
    #[pin]
    table: Table,
    #[pin]
    running: Running,
    /// How many entries are in the table's list of retired ones.
    retired: Atomic<usize>,
    /// Notified when a retired entry may be idle or has been let go of.
    #[pin]
    changed: CondVar,
}

impl Registry {
    pub(crate) fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            table <- Table::new(),
            running <- Running::new(),
            retired: Atomic::new(0),
            changed <- new_condvar!("cn_registry"),
        }? Error)
    }

    /// Registers a callback and returns the number of the registration.
    ///
    /// `added` is called with the entry while the table is locked.
    ///
    /// Context: process; may sleep.
    ///
    /// # Errors
    ///
    /// - [`EINVAL`]: the id is taken. The handler, if it is one, is not released.
    /// - [`ENOMEM`]: no memory.
    pub(crate) fn register(
        &self,
        id: Id,
        name: Name,
        callback: Callback,
        added: impl FnOnce(&Entry),
    ) -> Result<u64> {
        let mut table = self.table.lock();
        let serial = table.next_serial();
        let entry = table.insert(OwnedEntry::new(id, name, callback, serial)?, &self.running)?;
        widen();
        added(entry);
        Ok(serial)
    }

    /// The multicast group of an id; [`None`] if nothing is registered under it.
    ///
    /// Context: any.
    #[inline]
    pub(crate) fn group(&self, id: Id) -> Option<u32> {
        Some(self.table.find(id, &rcu::read_lock())?.group())
    }

    /// Runs `call` with the callback of an id, which can't be unregistered meanwhile; or
    /// `otherwise` with an error.
    ///
    /// Context: process; sleeps if the callback does.
    ///
    /// # Errors
    ///
    /// - [`ENODEV`]: nothing is registered under the id.
    /// - [`ENOMEM`]: see [`Running::look`].
    #[inline(always)]
    pub(crate) fn with_callback<R>(
        &self,
        id: Id,
        call: impl FnOnce(&Active<'_>) -> R,
        otherwise: impl FnOnce(Error) -> R,
    ) -> R {
        let result = match Active::enter(&self.table, &self.running, id) {
            Ok(active) => {
                let result = call(&active);
                active.leave();
                result
            }
            Err(error) => otherwise(error),
        };
        if read_once(&self.retired) != 0 {
            self.let_go_of_idle();
        }
        result
    }

    /// Unregisters the callback of an id, with the given serial number if there is one; does
    /// nothing if there is none. Does not wait: that is up to [`Self::wait`].
    ///
    /// `removed` is called with the entry while the table is locked. Returns the serial number of
    /// what is to be waited for. With `serial`, that is also something that somebody else has
    /// unregistered.
    ///
    /// Context: process; may sleep.
    pub(crate) fn remove(
        &self,
        id: Id,
        serial: Option<u64>,
        removed: impl FnOnce(&Entry),
    ) -> Option<u64> {
        let mut table = self.table.lock();
        let Some(entry) = table.remove(id, serial) else {
            return serial;
        };
        widen();
        removed(&entry);
        self.retire(&mut table, entry)
    }

    /// Waits until what was unregistered is let go of: until its callback has returned. Inside a
    /// callback it does not wait.
    ///
    /// Context: process; may sleep.
    pub(crate) fn wait(&self, serial: u64) {
        self.let_go_of_idle();
        if !self.running.is_inside(current_task()) {
            self.wait_until_gone(|entry| entry.serial() == serial);
        }
    }

    /// Waits until no unregistered entry for which `predicate` holds is in use.
    ///
    /// Context: process, not inside a callback; may sleep.
    pub(crate) fn wait_for_all(&self, predicate: impl Fn(&Entry) -> bool) {
        self.let_go_of_idle();
        self.wait_until_gone(predicate);
    }

    /// The callbacks, while nothing can be registered or unregistered.
    pub(crate) fn lock(&self) -> Locked<'_> {
        self.table.lock()
    }

    /// Takes over an entry that can't be found any more. Returns its serial number if there is
    /// still something to be done or to wait for.
    fn retire(&self, table: &mut Locked<'_>, entry: OwnedEntry) -> Option<u64> {
        entry.kill();
        let is_to_be_released = entry.callback().handler().is_some();
        if !is_to_be_released && !self.running.is_running(entry.token()) {
            table.bury(entry);
            return None;
        }
        widen();
        // A full barrier: who gives a seat back after this sees that somebody waits.
        self.retired.fetch_add(1usize, Full);
        Some(table.retired().push_back(entry).serial())
    }

    /// Lets go of all retired entries that nobody runs, and wakes up those who wait.
    #[cold]
    fn let_go_of_idle(&self) {
        loop {
            let mut table = self.table.lock();
            let Some(mut claim) = table.claim_idle(&self.running) else {
                break;
            };
            drop(table);
            widen();
            // Without the lock: what is released may itself unregister callbacks.
            claim.release();
            self.table.lock().finish(claim);
            self.retired.fetch_sub(1usize, Full);
        }
        self.changed.notify_all();
    }

    fn wait_until_gone(&self, predicate: impl Fn(&Entry) -> bool) {
        let mut table = self.table.lock();
        while table.retired().iter().any(&predicate) {
            table.wait(&self.changed);
        }
    }
}
