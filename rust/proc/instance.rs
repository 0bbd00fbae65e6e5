// SPDX-License-Identifier: GPL-2.0

//! The one service, and how C functions without an argument for it find it.

use crate::{glue::Work, service::Service};
use kernel::{
    prelude::*,
    sync::{
        atomic::{Acquire, Atomic, Release},
        Arc,
    },
};

/// The service while there is one, else null.
static SERVICE: Atomic<*mut Service> = Atomic::new(core::ptr::null_mut());

/// The service; [`None`] before it has started and after it has stopped.
///
/// For hooks, the work and the file, all of which are gone before the service is.
pub(crate) fn get() -> Option<&'static Service> {
    // SAFETY: By the invariants of `Instance`, and since its drop waits for those who call this.
    unsafe { SERVICE.load(Acquire).as_ref() }
}

/// Lets [`get`] find a service for as long as this exists.
///
/// # Invariants
///
/// `SERVICE` is null or points to what `service` owns.
pub(crate) struct Instance {
    service: Arc<Service>,
    work: Option<Work>,
}

impl Instance {
    /// Starts a service.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: no memory.
    pub(crate) fn new(service: Arc<Service>) -> Result<Self> {
        let work = Some(Work::new()?);
        // INVARIANT: The service is owned by what is returned.
        SERVICE.store((&raw const *service).cast_mut(), Release);
        Ok(Self { service, work })
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // The work first, since it attaches hooks.
        drop(self.work.take());
        self.service.stop();
        SERVICE.store(core::ptr::null_mut(), Release);
    }
}
