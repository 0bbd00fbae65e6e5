// SPDX-License-Identifier: GPL-2.0

//! Modules that are being unloaded, which may not register anything any more.

use connector::bindings::cn_glue_within_module;
use kernel::{
    bindings::module,
    new_condvar, new_spinlock,
    prelude::*,
    sync::{CondVar, SpinLock},
};

/// How many modules can leave at the same time; more of them wait.
const PLACES: usize = 16;

/// The modules that are being unloaded.
#[pin_data]
pub(crate) struct Leaving {
    #[pin]
    modules: SpinLock<[usize; PLACES]>,
    /// Notified when a module is gone.
    #[pin]
    changed: CondVar,
}

impl Leaving {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            modules <- new_spinlock!([0; PLACES], "cn_leaving"),
            changed <- new_condvar!("cn_leaving"),
        })
    }

    /// Refuses code at `address` if it belongs to a module that is being unloaded. Does not sleep.
    ///
    /// To be asked under the lock under which the code is registered: what is permitted there is
    /// found by [`Guard`]'s owner afterwards.
    ///
    /// # Errors
    ///
    /// [`ENODEV`]: it does.
    pub(crate) fn permit(&self, address: *const c_void) -> Result {
        for module in self.modules.lock().iter().filter(|module| **module != 0) {
            let module = core::ptr::with_exposed_provenance::<module>(*module);
            // SAFETY: A module stays in the list while its unloading waits for us.
            if unsafe { cn_glue_within_module(address, module) } {
                return Err(ENODEV);
            }
        }
        Ok(())
    }

    /// From now on and until the result is dropped, the module may not register anything.
    ///
    /// Context: process; may sleep.
    ///
    /// # Safety
    ///
    /// `module` must point to a module that stays until the result is dropped.
    pub(crate) unsafe fn add(&self, module: *const module) -> Guard<'_> {
        let address = module.expose_provenance();
        let mut modules = self.modules.lock();
        loop {
            if let Some(free) = modules.iter_mut().find(|module| **module == 0) {
                *free = address;
                return Guard {
                    leaving: self,
                    address,
                };
            }
            self.changed.wait(&mut modules);
        }
    }
}

/// A module may not register anything while this lives.
pub(crate) struct Guard<'a> {
    leaving: &'a Leaving,
    address: usize,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        let mut modules = self.leaving.modules.lock();
        if let Some(place) = modules.iter_mut().find(|module| **module == self.address) {
            *place = 0;
        }
        self.leaving.changed.notify_one();
    }
}
