// SPDX-License-Identifier: GPL-2.0

//! Notification of registered and unregistered ids: messages to programs, calls of watchers.
//!
//! Guarantees:
//!
//! - Events are delivered in the order in which ids were registered and unregistered. No lock is
//!   held meanwhile.
//! - An event is delivered before the call that caused it returns, unless another task is
//!   delivering at that moment (or waits to), which then delivers it too; and watchers are called when the task is
//!   not inside of a call of the connector any more.
//! - A request belongs to the socket that made it, and ends with it. Closing a socket waits for no
//!   delivery.
//! - After a snapshot, a requester gets each later event, and no earlier one.
//!
//! An event is added to the log while the table is locked, which fixes its place, and delivered
//! afterwards. A request or a snapshot has its place in the same order: the number of the last event
//! when it was made.
//!
//! Locks: `cn_requests` and that of the log are taken inside of the table's.
//!
//! C counterpart: `cn_notify()` in `drivers/connector/connector.c`, until it was removed in 2010.

use crate::{
    buffer::Buffer,
    chain::{Chain, Reserved},
    counters::Counter,
    entry::Entry,
    event_log::{Blank, Cursor, Event, EventLog},
    frame,
    once::read_once,
    registry::Registry,
    request::{matches, Range, Request},
    socket::{self, Filter},
    watcher::{Functions, Watchers},
    window::widen,
    zeroed::zeroed,
};
use connector::{wire::Header, Id};
use kernel::{
    bindings::{sock, GFP_ATOMIC as GFP_MUST_NOT_SLEEP, GFP_KERNEL as GFP_MAY_SLEEP},
    new_condvar, new_spinlock,
    prelude::*,
    sync::{
        atomic::{Atomic, Full},
        CondVar, SpinLock,
    },
};

/// How many ids of a snapshot share a buffer.
const SNAPSHOT_BATCH: usize = 64;

/// The socket that a request belongs to. Only compared; never looked into.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner(usize);

impl Owner {
    pub(crate) fn new(socket: *const sock) -> Self {
        Self(socket.addr())
    }
}

/// How many requests there may be.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// Of all sockets together.
    pub(crate) total: usize,
    /// Of one socket.
    pub(crate) per_socket: usize,
}

/// How many groups are looked up at a time.
const GROUP_BATCH: usize = 64;

/// The message of an event.
const fn message(id: Id, registered: bool) -> Header {
    Header {
        id,
        seq: 0,
        ack: !registered as u32,
        len: 0,
        flags: 0,
    }
}

/// A request as it is kept.
struct StoredRequest {
    /// The number of the request; none is used twice.
    serial: u64,
    owner: Owner,
    /// The number of the last event that is not for it.
    since: u64,
    group: u32,
    idx_count: usize,
    ranges: KVVec<Range>,
}

impl StoredRequest {
    /// May sleep.
    fn new(owner: Owner, request: &Request<'_>) -> Result<Self> {
        let mut ranges = zeroed::<Range>(request.count)?;
        for (to, from) in ranges.iter_mut().zip(request.ranges()) {
            *to = from;
        }
        Ok(Self {
            serial: 0,
            owner,
            since: 0,
            group: request.group,
            idx_count: request.idx_count,
            ranges,
        })
    }

    fn matches(&self, id: Id) -> bool {
        self.ranges
            .split_at_checked(self.idx_count)
            .is_some_and(|(idx, val)| matches(id, idx, val))
    }

    fn has_ranges_of(&self, other: &Self) -> bool {
        self.idx_count == other.idx_count && *self.ranges == *other.ranges
    }
}

/// All requests.
struct Requests {
    /// Last made first.
    list: Chain<StoredRequest>,
    /// The number of the last one.
    last: u64,
}

/// How far messages were sent.
struct Sending {
    cursor: Cursor,
    /// Whether a task has the [`Token`].
    is_busy: bool,
    /// How many tasks wait for it. They send what is left.
    waiting: usize,
}

/// Delivers events.
#[pin_data]
pub(crate) struct Notifier {
    limits: Limits,
    #[pin]
    log: EventLog,
    /// The requests of programs.
    #[pin]
    requests: SpinLock<Requests>,
    #[pin]
    sending: SpinLock<Sending>,
    /// Notified when the token is free.
    #[pin]
    token_is_free: CondVar,
    #[pin]
    watchers: Watchers,
    /// The number of requests and watchers; 0 means that nothing is added to the log.
    interested: Atomic<usize>,
}

