// SPDX-License-Identifier: GPL-2.0

//! Watchers: code in the kernel that is notified of changes.
//!
//! Changes happen anywhere: while ids are registered, inside of a call of a module, with locks of
//! netlink held. No watcher is called there. Each watcher has a list of what it was not notified of
//! yet, and a work item that calls it, in order. A slow watcher delays no other watcher, no
//! program, and no registration.
//!
//! There are watchers of ids ([`id_watchers`](crate::id_watchers)) and of sockets
//! ([`socket_watchers`](crate::socket_watchers)), which differ in what they are notified of.
//!
//! C counterpart: `include/linux/notifier.h`, whose chains are called by whoever causes an event.

use crate::{
    atomic::read_once,
    calls::Calls,
    frame::{self, Deferred},
    list::List,
    race_delay::race_delay,
};
use connector_base::bindings::cn_glue_workqueue;
use core::ptr::NonNull;
use kernel::{
    new_condvar, new_spinlock,
    prelude::*,
    sync::{
        atomic::{Atomic, Full},
        Arc, CondVar, SpinLock,
    },
    workqueue::{impl_has_work, new_work, Queue, Work, WorkItem},
};

/// How many watchers are found at a time.
const WATCHER_BATCH: usize = 32;

/// After how many changes the work of a watcher gives way to other work.
const BATCHES: usize = 64;

/// What watchers of one kind are notified of.
pub(crate) trait Subject: Sized + 'static {
    /// What a watcher was not notified of yet.
    type Pending: Send + Unpin;
    /// A part of that.
    type Batch: IntoIterator<Item = Self>;

    /// Takes out what comes next. Does not sleep.
    fn take(pending: &mut Self::Pending) -> Option<Self::Batch>;

    /// What has changed, a constant of the interface; and its subject.
    fn into_numbers(self) -> (u32, u64);
}

/// The function of a watcher: its cookie, what has changed, and the subject of that.
type Function = unsafe extern "C" fn(*mut c_void, u32, u64);

/// What the owner of a watcher has handed over.
///
/// # Invariants
///
/// `watch` may be called with `cookie` by all tasks until `release` is, once.
pub(crate) struct Functions {
    watch: Function,
    release: unsafe extern "C" fn(*mut c_void),
    cookie: *mut c_void,
}

impl Functions {
    /// # Safety
    ///
    /// `watch` must be callable with `cookie` by all tasks until `release` is called, once.
    pub(crate) unsafe fn new(
        watch: Function,
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
    fn address(&self) -> *const c_void {
        self.watch as *const c_void
    }
}

/// A watcher.
///
/// # Invariants
///
/// `list` points to the list that it is in, which outlives its work.
#[pin_data]
pub(crate) struct Watcher<S: Subject> {
    serial: u64,
    functions: Functions,
    list: NonNull<WatchList<S>>,
    calls: Calls,
    /// What it was not notified of yet; nothing when it was removed.
    #[pin]
    pending: SpinLock<Option<S::Pending>>,
    #[pin]
    work: Work<Watcher<S>>,
    deferred: Deferred,
}

// SAFETY: By the invariants of `Functions` these may be called from all tasks; the list may be used
// from all tasks, too.
unsafe impl<S: Subject> Send for Watcher<S> {}

// SAFETY: As above; what is pending is behind a lock.
unsafe impl<S: Subject> Sync for Watcher<S> {}

impl_has_work! {
    impl{S: Subject} HasWork<Watcher<S>> for Watcher<S> { self.work }
}

impl<S: Subject> WorkItem for Watcher<S> {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        // It runs only once at a time, and is queued anew for what comes meanwhile.
        for _ in 0..BATCHES {
            let batch = this.with_pending(S::take).flatten();
            let Some(batch) = batch else {
                return;
            };
            for change in batch {
                race_delay();
                if !this.call(change) {
                    return;
                }
            }
        }
        enqueue(this);
    }
}

impl<S: Subject> Watcher<S> {
    /// The number of the watcher.
    pub(crate) fn serial(&self) -> u64 {
        self.serial
    }

    /// Calls `work` with what the watcher was not notified of yet, unless it was removed. Does not
    /// sleep, and nor may `work`; what that returns is dropped without the lock.
    pub(crate) fn with_pending<R>(&self, work: impl FnOnce(&mut S::Pending) -> R) -> Option<R> {
        let pending = &mut *self.pending.lock();
        pending.as_mut().map(work)
    }

    /// Calls the watcher; returns false if it may not be called any more.
    fn call(&self, change: S) -> bool {
        if !self.calls.try_enter() {
            return false;
        }
        let Functions { watch, cookie, .. } = self.functions;
        let (change, subject) = change.into_numbers();
        // SAFETY: A call was entered, so that the cookie is not released.
        frame::call_out(|| unsafe { watch(cookie, change, subject) });
        self.leave();
        true
    }

    /// Leaves a call, or the list.
    fn leave(&self) {
        if self.calls.leave() {
            // SAFETY: `release` is for watchers of this kind and their list, which keeps the
            // watcher until it is called. Its calls have all left, which is said once.
            unsafe {
                self.deferred
                    .reclaim(release::<S>, NonNull::from(self).cast(), self.list.cast());
            }
        }
    }
}

/// Has a watcher notified of what is pending.
pub(crate) fn enqueue<S: Subject>(watcher: Arc<Watcher<S>>) {
    // SAFETY: The queue exists as long as the connector does.
    let queue = unsafe { Queue::from_raw(cn_glue_workqueue()) };
    // If it is queued already, its work will find what is pending.
    let _ = queue.enqueue(watcher);
}

