// SPDX-License-Identifier: GPL-2.0

//! Modules that are being unloaded may not register anything any more.
//!
//! Guarantees:
//!
//! - Any number of modules can be unloaded at the same time. What this keeps of a module is on the
//!   stack of the task that unloads it, so adding it allocates nothing, cannot fail and does not
//!   wait.
//! - What [`Leaving::permit`] has permitted before a module was added is found by the task that
//!   added it, under the lock under which it was permitted.

#![forbid(unsafe_code)]

use crate::{helpers::Module, sync::StackList};
use kernel::prelude::*;

/// The modules that are being unloaded.
#[pin_data]
pub(crate) struct Leaving {
    #[pin]
    modules: StackList<Module>,
}

impl Leaving {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            modules <- StackList::new(),
        })
    }

    /// Refuses code at `address` if it belongs to a module that is being unloaded. Does not sleep.
    ///
    /// To be called under the lock under which the code is registered.
    ///
    /// # Errors
    ///
    /// [`ENODEV`]: it does.
    pub(crate) fn permit(&self, address: *const c_void) -> Result {
        if self.modules.any(|module| module.contains(address)) {
            return Err(ENODEV);
        }
        Ok(())
    }

    /// Runs `work`, during which the module may not register anything.
    ///
    /// Context: process; sleeps if `work` does.
    pub(crate) fn while_refused<R>(&self, module: &Module, work: impl FnOnce() -> R) -> R {
        self.modules.with(module, work)
    }
}
