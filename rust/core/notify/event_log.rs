// SPDX-License-Identifier: GPL-2.0

//! The events about ids, in order. Several readers read them at their own pace: the delivery to
//! programs, and watchers.
//!
//! Events are added at the end of a list. Each reader has an [`EventCursor`]; an event is freed
//! when all cursors have passed it. A new reader starts at the end. A task that adds an event moves
//! readers that are too far behind to the end, so that memory is used for [`MAX_UNREAD`] events at
//! most.

#![forbid(unsafe_code)]

use super::watch_list::{enqueue, Subject, WatchList, Watcher};
use crate::{calls::Function, modules::Leaving};
use connector_base::{
    bindings::{CN_IDS_MISSED, CN_ID_REGISTERED, CN_ID_UNREGISTERED},
    Id,
};
use kernel::{
    new_spinlock,
    prelude::*,
    sync::{Arc, SetOnce, SpinLock, UniqueArc},
};

/// How many events a reader may be behind. Beyond what one burst of registrations makes; some
/// megabytes.
pub(crate) const MAX_UNREAD: u64 = 65_536;

/// An id was registered or unregistered.
#[derive(Clone, Copy)]
pub(crate) struct Event {
    /// The number of the event in the order of all events.
    pub(crate) number: u64,
    pub(crate) id: Id,
    /// Whether it was registered.
    pub(crate) registered: bool,
}

/// An event in the list. The first node that there ever is holds none that is read.
struct Node {
    event: Event,
    next: SetOnce<Arc<Node>>,
}

impl Node {
    fn new() -> Self {
        Self {
            event: Event {
                number: 0,
                id: Id::new(0, 0),
                registered: false,
            },
            next: SetOnce::new(),
        }
    }
}

impl Node {
    /// Takes the reference to the next node out.
    fn take_next(&mut self) -> Option<Arc<Self>> {
        let next = core::mem::replace(&mut self.next, SetOnce::new());
        next.as_ref().cloned()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // One by one: unshared nodes must not be dropped by recursion, however many follow this
        // one.
        let mut next = self.take_next();
        while let Some(node) = next {
            next =
                Arc::into_unique_or_drop(node).and_then(|node| Pin::into_inner(node).take_next());
        }
    }
}

/// Memory for an event.
pub(crate) struct Blank(UniqueArc<Node>);

impl Blank {
    /// Takes memory, as `flags` allow.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: no memory.
    pub(crate) fn new(flags: kernel::alloc::Flags) -> Result<Self> {
        Ok(Self(UniqueArc::new(Node::new(), flags)?))
    }
}

/// The end of the log.
struct End {
    last: Arc<Node>,
    /// How many events could not be added.
    lost: u64,
}

/// The log.
#[pin_data]
pub(crate) struct EventLog {
    #[pin]
    end: SpinLock<End>,
}

impl EventLog {
    /// An empty log, with a cursor that begins at `start`.
    pub(crate) fn new(start: &EventCursor) -> impl PinInit<Self> {
        let last = start.0.clone();
        pin_init!(Self {
            end <- new_spinlock!(End { last, lost: 0 }, "cn_event_log"),
        })
    }

    /// Adds an event. Does not sleep.
    pub(crate) fn append(&self, blank: Blank, id: Id, registered: bool) {
        let Blank(mut node) = blank;
        let mut end = self.end.lock();
        node.event = Event {
            number: end.last.event.number.wrapping_add(1),
            id,
            registered,
        };
        let node = Arc::from(node);
        end.last.next.populate(node.clone());
        end.last = node;
    }

    /// Remembers that there was an event for which there is no memory. Does not sleep.
    pub(crate) fn lose(&self) {
        let mut end = self.end.lock();
        end.lost = end.lost.wrapping_add(1);
    }

    /// How many events could not be added.
    pub(crate) fn lost(&self) -> u64 {
        self.end.lock().lost
    }

    /// The number of the last event.
    pub(crate) fn last_number(&self) -> u64 {
        self.end.lock().last.event.number
    }

    /// A cursor behind the last event.
    pub(crate) fn end(&self) -> EventCursor {
        EventCursor(self.end.lock().last.clone())
    }
}

/// How far a reader has read.
pub(crate) struct EventCursor(Arc<Node>);

impl EventCursor {
    /// The start of a log that has yet to be made. May sleep.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: no memory.
    pub(crate) fn start() -> Result<Self> {
        Ok(Self(Arc::new(Node::new(), GFP_KERNEL)?))
    }

    /// The number of the last event that was read.
    pub(crate) fn number(&self) -> u64 {
        self.0.event.number
    }

    /// How many events up to the one with the number `last` were not read.
    pub(crate) fn unread(&self, last: u64) -> u64 {
        last.saturating_sub(self.number())
    }

    /// Whether there is an event to be read.
    pub(crate) fn has_next(&self) -> bool {
        self.0.next.as_ref().is_some()
    }

    /// Reads the next event, if there is one and its number is not above `last`.
    pub(crate) fn next_up_to(&mut self, last: u64) -> Option<Event> {
        let next = self.0.next.as_ref()?;
        let event = next.event;
        if event.number > last {
            return None;
        }
        self.0 = next.clone();
        Some(event)
    }
}

/// A notification for a watcher of ids.
pub(crate) enum IdChange {
    Event(Event),
    Missed,
}

/// The pending notifications of a watcher of ids. It reads the log at its own pace; one that is too
/// far behind goes on at the end, and is notified that it has missed something.
pub(crate) struct UnreadEvents {
    cursor: EventCursor,
    /// How many events the log had lost when this was last compared.
    lost: u64,
    /// Whether the watcher has to be notified that it has missed something.
    has_missed: bool,
}