/// What the lock of a list is for.
struct Watchers<S: Subject> {
    /// Last added first; those that are dead stay until they were reclaimed.
    list: List<Arc<Watcher<S>>>,
    /// The number of the last watcher; none is used twice.
    last: u64,
}

/// Watchers of one kind.
#[pin_data]
pub(crate) struct WatchList<S: Subject> {
    #[pin]
    watchers: SpinLock<Watchers<S>>,
    /// How many there are, so that nothing is locked where there is none.
    count: Atomic<usize>,
    /// Notified when a watcher was reclaimed.
    #[pin]
    reclaimed: CondVar,
}

impl<S: Subject> WatchList<S> {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            watchers <- new_spinlock!(Watchers { list: List::new(), last: 0 }, "cn_watchers"),
            count: Atomic::new(0),
            reclaimed <- new_condvar!("cn_watchers"),
        })
    }

    /// Adds a watcher, whose number is the result's.
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
        pending: S::Pending,
        permit: impl FnOnce(*const c_void) -> Result,
    ) -> Result<Arc<Watcher<S>>> {
        let address = functions.address();
        let list = NonNull::from(self);
        let reserved = List::reserve()?;
        // INVARIANT: The list is freed after all work was done, and a watcher is in it while it has
        // work.
        let watcher = Arc::pin_init(
            pin_init!(Watcher {
                serial: 0,
                functions,
                list,
                calls: Calls::new(),
                pending <- new_spinlock!(Some(pending), "cn_watcher"),
                work <- new_work!("cn_watcher"),
                deferred: Deferred::new(),
            }),
            GFP_KERNEL,
        )?;
        // Nobody else knows it yet.
        let mut watcher = Arc::into_unique_or_drop(watcher).ok_or(ENOMEM)?;
        let mut watchers = self.watchers.lock();
        permit(address)?;
        watchers.last = watchers.last.wrapping_add(1);
        *watcher.as_mut().project().serial = watchers.last;
        let watcher = Arc::from(watcher);
        watchers.list.push_reserved(reserved, watcher.clone());
        self.count.fetch_add(1usize, Full);
        Ok(watcher)
    }

    /// Whether there is no watcher.
    pub(crate) fn is_empty(&self) -> bool {
        read_once(&self.count) == 0
    }

    /// Has all watchers notified of what is pending after `update` was called for them.
    ///
    /// Context: process; does not sleep unless `update` does. Nothing of the list is locked then.
    pub(crate) fn notify(&self, mut update: impl FnMut(&Watcher<S>)) {
        if self.is_empty() {
            return;
        }
        let mut before = u64::MAX;
        loop {
            let mut some = [const { None }; WATCHER_BATCH];
            let watchers = self.watchers.lock();
            let limit = before;
            let others = watchers.list.iter().filter(|one| one.serial < limit);
            for (to, watcher) in some.iter_mut().zip(others) {
                before = watcher.serial;
                *to = Some(watcher.clone());
            }
            drop(watchers);
            let is_last = some.last().is_none_or(|last| last.is_none());
            for watcher in some.into_iter().flatten() {
                update(&watcher);
                enqueue(watcher);
            }
            if is_last {
                return;
            }
        }
    }

    /// Removes the watcher with this number. Waits until it has returned, except inside of a call.
    ///
    /// Context: process; may sleep.
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
        let of_code = |watcher: &Watcher<S>| predicate(watcher.functions.address());
        let removed = self.kill(of_code);
        self.wait_until_reclaimed(of_code);
        removed
    }

    fn kill(&self, predicate: impl Fn(&Watcher<S>) -> bool) -> usize {
        let mut count = 0usize;
        loop {
            let watchers = self.watchers.lock();
            let found = {
                let mut live = watchers.list.iter().filter(|one| !one.calls.is_dead());
                live.find(|one| predicate(one)).cloned()
            };
            let Some(watcher) = found else {
                return count;
            };
            // Under the lock, so that it is done once.
            watcher.calls.kill();
            drop(watchers);
            race_delay();
            // It may be in its call for long, and is not to keep memory meanwhile. By itself, so
            // that the lock ends before much is freed.
            let pending = watcher.pending.lock().take();
            drop(pending);
            watcher.leave();
            count = count.saturating_add(1);
        }
    }

    fn wait_until_reclaimed(&self, predicate: impl Fn(&Watcher<S>) -> bool) {
        let mut watchers = self.watchers.lock();
        while watchers.list.iter().any(|one| predicate(one)) {
            self.reclaimed.wait(&mut watchers);
        }
    }
}

/// Releases the cookie of a watcher, and takes it out of its list.
///
/// # Safety
///
/// `list` must be the [`WatchList<S>`] that `watcher` is in; nothing else may be called with its
/// cookie any more. To be called once.
unsafe fn release<S: Subject>(watcher: NonNull<()>, list: NonNull<()>) {
    // SAFETY: By the safety requirements it is in the list.
    let watcher = unsafe { watcher.cast::<Watcher<S>>().as_ref() };
    let Functions {
        release, cookie, ..
    } = watcher.functions;
    // SAFETY: By the safety requirements.
    unsafe { release(cookie) };
    // SAFETY: By the safety requirements.
    let list = unsafe { list.cast::<WatchList<S>>().as_ref() };
    let serial = watcher.serial;
    let mut watchers = list.watchers.lock();
    let removed = watchers.list.remove(|one| one.serial == serial);
    list.count.fetch_sub(1usize, Full);
    list.reclaimed.notify_all();
    drop(watchers);
    drop(removed);
}