/// The right to send messages about events; one task has it at a time. Not a lock: tasks that cause
/// events go on, and leave them to the holder, which sends all before it gives the token back.
#[must_use]
struct Token<'a>(&'a Notifier);

impl Notifier {
    pub(crate) fn new(limits: Limits) -> impl PinInit<Self, Error> {
        try_pin_init!(&this in Self {
            limits,
            log <- EventLog::new(),
            requests <- new_spinlock!(Requests { list: Chain::new(), last: 0 }, "cn_requests"),
            sending <- new_spinlock!(Sending {
                // SAFETY: The log was initialized above.
                cursor: unsafe { (*this.as_ptr()).log.end() },
                is_busy: false,
                waiting: 0,
            }, "cn_sending"),
            token_is_free <- new_condvar!("cn_token"),
            watchers <- Watchers::new(),
            interested: Atomic::new(0),
        }? Error)
    }

    /// Takes memory for an event, if anybody is interested. May sleep.
    pub(crate) fn prepare(&self) -> Option<Blank> {
        if read_once(&self.interested) == 0 {
            return None;
        }
        Blank::new(GFP_KERNEL).ok()
    }

    /// Adds an event to the log. To be called while the table is locked.
    pub(crate) fn append(&self, blank: Option<Blank>, id: Id, registered: bool) {
        if read_once(&self.interested) == 0 {
            return;
        }
        // Somebody may have become interested since the memory was taken.
        match blank.ok_or(ENOMEM).or_else(|_| Blank::new(GFP_ATOMIC)) {
            Ok(blank) => self.log.append(blank, id, registered),
            Err(_) => Counter::NotifyLost.count(),
        }
    }

    /// Delivers what is in the log. To be called while nothing is locked.
    ///
    /// Context: process; may sleep.
    pub(crate) fn deliver(&self) {
        if read_once(&self.interested) == 0 {
            return;
        }
        drop(self.try_token());
        if !frame::defer_delivery() {
            self.watchers.deliver();
        }
    }

    /// Delivers to watchers what was left until the outermost call has returned.
    pub(crate) fn deliver_deferred(&self) {
        self.watchers.deliver();
    }