impl UnreadEvents {
    /// Begins behind the last event.
    pub(crate) fn new(log: &EventLog) -> Self {
        Self {
            lost: log.lost(),
            cursor: log.end(),
            has_missed: false,
        }
    }

    /// After a loss, or too far behind, goes on at the end of the log. Returns the position before,
    /// with which many events may be freed.
    pub(crate) fn catch_up(&mut self, log: &EventLog) -> Option<EventCursor> {
        let lost = log.lost();
        let has_lost = core::mem::replace(&mut self.lost, lost) != lost;
        if !has_lost && self.cursor.unread(log.last_number()) <= MAX_UNREAD {
            return None;
        }
        // The watcher has to discard its state, and so need not be notified of earlier events.
        self.has_missed = true;
        Some(core::mem::replace(&mut self.cursor, log.end()))
    }
}

impl Subject for IdChange {
    type Pending = UnreadEvents;
    type Batch = Option<Self>;

    fn take(unread: &mut UnreadEvents) -> Option<Option<Self>> {
        if core::mem::take(&mut unread.has_missed) {
            return Some(Some(Self::Missed));
        }
        unread
            .cursor
            .next_up_to(u64::MAX)
            .map(|event| Some(Self::Event(event)))
    }

    fn free(unread: UnreadEvents) {
        // The log is limited.
        drop(unread);
    }

    fn into_numbers(self) -> (u32, u64) {
        match self {
            Self::Event(Event { id, registered, .. }) => {
                let change = if registered {
                    CN_ID_REGISTERED
                } else {
                    CN_ID_UNREGISTERED
                };
                (change, u64::from(id.val()) << 32 | u64::from(id.idx()))
            }
            Self::Missed => (CN_IDS_MISSED, 0),
        }
    }
}

impl WatchList<IdChange> {
    /// Adds a watcher of what is added to `log` from now on, and returns its number; see
    /// [`WatchList::add`].
    pub(crate) fn watch(
        &self,
        function: Function,
        log: &EventLog,
        leaving: &Leaving,
    ) -> Result<u64> {
        let watcher = self.add(function, UnreadEvents::new(log), leaving)?;
        let serial = watcher.serial();
        // Events that were added after the cursor was made and before the watcher was in the list.
        catch_up(&watcher, log);
        enqueue(watcher);
        Ok(serial)
    }

    /// Has all watchers notified of what they have not read of `log`.
    ///
    /// Context: process; does not sleep.
    pub(crate) fn read(&self, log: &EventLog) {
        self.notify(|watcher| catch_up(watcher, log));
    }
}

/// Puts a watcher that is too far behind at the end of `log`, and remembers what it has missed.
fn catch_up(watcher: &Watcher<IdChange>, log: &EventLog) {
    let passed = watcher.with_pending(|unread| unread.catch_up(log));
    // In a statement of its own, so that the lock is released before the memory is freed.
    drop(passed);
}

#[cfg(CONFIG_CONNECTOR_KUNIT_TEST)]
#[kernel::prelude::kunit_tests(cn_event_log)]
mod tests {
    use super::*;

    #[test]
    fn readers_read_at_their_own_pace() -> Result {
        let mut early = EventCursor::start()?;
        let log = KBox::pin_init(EventLog::new(&early), GFP_KERNEL)?;
        for val in 0..1000 {
            log.append(Blank::new(GFP_KERNEL)?, Id::new(1, val), true);
        }
        let mut late = log.end();
        assert!(late.next_up_to(u64::MAX).is_none());
        assert_eq!(log.last_number(), 1000);
        let first = early.next_up_to(1).map(|event| event.id);
        assert_eq!(first, Some(Id::new(1, 0)));
        assert!(early.next_up_to(1).is_none());
        log.append(Blank::new(GFP_KERNEL)?, Id::new(2, 0), false);
        let event = late.next_up_to(u64::MAX);
        assert!(event.is_some_and(|event| event.number == 1001 && !event.registered));
        let mut count = 0u32;
        while early.next_up_to(u64::MAX).is_some() {
            count = count.saturating_add(1);
        }
        assert_eq!(count, 1000);
        Ok(())
    }

    #[test]
    fn a_loss_is_notified_after_what_came_before() -> Result {
        let start = EventCursor::start()?;
        let log = KBox::pin_init(EventLog::new(&start), GFP_KERNEL)?;
        let mut unread = UnreadEvents::new(&log);
        log.append(Blank::new(GFP_KERNEL)?, Id::new(1, 1), true);
        log.lose();
        drop(unread.catch_up(&log));
        log.append(Blank::new(GFP_KERNEL)?, Id::new(1, 2), true);
        drop(unread.catch_up(&log));
        let mut next = || IdChange::take(&mut unread).flatten();
        assert!(matches!(next(), Some(IdChange::Missed)));
        // The older one was passed over, since the watcher has to discard its state.
        assert!(matches!(next(), Some(IdChange::Event(event)) if event.id == Id::new(1, 2)));
        assert!(next().is_none());
        Ok(())
    }

    /// A recursion ends in the guard page of the stack, on kernels that have one (`VMAP_STACK`).
    #[test]
    fn many_events_are_freed_without_recursion() -> Result {
        let early = EventCursor::start()?;
        let log = KBox::pin_init(EventLog::new(&early), GFP_KERNEL)?;
        for val in 0..100_000 {
            log.append(Blank::new(GFP_KERNEL)?, Id::new(1, val), true);
        }
        assert!(early.has_next());
        drop(early);
        assert_eq!(log.last_number(), 100_000);
        Ok(())
    }
}
