// SPDX-License-Identifier: GPL-2.0

//! Who watches ids come and go from inside the kernel.

use crate::{chain::Chain, once::read_once};
use connector::{bindings::cb_id, Id};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        Mutex,
    },
};

/// The function of a watcher.
pub(crate) type Watch = unsafe extern "C" fn(*mut c_void, *const cb_id, bool);

/// A watcher; its cookie is released when this is dropped.
///
/// # Invariants
///
/// `watch` may be called with `cookie` until `release` is, which happens once, in the drop.
pub(crate) struct Watcher {
    serial: u64,
    /// Not 0: not to be called any more, and to be dropped by who has the turn.
    condemned: Atomic<u32>,
    watch: Watch,
    release: unsafe extern "C" fn(*mut c_void),
    cookie: *mut c_void,
}

// SAFETY: Who makes a watcher promises that its functions may be called from all tasks.
unsafe impl Send for Watcher {}

impl Watcher {
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
            serial: 0,
            condemned: Atomic::new(0),
            watch,
            release,
            cookie,
        }
    }

    /// The number of the watcher.
    pub(crate) fn serial(&self) -> u64 {
        self.serial
    }

    fn is_condemned(&self) -> bool {
        read_once(&self.condemned) != 0
    }

    /// The address of the code that is called.
    pub(crate) fn address(&self) -> *const c_void {
        self.watch as *const c_void
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        // SAFETY: By the type invariants.
        unsafe { (self.release)(self.cookie) };
    }
}

/// The proof that nobody else calls or drops watchers; there is one.
pub(crate) struct Turn(());

impl Turn {
    /// The one proof; for whoever makes the only [`Watchers`].
    pub(crate) const fn new() -> Self {
        Self(())
    }
}

/// All watchers.
#[pin_data]
pub(crate) struct Watchers {
    /// The last added one first. Not locked while a watcher is called.
    #[pin]
    list: Mutex<Chain<Watcher>>,
}

impl Watchers {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            list <- new_mutex!(Chain::new(), "cn_watchers"),
        })
    }

    /// Adds the watcher that `make` makes, and returns its number.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: no memory; the watcher is not made.
    pub(crate) fn add(&self, make: impl FnOnce() -> Watcher) -> Result<u64> {
        let mut list = self.list.lock();
        let last = list.iter().next().map_or(0, |last| last.serial);
        let serial = last.wrapping_add(1);
        list.push_with(|| {
            let mut watcher = make();
            watcher.serial = serial;
            watcher
        })?;
        Ok(serial)
    }

    /// Removes those for which `predicate` holds, and returns how many there were.
    pub(crate) fn remove(&self, _turn: &mut Turn, predicate: impl Fn(&Watcher) -> bool) -> usize {
        let removed = self.list.lock().extract(predicate);
        removed.iter().fold(0, |count, _| count.saturating_add(1))
    }

    /// Sees to it that a watcher is not called any more; [`Self::call_all`] drops it.
    pub(crate) fn condemn(&self, serial: u64) {
        let list = self.list.lock();
        let mut meant = list.iter().filter(|watcher| watcher.serial == serial);
        if let Some(watcher) = meant.next() {
            watcher.condemned.store(1, Relaxed);
        }
    }

    /// Calls all watchers in the order in which they were added, and drops those which were
    /// condemned meanwhile. Returns how many.
    pub(crate) fn call_all(&self, turn: &mut Turn, id: Id, registered: bool) -> usize {
        let raw_id = cb_id {
            idx: id.idx(),
            val: id.val(),
        };
        let mut last = 0;
        // The list may change while a watcher runs, so look for the next number each time.
        while let Some((serial, call)) = self.next_after(last) {
            last = serial;
            if let Some((watch, cookie)) = call {
                // SAFETY: Watchers are dropped only by who has the turn, which is us: until this
                // returns, the watcher is not released.
                unsafe { watch(cookie, &raw_id, registered) };
            }
        }
        self.remove(turn, Watcher::is_condemned)
    }

    fn next_after(&self, last: u64) -> Option<(u64, Option<(Watch, *mut c_void)>)> {
        let list = self.list.lock();
        let later = list.iter().filter(|watcher| watcher.serial > last);
        let next = later.min_by_key(|watcher| watcher.serial)?;
        let call = (!next.is_condemned()).then_some((next.watch, next.cookie));
        Some((next.serial, call))
    }
}
