// SPDX-License-Identifier: GPL-2.0

//! The workqueues whose work items call watchers.
//!
//! The kernel runs a limited number of work items of one workqueue at a time, and a watcher may
//! sleep for as long as it likes. So few watchers share a workqueue that all of them can sleep.
//! Another one is made when the others are full. So no watcher waits for another one to return. If
//! many of them begin to sleep at once, the kernel makes their threads one after the other, which
//! takes a moment.
//!
//! C counterpart: none.

#![forbid(unsafe_code)]

use crate::{helpers::OwnedQueue, list::List, sync::read_once};
use core::ops::Deref;
use kernel::{
    new_spinlock,
    prelude::*,
    sync::{
        atomic::{Atomic, Full},
        Arc, SpinLock,
    },
    workqueue::Queue,
};

/// A workqueue that several watchers use.
struct SharedQueue {
    queue: OwnedQueue,
    /// How many watchers use it.
    users: Atomic<usize>,
}

/// The place of one watcher in a workqueue, which others may have after the drop.
pub(crate) struct QueuePlace(Arc<SharedQueue>);

impl Deref for QueuePlace {
    type Target = Queue;

    fn deref(&self) -> &Queue {
        &self.0.queue
    }
}

impl Drop for QueuePlace {
    fn drop(&mut self) {
        self.0.users.fetch_sub(1usize, Full);
    }
}

/// The workqueues of one list of watchers.
#[pin_data]
pub(crate) struct WatchQueues {
    #[pin]
    queues: SpinLock<List<Arc<SharedQueue>>>,
    /// How many watchers can use one workqueue.
    places: usize,
}

impl WatchQueues {
    /// No workqueues. Each that is made is for `places` watchers.
    pub(crate) fn new(places: usize) -> impl PinInit<Self> {
        pin_init!(Self {
            queues <- new_spinlock!(List::new(), "cn_watch_queues"),
            places,
        })
    }

    /// Takes a place, in a new workqueue if the others are full.
    ///
    /// Context: process; may sleep. CPU hotplug is not locked.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: no memory.
    pub(crate) fn take(&self) -> Result<QueuePlace> {
        if let Some(place) = self.take_free() {
            return Ok(place);
        }
        let reserved = List::reserve()?;
        let new = SharedQueue {
            queue: OwnedQueue::new()?,
            users: Atomic::new(1),
        };
        let new = Arc::new(new, GFP_KERNEL)?;
        self.queues.lock().push_reserved(reserved, new.clone());
        Ok(QueuePlace(new))
    }

    fn take_free(&self) -> Option<QueuePlace> {
        let queues = self.queues.lock();
        let queue = queues
            .iter()
            .find(|queue| read_once(&queue.users) < self.places)?;
        // Others add to it under the lock only.
        queue.users.fetch_add(1usize, Full);
        Some(QueuePlace(queue.clone()))
    }

    /// Waits for all work, after which no work item holds a place, and destroys the workqueues.
    ///
    /// Context: process, not in a work item of a watcher; sleeps. Nothing is queued any more.
    pub(crate) fn end(&self) {
        // In a statement of its own, so that the lock is released before this waits.
        let queues = self.queues.lock().take();
        for queue in queues {
            queue.queue.drain();
        }
    }

    /// How many workqueues there are.
    #[cfg(CONFIG_CONNECTOR_KUNIT_TEST)]
    fn count(&self) -> usize {
        self.queues.lock().iter().count()
    }
}

#[cfg(CONFIG_CONNECTOR_KUNIT_TEST)]
#[kernel::prelude::kunit_tests(cn_watch_queues)]
mod tests {
    use super::*;

    /// A place that was given back is taken before a workqueue is made.
    #[test]
    fn places_are_used_again() -> Result {
        let queues = KBox::pin_init(WatchQueues::new(2), GFP_KERNEL)?;
        assert_eq!(queues.count(), 0);
        let (first, _second) = (queues.take()?, queues.take()?);
        assert_eq!(queues.count(), 1);
        let third = queues.take()?;
        assert_eq!(queues.count(), 2);
        assert!(!Arc::ptr_eq(&first.0, &third.0));
        let _fourth = queues.take()?;
        drop(first);
        let fifth = queues.take()?;
        assert_eq!(queues.count(), 2);
        assert!(!Arc::ptr_eq(&fifth.0, &third.0));
        let _sixth = queues.take()?;
        assert_eq!(queues.count(), 3);
        queues.end();
        assert_eq!(queues.count(), 0);
        Ok(())
    }
}
