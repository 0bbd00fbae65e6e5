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
    modules::Leaving,
    sync::{race_delay, read_once},
};
use kernel::{
    new_condvar, new_spinlock,
    prelude::*,
    rbtree::{RBTree, RBTreeNodeReservation},
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
        let removed = watchers.tree.remove(&this.serial);
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
    /// By number; those that are dead stay until they were reclaimed.
    tree: RBTree<u64, Arc<Watcher<S>>>,
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
            watchers <- new_spinlock!(Watchers { tree: RBTree::new(), last: 0 }, "cn_watchers"),
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
        let reserved = RBTreeNodeReservation::new(GFP_KERNEL)?;
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
        let node = reserved.into_node(watchers.last, watcher.clone());
        watchers.tree.insert(node);
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
        self.for_each(|watcher| {
            update(&watcher);
            enqueue(watcher);
        });
    }

    /// Removes the watcher with this number. Waits until it has returned, except inside of a call.
    ///
    /// Context: process; may sleep.
    pub(crate) fn remove(&self, serial: u64) -> usize {
        // In a statement of its own, so that the lock is released before the watcher is.
        let found = self.0.watchers.lock().tree.get(&serial).cloned();
        let removed = found.is_some_and(kill);
        if !calls::is_inside() {
            self.wait_until_reclaimed(serial);
        }
        removed.into()
    }

    /// Removes the watchers for whose code `predicate` holds, waits until they have returned, and
    /// returns how many there were. Those that others have removed are waited for as well.
    ///
    /// Context: process, not inside of a call; may sleep.
    pub(crate) fn remove_all(&self, predicate: impl Fn(*const c_void) -> bool) -> usize {
        let of_code = |watcher: &Watcher<S>| predicate(watcher.function.address());
        let mut count = 0usize;
        self.for_each(|watcher| {
            if of_code(&watcher) && kill(watcher) {
                count = count.saturating_add(1);
            }
            reschedule();
        });
        self.for_each(|watcher| {
            if of_code(&watcher) {
                self.wait_until_reclaimed(watcher.serial);
            }
        });
        count
    }

    /// Calls `work` with all watchers that are there now, in the order of their numbers. Nothing of
    /// the list is locked then.
    fn for_each(&self, mut work: impl FnMut(Arc<Watcher<S>>)) {
        let (mut next, mut last) = (0, None);
        loop {
            let mut some = [const { None }; WATCHER_BATCH];
            let mut watchers = self.0.watchers.lock();
            // One that is added meanwhile is not reached, or this might not end.
            let last = *last.get_or_insert(watchers.last);
            let mut cursor = watchers.tree.cursor_lower_bound_mut(&next);
            for to in &mut some {
                let Some(here) = cursor else {
                    break;
                };
                let (serial, watcher) = here.current();
                next = serial.wrapping_add(1);
                *to = (*serial <= last).then(|| watcher.clone());
                cursor = here.move_next();
            }
            drop(watchers);
            let is_last = some.last().is_none_or(|last| last.is_none());
            some.into_iter().flatten().for_each(&mut work);
            if is_last {
                return;
            }
        }
    }

    fn wait_until_reclaimed(&self, serial: u64) {
        let mut watchers = self.0.watchers.lock();
        while watchers.tree.get(&serial).is_some() {
            self.0.reclaimed.wait(&mut watchers);
        }
    }
}

/// Has a watcher called no more, and reclaimed when its last call has returned. Returns false if it
/// was removed before.
fn kill<S: Subject>(watcher: Arc<Watcher<S>>) -> bool {
    let Some(is_idle) = watcher.function.end() else {
        return false;
    };
    race_delay();
    // The watcher may run for long, and must not keep memory meanwhile. In a statement of its own,
    // so that the lock is released before the memory is freed.
    let pending = watcher.pending.lock().take();
    if let Some(pending) = pending {
        S::free(pending);
    }
    if is_idle {
        calls::reclaim(watcher);
    }
    true
}
