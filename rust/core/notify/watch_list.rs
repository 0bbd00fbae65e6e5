// SPDX-License-Identifier: GPL-2.0

//! Watchers: code in the kernel that is notified of changes.
//!
//! Changes happen anywhere: while ids are registered, inside of a call of a module, with locks of
//! netlink held. No watcher is called there. Each watcher has a list of what it was not notified of
//! yet, and a work item that calls it, in order. A slow watcher delays no program, no
//! registration and no other watcher, however many sleep ([`watch_queues`](super::watch_queues)).
//!
//! There are watchers of ids ([`event_log`](super::event_log)) and of sockets
//! ([`watch_sockets`](super::watch_sockets)), which differ in what they are notified of.
//!
//! C counterpart: `include/linux/notifier.h`, whose chains are called by the task that causes an
//! event.

#![forbid(unsafe_code)]

use super::watch_queues::{QueuePlace, WatchQueues};
use crate::{
    calls::{self, Deferred, Function, Reclaim},
    helpers::{queue_places, reschedule},
    list::List,
    modules::Leaving,
    sync::{race_delay, read_once},
};
use kernel::{
    new_condvar, new_spinlock,
    prelude::*,
    sync::{
        atomic::{Atomic, Full},
        Arc, CondVar, SpinLock,
    },
    workqueue::{impl_has_work, new_work, Work, WorkItem},
};

/// How many watchers are found at a time.
const WATCHER_BATCH: usize = 32;

/// After how many changes the work of a watcher gives way to other work.
const BATCHES: usize = 64;

/// A notification for watchers of one kind.
pub(crate) trait Subject: Sized + 'static {
    /// The pending notifications of a watcher.
    type Pending: Send + Unpin;
    /// A part of that.
    type Batch: IntoIterator<Item = Self>;

    /// Takes out what comes next. Does not sleep.
    fn take(pending: &mut Self::Pending) -> Option<Self::Batch>;

    /// Frees what a watcher was not notified of. May sleep.
    fn free(pending: Self::Pending);

    /// What has changed, a constant of the interface; and its subject.
    fn into_numbers(self) -> (u32, u64);
}

/// A watcher.
#[pin_data]
pub(crate) struct Watcher<S: Subject> {
    serial: u64,
    function: Function,
    /// The list that it is in.
    list: Arc<Shared<S>>,
    /// The pending notifications; none when it was removed.
    #[pin]
    pending: SpinLock<Option<S::Pending>>,
    #[pin]
    work: Work<Watcher<S>>,
    /// Where the work item is queued.
    queue: QueuePlace,
    deferred: Deferred,
}

impl_has_work! {
    impl{S: Subject} HasWork<Watcher<S>> for Watcher<S> { self.work }
}

