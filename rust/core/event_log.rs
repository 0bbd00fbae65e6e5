// SPDX-License-Identifier: GPL-2.0

//! What happened to ids, in order, for several readers at their own pace.
//!
//! A list to whose end events are added. Each reader has a [`Cursor`]; an event is freed when all
//! have passed it. Who starts to read reads what is added from then on.

use connector::Id;
use kernel::{
    new_spinlock,
    prelude::*,
    sync::{Arc, SetOnce, SpinLock, UniqueArc},
};

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

/// The log.
#[pin_data]
pub(crate) struct EventLog {
    #[pin]
    last: SpinLock<Arc<Node>>,
}

impl EventLog {
    /// An empty log. May sleep.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: no memory.
    pub(crate) fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            last <- new_spinlock!(Arc::new(Node::new(), GFP_KERNEL)?, "cn_event_log"),
        }? Error)
    }

    /// Adds an event. Does not sleep.
    pub(crate) fn append(&self, blank: Blank, id: Id, registered: bool) {
        let Blank(mut node) = blank;
        let mut last = self.last.lock();
        node.event = Event {
            number: last.event.number.wrapping_add(1),
            id,
            registered,
        };
        let node = Arc::from(node);
        last.next.populate(node.clone());
        *last = node;
    }

    /// The number of the last event.
    pub(crate) fn last_number(&self) -> u64 {
        self.last.lock().event.number
    }

    /// A cursor behind the last event.
    pub(crate) fn end(&self) -> Cursor {
        Cursor(self.last.lock().clone())
    }
}

/// How far a reader has read.
pub(crate) struct Cursor(Arc<Node>);

impl Cursor {
    /// Reads the next event, if there is one.
    pub(crate) fn next(&mut self) -> Option<Event> {
        self.next_up_to(u64::MAX)
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
        while self.next().is_some() {}
    }
}
