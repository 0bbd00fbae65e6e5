// SPDX-License-Identifier: GPL-2.0

//! Notification of registered and unregistered ids: messages to programs, calls of watchers.
//!
//! Guarantees:
//!
//! - Events are delivered in the order in which ids were registered and unregistered. No lock is
//!   held meanwhile.
//! - A task that causes an event waits for nobody. It sends one event before its call returns,
//!   mostly this one; a work item sends the others. The sending task is not preempted meanwhile,
//!   except with `PREEMPT_RT`, and while a requester gets a snapshot. Watchers are called by
//!   work items of their own.
//! - A request belongs to the socket that made it, and ends with it. Closing a socket waits for no
//!   delivery.
//! - After a snapshot, a requester gets each later event, and no earlier one.
//! - At most [`MAX_UNREAD`] events are kept. Beyond that, listeners of all groups that are notified
//!   get the error `ENOBUFS`, as for a receive buffer that was full.
//!
//! An event is added to the log while the table is locked, which fixes its place, and delivered
//! afterwards. A request or a snapshot has its place in the same order: the number of the last
//! event when it was made.
//!
//! Locks: those of the requests and of the log are taken inside of the table's.
//!
//! C counterpart: `cn_notify()` in `drivers/connector/connector.c`, until it was removed in 2010.

use crate::{
    atomic::read_once,
    buffer::Buffer,
    counters::Counter,
    entry::Entry,
    event_log::{Blank, Cursor, Event, EventLog, MAX_UNREAD},
    id_watchers::IdChange,
    race_delay::race_delay,
    registry::Registry,
    requests::{Limits, Owner, Requests, StoredRequest},
    socket::{self, Filter},
    watch_list::{Functions, WatchList},
    zeroed::zeroed,
};
use connector_base::{
    bindings::{cn_glue_send_begin, cn_glue_send_end, cn_glue_sender_workqueue},
    notify_request::Request,
    wire::Header,
    Id,
};
use core::ptr::NonNull;
use kernel::{
    bindings::{GFP_ATOMIC as GFP_MUST_NOT_SLEEP, GFP_KERNEL as GFP_MAY_SLEEP},
    new_condvar, new_spinlock,
    prelude::*,
    sync::{
        atomic::{Atomic, Full},
        Arc, CondVar, SpinLock,
    },
    workqueue::{impl_has_work, new_work, Queue, Work, WorkItem},
};

/// How many ids of a snapshot share a buffer.
const SNAPSHOT_BATCH: usize = 64;

/// How many events the work item sends before other work has its turn.
const EVENT_BATCH: usize = 64;

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

/// How far messages were sent.
struct Sending {
    cursor: Cursor,
    /// Whether a task has the [`Token`].
    is_busy: bool,
}

/// Sends what others have left.
///
/// # Invariants
///
/// `notifier` points to the notifier that this belongs to, which outlives the work.
#[pin_data]
struct Remaining {
    notifier: NonNull<Notifier>,
    #[pin]
    work: Work<Remaining>,
}

// SAFETY: The notifier may be used from all tasks.
unsafe impl Send for Remaining {}

// SAFETY: As above.
unsafe impl Sync for Remaining {}

impl_has_work! {
    impl HasWork<Self> for Remaining { self.work }
}

impl WorkItem for Remaining {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        // SAFETY: By the type invariants.
        let notifier = unsafe { this.notifier.as_ref() };
        // It is queued anew while there is something left.
        for _ in 0..EVENT_BATCH {
            if !notifier.send_one() {
                return;
            }
        }
    }
}

/// Delivers events.
#[pin_data]
pub(crate) struct Notifier {
    #[pin]
    log: EventLog,
    /// The requests of programs.
    #[pin]
    requests: Requests,
    #[pin]
    sending: SpinLock<Sending>,
    /// Notified when the token is free.
    #[pin]
    token_is_free: CondVar,
    remaining: Arc<Remaining>,
    #[pin]
    watchers: WatchList<IdChange>,
    /// The number of requests and watchers; 0 means that nothing is added to the log.
    interested: Atomic<usize>,
}

/// The right to send messages about events; one task has it at a time. Not a lock: tasks that cause
/// events go on, and leave them to a work item when they find it taken.
#[must_use]
struct Token<'a>(&'a Notifier);

impl Notifier {
    pub(crate) fn new(limits: Limits) -> impl PinInit<Self, Error> {
        try_pin_init!(&this in Self {
            log <- EventLog::new(),
            requests <- Requests::new(limits),
            sending <- new_spinlock!(Sending {
                // SAFETY: The log was initialized above.
                cursor: unsafe { (*this.as_ptr()).log.end() },
                is_busy: false,
            }, "cn_sending"),
            token_is_free <- new_condvar!("cn_token"),
            // INVARIANT: The notifier is freed after all work of the connector was done.
            remaining: Arc::pin_init(pin_init!(Remaining {
                notifier: this,
                work <- new_work!("cn_remaining"),
            }), GFP_KERNEL)?,
            watchers <- WatchList::new(),
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
            Err(_) => {
                self.log.lose();
                Counter::NotifyLost.count();
            }
        }
    }

    /// Delivers what is in the log. To be called while nothing is locked.
    ///
    /// Context: process; may sleep.
    pub(crate) fn deliver(&self) {
        if read_once(&self.interested) == 0 {
            return;
        }
        self.catch_up();
        // Mostly the one that the caller has caused.
        self.send_one();
        self.watchers.read(&self.log);
    }

    /// Sends the messages of the next event, unless another task is sending, and has those of
    /// others sent. Returns whether there was an event.
    fn send_one(&self) -> bool {
        let uninterrupted = Uninterrupted::begin();
        let sent = self
            .try_token()
            .is_some_and(|token| token.send_next(u64::MAX));
        // The token was given back.
        drop(uninterrupted);
        sent
    }

    /// Passes over all events if too many wait to be sent, and notifies the programs.
    fn catch_up(&self) {
        let last = self.log.last_number();
        let mut sending = self.sending.lock();
        if !sending.cursor.is_behind(last, MAX_UNREAD) {
            return;
        }
        let passed = core::mem::replace(&mut sending.cursor, self.log.end());
        // The lock ends before many events are freed.
        drop(sending);
        drop(passed);
        Counter::NotifyLost.count();
        self.requests.for_each_group(None, |group| {
            if let Some(socket) = socket::get() {
                socket.report_loss(group);
            }
        });
    }

    fn try_token(&self) -> Option<Token<'_>> {
        let mut sending = self.sending.lock();
        if sending.is_busy {
            return None;
        }
        sending.is_busy = true;
        Some(Token(self))
    }

