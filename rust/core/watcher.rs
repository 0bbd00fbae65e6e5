// SPDX-License-Identifier: GPL-2.0

//! Watchers: code in the kernel that is told which ids are registered and unregistered.
//!
//! Each watcher reads the log of events at its own pace: one that takes long delays no other one. A
//! task that finds a watcher busy leaves its event to the task that is delivering to it.

use crate::{
    calls::Calls,
    chain::Chain,
    event_log::{Cursor, EventLog},
    frame::{self, Deferred},
    window::widen,
};
use connector::bindings::cb_id;
use core::ptr::NonNull;
use kernel::{
    new_condvar, new_spinlock,
    prelude::*,
    sync::{Arc, CondVar, SpinLock},
};

/// The function of a watcher.
pub(crate) type Watch = unsafe extern "C" fn(*mut c_void, *const cb_id, bool);

/// What the owner of a watcher has handed over.
///
/// # Invariants
///
/// `watch` may be called with `cookie` by all tasks until `release` is, once.
pub(crate) struct Functions {
    watch: Watch,
    release: unsafe extern "C" fn(*mut c_void),
    cookie: *mut c_void,
}

impl Functions {
    /// # Safety
    ///
    /// `watch` must be callable with `cookie` by all tasks until `release` is called, once.
    pub(crate) unsafe fn new(
        watch: Watch,
        release: unsafe extern "C" fn(*mut c_void),
        cookie: *mut c_void,
    ) -> Self {
        // INVARIANT: By the safety requirements.
        Self {
            watch,
            release,
            cookie,
        }
    }

    /// The address of the code that is called.
    pub(crate) fn address(&self) -> *const c_void {
        self.watch as *const c_void
    }
}

/// How far a watcher has read.
struct Reading {
    cursor: Cursor,
    /// Whether a task is delivering to it.
    is_busy: bool,
}

/// A watcher.
#[pin_data]
struct Watcher {
    serial: u64,
    functions: Functions,
    calls: Calls,
    #[pin]
    reading: SpinLock<Reading>,
    deferred: Deferred,
}

// SAFETY: Who makes a watcher promises that its functions may be called from all tasks.
unsafe impl Send for Watcher {}

// SAFETY: As above.
unsafe impl Sync for Watcher {}

/// The list of watchers.
struct List {
    /// Last added first; those that are dead stay until they were reclaimed.
    watchers: Chain<Arc<Watcher>>,
    /// The number of the last watcher; none is used twice.
    last: u64,
}

/// All watchers.
#[pin_data]
pub(crate) struct Watchers {
    #[pin]
    list: SpinLock<List>,
    /// Notified when a watcher was reclaimed.
    #[pin]
    reclaimed: CondVar,
}

