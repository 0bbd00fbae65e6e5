// SPDX-License-Identifier: GPL-2.0

//! Notification of registered and unregistered ids: messages to programs, calls of watchers.
//!
//! Guarantees:
//!
//! - Events are delivered in the order in which ids were registered and unregistered. No lock is
//!   held meanwhile.
//! - A task that causes an event waits for nobody: a work item sends the messages, a moment later,
//!   and watchers are called by work items of their own. So no task of low priority delays the
//!   messages about what others do.
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
    atomic::{read_once, write_once},
    buffer::Buffer,
    counters::Counter,
    entry::Entry,
    event_log::{Blank, Cursor, Event, EventLog, MAX_UNREAD},
    id_watchers::IdChange,
    list::List,
    race_delay::race_delay,
    registry::Registry,
    request::Request,
    requests::{Limits, Owner, Requests, StoredRequest},
    socket::{self, Filter},
    watch_list::{Functions, WatchList},
    zeroed::zeroed,
};
use connector::{bindings::cn_glue_sender_workqueue, wire::Header, Id};
use core::ptr::NonNull;
use kernel::{
    bindings::{GFP_ATOMIC as GFP_MUST_NOT_SLEEP, GFP_KERNEL as GFP_MAY_SLEEP},
    new_condvar, new_spinlock,
    prelude::*,
    sync::{
        atomic::{Atomic, Full},
        Arc, CondVar, SpinLock, UniqueArc,
    },
    workqueue::{impl_has_work, new_work, Queue, Work, WorkItem},
};

/// How many ids of a snapshot share a buffer.
const SNAPSHOT_BATCH: usize = 64;

/// How many events and snapshots are sent before other work has its turn.
const SENDER_BATCH: usize = 64;

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

/// The ids that a requester gets at first.
struct Snapshot {
    /// The number of the last event that it knows of. It is sent before any later one.
    since: u64,
    /// Whose port it is sent to.
    portid: u32,
    /// What is asked for.
    like: StoredRequest,
    /// All ids, whether asked for or not.
    ids: KVVec<[u32; 2]>,
    /// 1 when it was sent; under the lock of [`Sending`].
    is_sent: Atomic<u32>,
}

/// How far messages were sent, and which snapshots were not.
struct Sending {
    cursor: Cursor,
    snapshots: List<Arc<Snapshot>>,
}

/// What is sent next.
enum Next {
    Event(Event),
    Snapshot(Arc<Snapshot>),
}

/// Sends what is to be sent.
///
/// # Invariants
///
/// `notifier` points to the notifier that this belongs to, which outlives the work.
#[pin_data]
struct SendWork {
    notifier: NonNull<Notifier>,
    #[pin]
    work: Work<SendWork>,
}

// SAFETY: The notifier may be used from all tasks.
unsafe impl Send for SendWork {}

// SAFETY: As above.
unsafe impl Sync for SendWork {}

impl_has_work! {
    impl HasWork<Self> for SendWork { self.work }
}

impl WorkItem for SendWork {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        // SAFETY: By the type invariants.
        unsafe { this.notifier.as_ref() }.send_some();
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
    /// Notified when a snapshot was sent.
    #[pin]
    snapshot_sent: CondVar,
    sender: Arc<SendWork>,
    #[pin]
    watchers: WatchList<IdChange>,
    /// The number of requests and watchers; 0 means that nothing is added to the log.
    interested: Atomic<usize>,
}