    fn try_token(&self) -> Option<Token<'_>> {
        let mut sending = self.sending.lock();
        if sending.is_busy {
            return None;
        }
        sending.is_busy = true;
        Some(Token(self))
    }

    /// Waits for the token. Its holder runs no code of modules and waits for no program.
    fn wait_for_token(&self) -> Result<Token<'_>> {
        let mut sending = self.sending.lock();
        sending.waiting = sending.waiting.saturating_add(1);
        let mut is_interrupted = false;
        while sending.is_busy && !is_interrupted {
            is_interrupted = self.token_is_free.wait_interruptible(&mut sending);
        }
        sending.waiting = sending.waiting.saturating_sub(1);
        if is_interrupted {
            drop(sending);
            // What was left to this task.
            drop(self.try_token());
            return Err(EINTR);
        }
        sending.is_busy = true;
        Ok(Token(self))
    }

    /// Stores a request.
    ///
    /// With `snapshot_to`, that port is first sent all ids that match now.
    ///
    /// Context: process; may sleep.
    ///
    /// # Errors
    ///
    /// - [`ENOSPC`]: there are too many requests.
    /// - [`ENOMEM`]: no memory.
    /// - [`EINTR`]: a signal came.
    pub(crate) fn subscribe(
        &self,
        registry: &Registry,
        owner: Owner,
        request: &Request<'_>,
        snapshot_to: Option<u32>,
    ) -> Result {
        let new = StoredRequest::new(owner, request)?;
        let like = match snapshot_to {
            Some(portid) => Some((portid, StoredRequest::new(owner, request)?)),
            None => None,
        };
        // From here on, events are added to the log.
        self.interested.fetch_add(1usize, Full);
        widen();
        let stored = match like {
            None => self.store(registry, new, false).map(|stored| stored.is_new),
            Some((portid, like)) => self.store_with_snapshot(registry, new, &like, portid),
        };
        if !matches!(stored, Ok(true)) {
            self.interested.fetch_sub(1usize, Full);
        }
        stored.map(|_| ())
    }

    /// Stores a request, and sends the ids that match now before any later event.
    fn store_with_snapshot(
        &self,
        registry: &Registry,
        new: StoredRequest,
        like: &StoredRequest,
        portid: u32,
    ) -> Result<bool> {
        let token = self.wait_for_token()?;
        let stored = self.store(registry, new, true)?;
        widen();
        // Those who have asked before get what came before.
        token.send_up_to(stored.since);
        // Not with the table locked: a request may have many ranges.
        let ids = stored.snapshot.iter().map(|[idx, val]| Id::new(*idx, *val));
        self.send_snapshot(ids.filter(|id| like.matches(*id)), portid);
        Ok(stored.is_new)
    }

    /// Stores a request, unless the socket has made an equal one. May sleep.
    fn store(
        &self,
        registry: &Registry,
        mut new: StoredRequest,
        wants_snapshot: bool,
    ) -> Result<Stored> {
        let reserved = Chain::reserve()?;
        let mut snapshot = KVVec::new();
        loop {
            let table = registry.lock();
            let count = table.count();
            if wants_snapshot && count > snapshot.len() {
                drop(table);
                // A few more, since others may be quicker.
                snapshot = zeroed::<[u32; 2]>(count.saturating_add(count / 8).saturating_add(8))?;
                continue;
            }
            // With the table locked, no event is added to the log.
            new.since = self.log.last_number();
            let mut found = 0usize;
            for (to, id) in snapshot.iter_mut().zip(table.entries().map(Entry::id)) {
                *to = [id.idx(), id.val()];
                found = found.saturating_add(1);
            }
            let since = new.since;
            let is_new = self.store_once(new, reserved);
            drop(table);
            snapshot.truncate(found);
            return Ok(Stored {
                is_new: is_new?,
                since,
                snapshot,
            });
        }
    }

    /// Adds a request if there is room and no equal one; returns whether it did. Does not sleep.
    fn store_once(
        &self,
        mut new: StoredRequest,
        reserved: Reserved<StoredRequest>,
    ) -> Result<bool> {
        let mut requests = self.requests.lock();
        let (mut total, mut own, mut is_known) = (0usize, 0usize, false);
        for one in requests.list.iter() {
            total = total.saturating_add(1);
            if one.owner == new.owner {
                own = own.saturating_add(1);
                is_known |= one.group == new.group && one.has_ranges_of(&new);
            }
        }
        if is_known {
            return Ok(false);
        }
        if total >= self.limits.total || own >= self.limits.per_socket {
            return Err(ENOSPC);
        }
        requests.last = requests.last.wrapping_add(1);
        new.serial = requests.last;
        requests.list.push_reserved(reserved, new);
        Ok(true)
    }

    /// Sends as much as fits; what does not is lost as any message to a full receive buffer.
    fn send_snapshot(&self, mut ids: impl Iterator<Item = Id>, portid: u32) {
        let Some(socket) = socket::get() else {
            return;
        };
        loop {
            let mut messages = [const { message(Id::new(0, 0), true) }; SNAPSHOT_BATCH];
            let mut count = 0usize;
            for (message, id) in messages.iter_mut().zip(ids.by_ref()) {
                message.id = id;
                count = count.saturating_add(1);
            }
            if count == 0 {
                return;
            }
            let messages = messages.get(..count).unwrap_or_default();
            let sent = Buffer::several(messages, GFP_MAY_SLEEP).and_then(|buffer| {
                // Must not wait: the reader may be the task that is sending the request.
                socket.unicast(buffer, portid, GFP_MUST_NOT_SLEEP, 0)
            });
            let counter = match sent {
                Ok(_) => Counter::Notified,
                Err(_) => Counter::NotifyLost,
            };
            messages.iter().for_each(|_| counter.count());
        }
    }

    /// Removes the requests of a socket that have the ranges of `request`, whatever their group.
    ///
    /// Context: process; may sleep.
    ///
    /// # Errors
    ///
    /// - [`ENOENT`]: there is none.
    /// - [`ENOMEM`]: no memory.
    pub(crate) fn unsubscribe(&self, owner: Owner, request: &Request<'_>) -> Result {
        let like = StoredRequest::new(owner, request)?;
        match self.remove_requests(|one| one.owner == owner && one.has_ranges_of(&like)) {
            0 => Err(ENOENT),
            _ => Ok(()),
        }
    }

    /// Removes the requests of a socket that is being closed. Waits for nothing but a spin lock.
    pub(crate) fn forget(&self, owner: Owner) {
        if read_once(&self.interested) != 0 {
            self.remove_requests(|one| one.owner == owner);
        }
    }

    fn remove_requests(&self, predicate: impl Fn(&StoredRequest) -> bool) -> usize {
        // The lock ends before what was removed is freed.
        let removed = self.requests.lock().list.extract(predicate);
        let count = removed
            .iter()
            .fold(0usize, |count, _| count.saturating_add(1));
        self.interested.fetch_sub(count, Full);
        count
    }

    /// Adds a watcher, and returns its number; see [`Watchers::add`].
    pub(crate) fn watch(
        &self,
        functions: Functions,
        permit: impl FnOnce(*const c_void) -> Result,
    ) -> Result<u64> {
        // Before the watcher begins to read the log, so that no event is left out.
        self.interested.fetch_add(1usize, Full);
        let serial = self
            .watchers
            .add(functions, &self.log, permit)
            .inspect_err(|_| {
                self.interested.fetch_sub(1usize, Full);
            })?;
        // What came after the watcher began to read, and before others could find it.
        self.deliver();
        Ok(serial)
    }

    /// Removes a watcher. Waits until it has returned, except inside of a call.
    ///
    /// Context: process; may sleep.
    pub(crate) fn unwatch(&self, serial: u64) {
        let count = self.watchers.remove(serial);
        self.interested.fetch_sub(count, Full);
    }

    /// Removes the watchers for whose code `predicate` holds; see [`Watchers::remove_all`].
    pub(crate) fn unwatch_all(&self, predicate: impl Fn(*const c_void) -> bool) -> usize {
        let count = self.watchers.remove_all(predicate);
        self.interested.fetch_sub(count, Full);
        count
    }
}