impl Watchers {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            list <- new_spinlock!(List { watchers: Chain::new(), last: 0 }, "cn_watchers"),
            reclaimed <- new_condvar!("cn_watchers"),
        })
    }

    /// Adds a watcher of what is added to `log` from now on, and returns its number.
    ///
    /// With the list locked, `permit` is asked whether it may be added.
    ///
    /// Context: process; may sleep.
    ///
    /// # Errors
    ///
    /// - [`ENOMEM`]: no memory.
    /// - What `permit` returns.
    ///
    /// The cookie is not released then.
    pub(crate) fn add(
        &self,
        functions: Functions,
        log: &EventLog,
        permit: impl FnOnce(*const c_void) -> Result,
    ) -> Result<u64> {
        let address = functions.address();
        let reserved = Chain::reserve()?;
        let watcher = Arc::pin_init(
            pin_init!(Watcher {
                serial: 0,
                functions,
                calls: Calls::new(),
                reading <- new_spinlock!(Reading { cursor: log.end(), is_busy: false }, "cn_watcher"),
                deferred: Deferred::new(),
            }),
            GFP_KERNEL,
        )?;
        // Nobody else knows it yet.
        let mut watcher = Arc::into_unique_or_drop(watcher).ok_or(ENOMEM)?;
        let mut list = self.list.lock();
        permit(address)?;
        list.last = list.last.wrapping_add(1);
        let serial = list.last;
        *watcher.as_mut().project().serial = serial;
        list.watchers.push_reserved(reserved, watcher.into());
        Ok(serial)
    }

    /// Delivers to all watchers what they did not get yet, in order, except to those that are busy
    /// with another task.
    ///
    /// Context: process, not inside of a call; sleeps if a watcher does.
    pub(crate) fn deliver(&self) {
        let mut last = 0;
        while let Some(watcher) = self.next_after(last) {
            last = watcher.serial;
            self.deliver_to(&watcher);
        }
    }

    fn next_after(&self, last: u64) -> Option<Arc<Watcher>> {
        let list = self.list.lock();
        let later = list.watchers.iter().filter(|one| one.serial > last);
        later.min_by_key(|one| one.serial).cloned()
    }

    fn deliver_to(&self, watcher: &Arc<Watcher>) {
        // For each event anew: a watcher that is dead gets no more of them.
        while watcher.calls.try_enter() {
            let event = {
                let mut reading = watcher.reading.lock();
                if reading.is_busy {
                    None
                } else {
                    let event = reading.cursor.next();
                    reading.is_busy = event.is_some();
                    event
                }
            };
            if let Some(event) = event {
                widen();
                let id = cb_id {
                    idx: event.id.idx(),
                    val: event.id.val(),
                };
                let Functions { watch, cookie, .. } = watcher.functions;
                // SAFETY: A call was entered, so that the cookie is not released.
                frame::call_out(|| unsafe { watch(cookie, &id, event.registered) });
                watcher.reading.lock().is_busy = false;
            }
            self.leave(watcher);
            if event.is_none() {
                return;
            }
        }
    }

    /// Leaves a call, or ends a watcher that was killed.
    fn leave(&self, watcher: &Arc<Watcher>) {
        if watcher.calls.leave() {
            let subject = NonNull::from(&**watcher).cast();
            // SAFETY: The list keeps the watcher until it is reclaimed, and this watcher's calls
            // have all left, which is said once.
            unsafe {
                watcher
                    .deferred
                    .reclaim(release, subject, NonNull::from(self).cast());
            }
        }
    }

    /// Removes the watcher with this number; see [`Self::remove_all`].
    pub(crate) fn remove(&self, serial: u64) -> usize {
        let removed = self.kill(|watcher| watcher.serial == serial);
        if !frame::is_inside() {
            self.wait_until_reclaimed(|watcher| watcher.serial == serial);
        }
        removed
    }

    /// Removes the watchers for whose code `predicate` holds, waits until they have returned, and
    /// returns how many there were. Those that others have removed are waited for as well.
    ///
    /// Context: process, not inside of a call; may sleep.
    pub(crate) fn remove_all(&self, predicate: impl Fn(*const c_void) -> bool) -> usize {
        let of_code = |watcher: &Watcher| predicate(watcher.functions.address());
        let removed = self.kill(of_code);
        self.wait_until_reclaimed(of_code);
        removed
    }

    fn kill(&self, predicate: impl Fn(&Watcher) -> bool) -> usize {
        let mut count = 0usize;
        loop {
            let list = self.list.lock();
            let found = {
                let mut live = list.watchers.iter().filter(|one| !one.calls.is_dead());
                live.find(|one| predicate(one)).cloned()
            };
            let Some(watcher) = found else {
                return count;
            };
            // Under the lock, so that it is done once.
            watcher.calls.kill();
            drop(list);
            widen();
            self.leave(&watcher);
            count = count.saturating_add(1);
        }
    }

    fn wait_until_reclaimed(&self, predicate: impl Fn(&Watcher) -> bool) {
        let mut list = self.list.lock();
        while list.watchers.iter().any(|one| predicate(one)) {
            self.reclaimed.wait(&mut list);
        }
    }
}

/// Releases the cookie of a watcher, and takes it out of the list.
///
/// # Safety
///
/// `watchers` must be the [`Watchers`] that `watcher` is in; nothing else may be called with its
/// cookie any more. To be called once.
unsafe fn release(watcher: NonNull<()>, watchers: NonNull<()>) {
    // SAFETY: By the safety requirements it is in the list.
    let watcher = unsafe { watcher.cast::<Watcher>().as_ref() };
    let Functions {
        release, cookie, ..
    } = watcher.functions;
    // SAFETY: By the safety requirements.
    unsafe { release(cookie) };
    // SAFETY: By the safety requirements.
    let watchers = unsafe { watchers.cast::<Watchers>().as_ref() };
    let serial = watcher.serial;
    let mut list = watchers.list.lock();
    let removed = list.watchers.extract(|one| one.serial == serial);
    watchers.reclaimed.notify_all();
    drop(list);
    drop(removed);
}