impl<S: Subject> WorkItem for Watcher<S> {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        // It runs only once at a time, and is queued again for changes that arrive meanwhile.
        for _ in 0..BATCHES {
            let batch = this.with_pending(S::take).flatten();
            let Some(batch) = batch else {
                return;
            };
            let mut is_live = true;
            for change in batch {
                race_delay();
                // All are taken out, so that the rest is not freed at once.
                is_live = is_live && call(&this, change);
                reschedule();
            }
            if !is_live {
                return;
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
}

/// Calls a watcher; returns false if it may not be called any more.
fn call<S: Subject>(watcher: &Arc<Watcher<S>>, change: S) -> bool {
    let (change, subject) = change.into_numbers();
    let called = watcher.function.call(change, subject);
    if called == Some(true) {
        calls::reclaim(watcher.clone());
    }
    called.is_some()
}

impl<S: Subject> Reclaim for Watcher<S> {
    fn deferred(&self) -> &Deferred {
        &self.deferred
    }

    /// Releases the cookie, and takes the watcher out of its list.
    fn reclaim(this: Arc<Self>) {
        this.function.release();
        let list = this.list.clone();
        let mut watchers = list.watchers.lock();
        let removed = watchers.list.remove(|one| one.serial == this.serial);
        list.count.fetch_sub(1usize, Full);
        list.reclaimed.notify_all();
        drop(watchers);
        drop(removed);
    }
}

/// Queues the work item of a watcher.
pub(crate) fn enqueue<S: Subject>(watcher: Arc<Watcher<S>>) {
    // A work item that is queued already finds the pending changes, too.
    let place = watcher.clone();
    let _ = place.queue.enqueue(watcher);
}

/// The data that the lock of a list protects.
struct Watchers<S: Subject> {
    /// Last added first; those that are dead stay until they were reclaimed.
    list: List<Arc<Watcher<S>>>,
    /// The number of the last watcher; none is used twice.
    last: u64,
}

/// Watchers of one kind. Each of them keeps this as well, until it is reclaimed.
///
/// # Dropping
///
/// There are no watchers then, and nothing is notified any more. This waits for the last work.
pub(crate) struct WatchList<S: Subject>(Arc<Shared<S>>);

#[pin_data]
struct Shared<S: Subject> {
    #[pin]
    watchers: SpinLock<Watchers<S>>,
    /// The number of watchers, so that an empty list is not locked.
    count: Atomic<usize>,
    /// Notified when a watcher was reclaimed.
    #[pin]
    reclaimed: CondVar,
    #[pin]
    queues: WatchQueues,
}

impl<S: Subject> Drop for WatchList<S> {
    fn drop(&mut self) {
        self.0.queues.end();
    }
}

impl<S: Subject> WatchList<S> {
    /// An empty list. May sleep.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: no memory.
    pub(crate) fn new() -> Result<Self> {
        let shared = pin_init!(Shared {
            watchers <- new_spinlock!(Watchers { list: List::new(), last: 0 }, "cn_watchers"),
            count: Atomic::new(0),
            reclaimed <- new_condvar!("cn_watchers"),
            queues <- WatchQueues::new(queue_places()),
        });
        Ok(Self(Arc::pin_init(shared, GFP_KERNEL)?))
    }

    /// Adds a watcher, and returns it; see [`Watcher::serial`] for its number.
    ///
    /// With the list locked, `leaving` decides whether the watcher may be added.
    ///
    /// Context: process; may sleep. CPU hotplug is not locked.
    ///
    /// # Errors
    ///
    /// - [`ENOMEM`]: no memory.
    /// - [`ENODEV`]: its module is being unloaded.
    ///
    /// The cookie is not released then.
    pub(crate) fn add(
        &self,
        function: Function,
        pending: S::Pending,
        leaving: &Leaving,
    ) -> Result<Arc<Watcher<S>>> {
        let address = function.address();
        let reserved = List::reserve()?;
        let queue = self.0.queues.take()?;
        let watcher = Arc::pin_init(
            pin_init!(Watcher {
                serial: 0,
                function,
                list: self.0.clone(),
                pending <- new_spinlock!(Some(pending), "cn_watcher"),
                work <- new_work!("cn_watcher"),
                queue,
                deferred: Deferred::new(),
            }),
            GFP_KERNEL,
        )?;
        // There is no other reference yet.
        let mut watcher = Arc::into_unique_or_drop(watcher).ok_or(ENOMEM)?;
        let mut watchers = self.0.watchers.lock();
        leaving.permit(address)?;
        watchers.last = watchers.last.wrapping_add(1);
        *watcher.as_mut().project().serial = watchers.last;
        let watcher = Arc::from(watcher);
        watchers.list.push_reserved(reserved, watcher.clone());
        self.0.count.fetch_add(1usize, Full);
        Ok(watcher)
    }

    /// Whether there is no watcher.
    pub(crate) fn is_empty(&self) -> bool {
        read_once(&self.0.count) == 0
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
            let watchers = self.0.watchers.lock();
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
        if !calls::is_inside() {
            self.wait_until_reclaimed(|watcher| watcher.serial == serial);
        }
        removed
    }

    /// Removes the watchers for whose code `predicate` holds, waits until they have returned, and
    /// returns how many there were. Those that others have removed are waited for as well.
    ///
    /// Context: process, not inside of a call; may sleep.
    pub(crate) fn remove_all(&self, predicate: impl Fn(*const c_void) -> bool) -> usize {
        let of_code = |watcher: &Watcher<S>| predicate(watcher.function.address());
        let removed = self.kill(of_code);
        self.wait_until_reclaimed(of_code);
        removed
    }

    fn kill(&self, predicate: impl Fn(&Watcher<S>) -> bool) -> usize {
        let mut count = 0usize;
        loop {
            let watchers = self.0.watchers.lock();
            let found = {
                let mut live = watchers.list.iter().filter(|one| !one.function.is_ended());
                live.find(|one| predicate(one)).cloned()
            };
            let Some(watcher) = found else {
                return count;
            };
            // Under the lock, so that another task does not find it.
            let is_idle = watcher.function.end();
            drop(watchers);
            race_delay();
            // The watcher may run for long, and must not keep memory meanwhile. In a statement of
            // its own, so that the lock is released before the memory is freed.
            let pending = watcher.pending.lock().take();
            if let Some(pending) = pending {
                S::free(pending);
            }
            if is_idle {
                calls::reclaim(watcher);
            }
            count = count.saturating_add(1);
        }
    }

    fn wait_until_reclaimed(&self, predicate: impl Fn(&Watcher<S>) -> bool) {
        let mut watchers = self.0.watchers.lock();
        while watchers.list.iter().any(|one| predicate(one)) {
            self.0.reclaimed.wait(&mut watchers);
        }
    }
}
