// SPDX-License-Identifier: GPL-2.0

//! Removes the callbacks and watchers that modules leave behind when they are unloaded.
//!
//! A module which is unloaded, or whose start fails, may have left callbacks behind. The next
//! message to one of them would run freed code. This file removes and reports them. It also waits
//! for callbacks of the module that were unregistered inside of a call and have not returned yet.
//! Code of the module that still runs cannot register anything meanwhile. So nothing of the module
//! is left when its memory is freed.
//!
//! The kernel calls this for every module that is unloaded, also for those that have nothing to do
//! with the connector. Symbols do not identify its users: `symbol_get()` leaves no dependency, and
//! a module may register a function of another one. So each module is searched for: in the
//! callbacks under RCU, section by section, with the table locked only for a moment; in the
//! watchers under their locks. A module without callbacks and watchers waits for nothing, whichever
//! modules are unloaded at the same time.
//!
//! For a module with a call that has not returned, this sleeps with the rwsem of the notifier chain
//! held for reading. Other modules are loaded and unloaded meanwhile, since the chain is called by
//! readers. A task that registers or unregisters a module notifier has to wait, though, and readers
//! that come after that task wait behind it. It ends when the calls that were entered before have
//! returned: no new ones are entered.
//!
//! C counterpart: none; the C connector calls into the freed module.

#![forbid(unsafe_code)]

use crate::{
    instance::{self, Connector},
    modules::{Leave, LeavingModule},
    table::{self, Entry},
};
use connector_base::Id;
use kernel::prelude::*;

/// Removes the callbacks and watchers that a module left behind.
pub(crate) struct Cleanup;

impl Leave for Cleanup {
    fn leaves(module: LeavingModule<'_>) {
        let Some(connector) = instance::get() else {
            return;
        };
        connector.leaving().while_refused(module, || {
            // A release may drop further registrations. The module cannot make new ones.
            while remove_all(connector, |address| module.contains(address)) {}
        });
    }
}

/// Whether a callback for whose code `is_meant` holds is registered, or was unregistered and is not
/// reclaimed yet. Such code must not be permitted to register any more.
///
/// Context: process; may sleep.
fn has_callbacks(connector: &Connector, is_meant: impl Fn(*const c_void) -> bool) -> bool {
    let registry = connector.registry();
    let is_of_code = |entry: &Entry| is_meant(entry.callback().address());
    // A task that was permitted to register has done so when this lock is acquired: both happen in
    // one critical section.
    drop(registry.lock());
    // In this order: what is unregistered while the live ones are passed is among the dying ones
    // then.
    table::any(registry.table(), is_of_code) || registry.lock().dying().any(is_of_code)
}

/// Removes everything whose code is meant, waits until it is reclaimed, and returns whether there
/// was anything.
fn remove_all(connector: &Connector, is_meant: impl Fn(*const c_void) -> bool) -> bool {
    let report = |id: Id, name: &CStr| {
        let (idx, val) = (id.idx(), id.val());
        pr_warn!(
            "a module was unloaded without unregistering callback {idx}:{val} ({name}); removed\n"
        );
    };
    let found = has_callbacks(connector, &is_meant) && connector.unregister_all(&is_meant, report);
    let watchers = connector
        .notifier()
        .unwatch_all(&is_meant)
        .saturating_add(connector.socket_watchers().remove_all(&is_meant));
    if watchers != 0 {
        pr_warn!("a module was unloaded without removing {watchers} watchers; removed\n");
    }
    found || watchers != 0
}
