// SPDX-License-Identifier: GPL-2.0

//! Who registers and who leaves.
//!
//! C counterpart: none; the notification channel does the same for programs.

use crate::{bindings, Id};
use core::marker::PhantomData;
use kernel::{error::to_result, prelude::*, sync::Arc, types::ForeignOwnable};

/// What happened to an id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// Something was registered under it.
    Registered,
    /// It is free again.
    Unregistered,
}

/// What is told of registrations.
pub trait Watcher: Send + Sync + 'static {
    /// Looks at one change.
    ///
    /// Called by a work item, shortly after the change, and may sleep; no lock is held, so that it
    /// may send, register and unregister, and watch. It is called by one task at a time, and
    /// changes come in order. Whoever causes them does not wait for this, so that the id may be in
    /// another state by now.
    fn changed(&self, id: Id, change: Change);

    /// Changes were left out, at this place in their order: the watcher was more than 65,536
    /// changes behind, or there was no memory (`notify_lost` in `/proc/net/connector_stats` counts
    /// those). A watcher that remembers what is registered has to forget it.
    ///
    /// Called as [`Self::changed`] is.
    fn missed(&self) {}
}

/// A watcher that is told of all ids that come and go, until this is dropped.
///
/// What was registered before is not told, also where the watch is made inside of a watcher.
///
/// # Dropping
///
/// When the drop returns, the watcher is not running and will not be called again. Inside of a call
/// of the connector the drop does not wait; there the watcher lives on until its call has returned.
///
/// # Examples
///
/// ```
/// use connector::{Change, Id, Watch, Watcher};
/// use kernel::{prelude::*, sync::{atomic::{Atomic, Relaxed}, Arc}};
///
/// struct Count(Atomic<u32>);
///
/// impl Watcher for Count {
///     fn changed(&self, _id: Id, change: Change) {
///         if change == Change::Registered {
///             self.0.add(1u32, Relaxed);
///         }
///     }
/// }
///
/// # fn watch() -> Result<Watch<Count>> {
/// let count = Arc::new(Count(Atomic::new(0)), GFP_KERNEL)?;
/// Watch::new(count)
/// # }
/// ```
#[must_use = "a watch ends when it is dropped"]
pub struct Watch<W: Watcher> {
    serial: u64,
    _watcher: PhantomData<Arc<W>>,
}

impl<W: Watcher> Watch<W> {
    /// Starts to tell `watcher`. May sleep.
    ///
    /// # Errors
    ///
    /// - [`EAGAIN`]: the connector has not started yet.
    /// - [`ENODEV`]: the module is being unloaded.
    /// - [`ENOMEM`]: no memory.
    pub fn new(watcher: Arc<W>) -> Result<Self> {
        let cookie = watcher.into_foreign();
        let mut serial = 0;
        // SAFETY: The two functions expect a cookie that came from `Arc<W>::into_foreign`, as this
        // one does; `serial` can be written to.
        let watched = to_result(unsafe {
            bindings::cn_core_watch(
                Some(watch_callback::<W>),
                Some(release_callback::<W>),
                cookie,
                &mut serial,
            )
        });
        if let Err(error) = watched {
            // SAFETY: The core does not have the cookie.
            drop(unsafe { Arc::<W>::from_foreign(cookie) });
            return Err(error);
        }
        Ok(Self {
            serial,
            _watcher: PhantomData,
        })
    }
}

impl<W: Watcher> Drop for Watch<W> {
    fn drop(&mut self) {
        // SAFETY: The core knows which watch is meant by the number, which is never used again.
        unsafe { bindings::cn_core_unwatch(self.serial) };
    }
}

/// Tells the watcher.
///
/// # Safety
///
/// `cookie` must come from `Arc<W>::into_foreign` and not have been released. `id` must point to an
/// id, or be null, if changes were missed.
unsafe extern "C" fn watch_callback<W: Watcher>(
    cookie: *mut c_void,
    id: *const bindings::cb_id,
    registered: bool,
) {
    // SAFETY: By the safety requirements of this function.
    let watcher = unsafe { Arc::<W>::borrow(cookie) };
    // SAFETY: By the safety requirements of this function; `Id` has the layout of `cb_id`.
    let Some(&id) = (unsafe { id.cast::<Id>().as_ref() }) else {
        watcher.missed();
        return;
    };
    let change = if registered {
        Change::Registered
    } else {
        Change::Unregistered
    };
    watcher.changed(id, change);
}

/// Releases the watcher.
///
/// # Safety
///
/// `cookie` must come from `Arc<W>::into_foreign`; it must not be used afterwards.
unsafe extern "C" fn release_callback<W: Watcher>(cookie: *mut c_void) {
    // SAFETY: By the safety requirements of this function.
    drop(unsafe { Arc::<W>::from_foreign(cookie) });
}