/// What came of storing a request.
struct Stored {
    is_new: bool,
    /// The number of the last event that the snapshot knows of.
    since: u64,
    /// All ids, if a snapshot is wanted.
    snapshot: KVVec<[u32; 2]>,
}

impl Token<'_> {
    /// Sends the messages of the events up to the one with this number, which was added before.
    fn send_up_to(&self, last: u64) {
        // By itself, so that the lock ends before the message is sent.
        let next = || self.0.sending.lock().cursor.next_up_to(last);
        while let Some(event) = next() {
            self.send(&event);
        }
    }

    /// Sends a message for each request that matches.
    fn send(&self, event: &Event) {
        let mut groups = [0u32; GROUP_BATCH];
        let mut before = u64::MAX;
        loop {
            let mut count = 0usize;
            let requests = self.0.requests.lock();
            let limit = before;
            let matching = requests.list.iter().filter(|one| {
                one.serial < limit && one.since < event.number && one.matches(event.id)
            });
            for (to, request) in groups.iter_mut().zip(matching) {
                *to = request.group;
                before = request.serial;
                count = count.saturating_add(1);
            }
            drop(requests);
            for group in groups.iter().take(count) {
                send_to(*group, event);
            }
            if count < GROUP_BATCH {
                return;
            }
        }
    }
}

impl Drop for Token<'_> {
    /// Sends the messages of all events, also of those that are added meanwhile, and gives the
    /// token back; at once if another task waits for it.
    fn drop(&mut self) {
        loop {
            let mut sending = self.0.sending.lock();
            let next = match sending.waiting {
                0 => sending.cursor.next_up_to(u64::MAX),
                _ => None,
            };
            let Some(event) = next else {
                // Under the lock: whoever adds an event after this finds the token free.
                sending.is_busy = false;
                self.0.token_is_free.notify_one();
                return;
            };
            drop(sending);
            widen();
            self.send(&event);
        }
    }
}

/// Sends the message of an event to a group.
fn send_to(group: u32, event: &Event) {
    let message = message(event.id, event.registered);
    let sent = socket::get().ok_or(EAGAIN).and_then(|socket| {
        if !socket.can_be_heard(group, GFP_MAY_SLEEP)? {
            return Ok(0);
        }
        let mut buffer = Buffer::new(0, [message.as_bytes()], GFP_MAY_SLEEP)?;
        buffer.set_group(group);
        socket.multicast(buffer, 0, group, GFP_MAY_SLEEP, Filter::NONE)
    });
    match sent {
        Ok(_) => Counter::Notified.count(),
        Err(_) => Counter::NotifyLost.count(),
    }
}
