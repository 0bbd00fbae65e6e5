// SPDX-License-Identifier: GPL-2.0

//! Modules that go away.
//!
//! A module which is unloaded, or whose start fails, may have left callbacks behind; the next
//! message to one of them would run code that is gone. They are removed and reported here. The same
//! place waits for callbacks of the module that were unregistered from inside of a call and have
//! not returned yet. What still runs in the module cannot register anything meanwhile: nothing of
//! it is left when its memory is freed.
//!
//! The kernel calls this for every module that is unloaded, also for those that have nothing to do
//! with the connector. Which ones have cannot be told by their symbols: `symbol_get()` leaves no
//! dependency, and a module may register a function of another one. So the code of each is looked
//! for: in the callbacks under RCU, section by section, with the table locked only for a moment; in
//! the watchers under their locks. A module without any waits for nothing, whichever modules leave
//! at the same time.
//!
//! For a module with a call that has not returned, this sleeps with the rwsem of the notifier chain
//! held for reading. Other modules are loaded and unloaded meanwhile, since the chain is called by
//! readers. A task that registers or unregisters a module notifier has to wait, though, and readers
//! that come after that task wait behind it. It ends when the calls that were entered before have
//! returned: no new ones are entered.
//!
//! C counterpart: none; the C connector calls into the freed module.

use crate::{
    cursor,
    entry::Entry,
    instance::{self, Connector},
};
use connector_base::{
    bindings::{
        cn_glue_register_module_notifier, cn_glue_unregister_module_notifier,
        cn_glue_within_module, CN_MODULE_STATE_GOING,
    },
    Id,
};
use kernel::{
    bindings::{module, notifier_block},
    error::to_result,
    prelude::*,
    types::Opaque,
};

/// Watches modules as long as it exists.
///
/// # Invariants
///
/// The block is registered.
pub(crate) struct ModuleNotifier(KBox<Opaque<notifier_block>>);

// SAFETY: Any thread may unregister the block.
unsafe impl Send for ModuleNotifier {}

// SAFETY: Nothing can be done through a shared reference.
unsafe impl Sync for ModuleNotifier {}

impl ModuleNotifier {
    /// Starts to watch.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: no memory.
    pub(crate) fn new() -> Result<Self> {
        let block = notifier_block {
            notifier_call: Some(notify_callback),
            ..Default::default()
        };
        let block = KBox::new(Opaque::new(block), GFP_KERNEL)?;
        // SAFETY: The block stays where it is, in its box, until it is unregistered.
        to_result(unsafe { cn_glue_register_module_notifier(block.get()) })?;
        // INVARIANT: The block was just registered.
        Ok(Self(block))
    }
}

impl Drop for ModuleNotifier {
    fn drop(&mut self) {
        // SAFETY: By the type invariants the block is registered. This waits for running calls.
        unsafe { cn_glue_unregister_module_notifier(self.0.get()) };
    }
}

/// Removes what a module left behind.
///
/// # Safety
///
/// `data` must point to the module whose state changes.
unsafe extern "C" fn notify_callback(
    _: *mut notifier_block,
    state: c_ulong,
    data: *mut c_void,
) -> c_int {
    if state != CN_MODULE_STATE_GOING as c_ulong {
        return 0;
    }
    let Some(connector) = instance::get() else {
        return 0;
    };
    let module = data.cast::<module>();
    // SAFETY: By the safety requirements; the module's memory is freed after all notifiers.
    let is_of_module = |address| unsafe { cn_glue_within_module(address, module) };
    let remove = || {
        // What is released here may drop more; nothing new can come from the module any more.
        while remove_all(connector, is_of_module) {}
    };
    // SAFETY: As above.
    unsafe { connector.leaving().while_refused(module, remove) };
    0
}

/// Whether a callback whose code is meant is registered, or was unregistered and is not reclaimed
/// yet. Nothing new that is meant may be permitted any more.
///
/// Context: process; may sleep.
fn has_callbacks(connector: &Connector, is_meant: impl Fn(*const c_void) -> bool) -> bool {
    let registry = connector.registry();
    let is_of_code = |entry: &Entry| is_meant(entry.callback().address());
    // Whoever was permitted to register has done so when this lock was acquired: both happen in one
    // critical section.
    drop(registry.lock());
    // In this order: what is unregistered while the live ones are passed is among the dying ones
    // then.
    cursor::any(registry.table(), is_of_code) || registry.lock().dying().any(is_of_code)
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