    /// Waits for the token. Its holder runs no code of modules, waits for no program, and sends one
    /// event, or what belongs to a snapshot.
    fn wait_for_token(&self) -> Result<Token<'_>> {
        let mut sending = self.sending.lock();
        while sending.is_busy {
            if self.token_is_free.wait_interruptible(&mut sending) {
                drop(sending);
                // This task may be the one that was woken up because the token is free.
                self.token_is_free.notify_one();
                return Err(EINTR);
            }
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
        race_delay();
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
        race_delay();
        // Those who have asked before get what came before.
        while token.send_next(stored.since) {}
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
        let reserved = Requests::reserve()?;
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
            let is_new = self.requests.add(new, reserved);
            drop(table);
            snapshot.truncate(found);
            return Ok(Stored {
                is_new: is_new?,
                since,
                snapshot,
            });
        }
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
        match self.lose_interest(self.requests.remove(&like)) {
            0 => Err(ENOENT),
            _ => Ok(()),
        }
    }

    /// Removes the requests of a socket that is being closed. Waits for nothing but a spin lock.
    pub(crate) fn forget(&self, owner: Owner) {
        if read_once(&self.interested) != 0 {
            self.lose_interest(self.requests.remove_all(owner));
        }
    }

    /// So many requests are gone.
    fn lose_interest(&self, count: usize) -> usize {
        self.interested.fetch_sub(count, Full);
        count
    }

    /// Adds a watcher, and returns its number; see [`WatchList::add`].
    pub(crate) fn watch(
        &self,
        functions: Functions,
        permit: impl FnOnce(*const c_void) -> Result,
    ) -> Result<u64> {
        // Before the watcher begins to read the log, so that no event is left out.
        self.interested.fetch_add(1usize, Full);
        self.watchers
            .watch(functions, &self.log, permit)
            .inspect_err(|_| {
                self.interested.fetch_sub(1usize, Full);
            })
    }

    /// Removes a watcher. Waits until it has returned, except inside of a call.
    ///
    /// Context: process; may sleep.
    pub(crate) fn unwatch(&self, serial: u64) {
        let count = self.watchers.remove(serial);
        self.interested.fetch_sub(count, Full);
    }

    /// Removes the watchers for whose code `predicate` holds; see [`WatchList::remove_all`].
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
    /// Sends the messages of the next event, unless its number is above `last`. Returns whether
    /// there was one.
    fn send_next(&self, last: u64) -> bool {
        // By itself, so that the lock ends before the message is sent.
        let next = self.0.sending.lock().cursor.next_up_to(last);
        let Some(event) = next else {
            return false;
        };
        race_delay();
        self.0
            .requests
            .for_each_group(Some(&event), |group| send_to(group, &event));
        true
    }
}

impl Drop for Token<'_> {
    /// Gives the token back, and has sent what was left.
    fn drop(&mut self) {
        let mut sending = self.0.sending.lock();
        // Under the lock: whoever adds an event after this finds the token free.
        sending.is_busy = false;
        let is_left = sending.cursor.has_next();
        drop(sending);
        self.0.token_is_free.notify_one();
        if is_left {
            // SAFETY: The queue exists as long as the connector does.
            let queue = unsafe { Queue::from_raw(cn_glue_sender_workqueue()) };
            // If it is queued already, it will find what was left.
            let _ = queue.enqueue(self.0.remaining.clone());
        }
    }
}

/// The running task is not preempted while this lives, so that a program of low priority does not
/// have the token when others need it. With `PREEMPT_RT` it can be, since netlink sleeps there.
struct Uninterrupted(());

impl Uninterrupted {
    fn begin() -> Self {
        // SAFETY: The drop ends it.
        unsafe { cn_glue_send_begin() };
        Self(())
    }
}

impl Drop for Uninterrupted {
    fn drop(&mut self) {
        // SAFETY: It was begun by this task.
        unsafe { cn_glue_send_end() };
    }
}

/// Sends the message of an event to a group. Does not sleep.
fn send_to(group: u32, event: &Event) {
    let message = message(event.id, event.registered);
    let sent = socket::get().ok_or(EAGAIN).and_then(|socket| {
        if !socket.can_be_heard(group, GFP_MUST_NOT_SLEEP)? {
            return Ok(0);
        }
        let mut buffer = Buffer::new(0, [message.as_bytes()], GFP_MUST_NOT_SLEEP)?;
        buffer.set_group(group);
        socket.multicast(buffer, 0, group, GFP_MUST_NOT_SLEEP, Filter::NONE)
    });
    match sent {
        Ok(_) => Counter::Notified.count(),
        Err(_) => Counter::NotifyLost.count(),
    }
}
