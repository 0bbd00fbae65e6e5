// SPDX-License-Identifier: GPL-2.0

//! Registering, calling and unregistering callbacks.
//!
//! Guarantees:
//!
//! - When [`Registry::unregister`] returns, the callback is not running and never runs again. Inside
//!   a callback it does not wait; the callback is then let go of when it returns.
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
    /// Context: process; may sleep.
    ///
    /// # Errors
    ///
    /// - [`EINVAL`]: the id is taken.
    /// - [`ENOMEM`]: no memory.
    pub(crate) fn register(&self, id: Id, name: Name, callback: Callback) -> Result<u64> {
        let mut table = self.table.lock();
        let serial = table.next_serial();
        table.insert(OwnedEntry::new(id, name, callback, serial)?)?;
        Ok(serial)
    }

    /// The multicast group of an id; [`None`] if nothing is registered under it.
    ///
    /// Context: any.
    #[inline]
    pub(crate) fn group(&self, id: Id) -> Option<u32> {
        Some(self.table.find(id, &rcu::read_lock())?.group())
    }

    /// Runs `call` with the callback of an id, which can't be unregistered meanwhile.
    ///
    /// Context: process; sleeps if the callback does.
    ///
    /// # Errors
    ///
    /// - [`ENODEV`]: nothing is registered under the id.
    /// - [`ENOMEM`]: see [`Running::enter`].
    #[inline(always)]
    pub(crate) fn with_callback<R>(
        &self,
        id: Id,
        call: impl FnOnce(&Active<'_>) -> R,
    ) -> Result<R> {
        let result = Active::enter(&self.table, &self.running, id).map(|active| {
            let result = call(&active);
            active.leave();
            result
        });
        if read_once(&self.retired) != 0 {
            self.let_go_of_idle();
        }
        result
    }

    /// Unregisters the callback of an id; does nothing if there is none.
    ///
    /// With `serial`, only the registration with this number is meant: one that somebody else has
    /// unregistered already is still waited for.
    ///
    /// Context: process; sleeps until the callback has returned, except inside a callback.
    pub(crate) fn unregister(&self, id: Id, serial: Option<u64>) {
        let mut table = self.table.lock();
        let serial = match table.remove(id, serial) {
            Some(entry) => match self.retire(&mut table, entry) {
                Some(serial) => serial,
                None => return,
            },
            None => match serial {
                Some(serial) => serial,
                None => return,
            },
        };
        drop(table);

        self.let_go_of_idle();
        if !self.running.is_inside(current_task()) {
            self.wait_until_gone(|entry| entry.serial() == serial);
        }
    }

    /// Unregisters all callbacks for which `predicate` holds, and waits until they and those that
    /// were unregistered before are let go of. `report` is called with each of the former.
    ///
    /// Context: process, not inside a callback; sleeps until the callbacks have returned.
    pub(crate) fn unregister_all(
        &self,
        predicate: impl Fn(&Entry) -> bool,
        mut report: impl FnMut(&Entry),
    ) {
        loop {
            let mut table = self.table.lock();
            let Some((id, serial)) = table
                .entries()
                .find(|entry| predicate(entry))
                .map(|entry| (entry.id(), entry.serial()))
            else {
                break;
            };
            if let Some(entry) = table.remove(id, Some(serial)) {
                report(&entry);
                self.retire(&mut table, entry);
            }
        }
        self.let_go_of_idle();
        self.wait_until_gone(predicate);
    }

    /// Calls `show` with each entry, in order of registration.
    pub(crate) fn for_each(&self, show: impl FnMut(&Entry)) {
        self.table.lock().entries().for_each(show);
    }

    /// Takes over an entry that can't be found any more. Returns its serial number if there is
    /// still something to be done or to wait for.
    fn retire(&self, table: &mut Locked<'_>, entry: OwnedEntry) -> Option<u64> {
        entry.kill();
        if matches!(entry.callback(), Callback::C(_)) && !self.running.is_running(entry.token()) {
            return None;
        }
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