impl Notifier {
    pub(crate) fn new(limits: Limits) -> impl PinInit<Self, Error> {
        try_pin_init!(&this in Self {
            log <- EventLog::new(),
            requests <- Requests::new(limits),
            sending <- new_spinlock!(Sending {
                // SAFETY: The log was initialized above.
                cursor: unsafe { (*this.as_ptr()).log.end() },
                snapshots: List::new(),
            }, "cn_sending"),
            snapshot_sent <- new_condvar!("cn_snapshot"),
            // INVARIANT: The notifier is freed after all work of the connector was done.
            sender: Arc::pin_init(pin_init!(SendWork {
                notifier: this,
                work <- new_work!("cn_sender"),
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

    /// Has delivered what is in the log. To be called while nothing is locked.
    ///
    /// Context: process; does not sleep.
    pub(crate) fn deliver(&self) {
        if read_once(&self.interested) == 0 {
            return;
        }
        self.catch_up();
        self.enqueue_sender();
        self.watchers.read(&self.log);
    }

    fn enqueue_sender(&self) {
        // SAFETY: The queue exists as long as the connector does.
        let queue = unsafe { Queue::from_raw(cn_glue_sender_workqueue()) };
        // If it is queued already, it will find what there is.
        let _ = queue.enqueue(self.sender.clone());
    }

    /// Sends messages; if there are many, gives way to other work after some of them. For the work
    /// item, of which one task at a time is in here.
    fn send_some(&self) {
        for _ in 0..SENDER_BATCH {
            let Some(next) = self.next() else {
                return;
            };
            race_delay();
            match next {
                Next::Event(event) => self
                    .requests
                    .for_each_group(Some(&event), |group| send_to(group, &event)),
                Next::Snapshot(snapshot) => {
                    self.send_snapshot(&snapshot);
                    let sending = self.sending.lock();
                    write_once(&snapshot.is_sent, 1);
                    drop(sending);
                    self.snapshot_sent.notify_all();
                }
            }
        }
        self.enqueue_sender();
    }

    fn next(&self) -> Option<Next> {
        let mut sending = self.sending.lock();
        let last = sending.cursor.number();
        if let Some(snapshot) = sending.snapshots.remove(|one| one.since <= last) {
            return Some(Next::Snapshot(snapshot));
        }
        sending.cursor.next_up_to(u64::MAX).map(Next::Event)
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

    /// Stores a request.
    ///
    /// With `snapshot_to`, that port is first sent all ids that match now; this waits until they
    /// are sent.
    ///
    /// Context: process; may sleep.
    ///
    /// # Errors
    ///
    /// - [`ENOSPC`]: there are too many requests.
    /// - [`ENOMEM`]: no memory.
    /// - [`EINTR`]: a signal came before the snapshot was sent; it is not, but the request is
    ///   stored.
    pub(crate) fn subscribe(
        &self,
        registry: &Registry,
        owner: Owner,
        request: &Request<'_>,
        snapshot_to: Option<u32>,
    ) -> Result {
        let new = StoredRequest::new(owner, request)?;
        let blank = match snapshot_to {
            Some(portid) => Some(UniqueArc::new(
                Snapshot {
                    since: 0,
                    portid,
                    like: StoredRequest::new(owner, request)?,
                    ids: KVVec::new(),
                    is_sent: Atomic::new(0),
                },
                GFP_KERNEL,
            )?),
            None => None,
        };
        // From here on, events are added to the log.
        self.interested.fetch_add(1usize, Full);
        race_delay();
        let stored = self.store(registry, new, blank);
        if !matches!(stored, Ok((true, _))) {
            self.interested.fetch_sub(1usize, Full);
        }
        let (_, snapshot) = stored?;
        snapshot.map_or(Ok(()), |snapshot| self.wait_for(&snapshot))
    }

    /// Waits until a snapshot was sent, or a signal comes.
    fn wait_for(&self, snapshot: &Arc<Snapshot>) -> Result {
        self.enqueue_sender();
        let mut sending = self.sending.lock();
        while read_once(&snapshot.is_sent) == 0 {
            if self.snapshot_sent.wait_interruptible(&mut sending) {
                let removed = sending.snapshots.remove(|one| Arc::ptr_eq(one, snapshot));
                drop(sending);
                drop(removed);
                return Err(EINTR);
            }
        }
        Ok(())
    }

    /// Stores a request, unless the socket has made an equal one, and queues its snapshot, if it is
    /// to have one. Returns whether it is new, and the snapshot. May sleep.
    fn store(
        &self,
        registry: &Registry,
        mut new: StoredRequest,
        mut blank: Option<UniqueArc<Snapshot>>,
    ) -> Result<(bool, Option<Arc<Snapshot>>)> {
        let reserved = Requests::reserve()?;
        let queued = List::reserve()?;
        loop {
            let table = registry.lock();
            let count = table.count();
            if let Some(snapshot) = blank.as_mut().filter(|one| one.ids.len() < count) {
                drop(table);
                // A few more, since others may be quicker.
                let room = count.saturating_add(count / 8).saturating_add(8);
                snapshot.ids = zeroed::<[u32; 2]>(room)?;
                continue;
            }
            // With the table locked, no event is added to the log.
            new.since = self.log.last_number();
            let since = new.since;
            let is_new = self.requests.add(new, reserved)?;
            let Some(mut snapshot) = blank else {
                return Ok((is_new, None));
            };
            let mut found = 0usize;
            for (to, id) in snapshot.ids.iter_mut().zip(table.entries().map(Entry::id)) {
                *to = [id.idx(), id.val()];
                found = found.saturating_add(1);
            }
            snapshot.ids.truncate(found);
            snapshot.since = since;
            let snapshot = Arc::from(snapshot);
            let mut sending = self.sending.lock();
            sending.snapshots.push_reserved(queued, snapshot.clone());
            return Ok((is_new, Some(snapshot)));
        }
    }

    /// Sends as much as fits; what does not is lost as any message to a full receive buffer.
    fn send_snapshot(&self, snapshot: &Snapshot) {
        let Some(socket) = socket::get() else {
            return;
        };
        // Not with the table locked: a request may have many ranges.
        let ids = snapshot.ids.iter().map(|[idx, val]| Id::new(*idx, *val));
        let mut ids = ids.filter(|id| snapshot.like.matches(*id));
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
                // Must not wait: the reader is the task that waits for this.
                socket.unicast(buffer, snapshot.portid, GFP_MUST_NOT_SLEEP, 0)
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
