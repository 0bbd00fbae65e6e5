// SPDX-License-Identifier: GPL-2.0

//! What happened to ids, in order, for several readers at their own pace.
//!
//! A list to whose end events are added. Each reader has a [`Cursor`]; an event is freed when all
//! have passed it. Who starts to read reads what is added from then on. Readers that are too far
//! behind are put at the end by those who add events, so that memory is used for [`MAX_UNREAD`]
//! events at most.

use connector_base::Id;
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
    /// The place of the event among all.
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
    /// An empty log. May sleep.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: no memory.
    pub(crate) fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            end <- new_spinlock!(End {
                last: Arc::new(Node::new(), GFP_KERNEL)?,
                lost: 0,
            }, "cn_event_log"),
        }? Error)
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
    pub(crate) fn end(&self) -> Cursor {
        Cursor(self.end.lock().last.clone())
    }
}

/// How far a reader has read.
pub(crate) struct Cursor(Arc<Node>);

impl Cursor {
    /// The number of the last event that was read.
    pub(crate) fn number(&self) -> u64 {
        self.0.event.number
    }

    /// Whether more than `limit` events up to the one with the number `last` were not read.
    pub(crate) fn is_behind(&self, last: u64, limit: u64) -> bool {
        last.saturating_sub(self.number()) > limit
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

impl Drop for Cursor {
    fn drop(&mut self) {
        // One by one: a long list that nobody else reads must not be dropped by recursion.
        while self.next_up_to(u64::MAX).is_some() {}
    }
}
