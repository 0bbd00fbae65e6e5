// SPDX-License-Identifier: GPL-2.0

//! Telling who is interested of ids that come and go.
//!
//! Guarantees:
//!
//! - Events are told in the order in which the ids came and went, each before the call that
//!   registered or unregistered returns. Nothing is sent while the callback table is locked.
//! - A request belongs to the socket that made it, and ends with it.
//! - A snapshot and the events after it leave no gap and tell nothing twice.
//!
//! An event is noted while the table is locked, which fixes its place, and told afterwards by
//! whoever comes first.
//!
//! Locks: the table's is taken inside of `telling`, and `noted` inside of both.
//!
//! C counterpart: `cn_notify()` in `drivers/connector/connector.c`, until it was removed in 2010.

use crate::{
    active::current_task,
    buffer::Buffer,
    chain::Chain,
    counters::Counter,
    entry::Entry,
    once::{read_once, write_once},
    registry::Registry,
    request::{matches, Range, Request},
    socket::{self, Filter},
    watcher::{Turn, Watcher, Watchers},
    window::widen,
    zeroed::zeroed,
};
use connector::{wire::Header, Id};
use kernel::{
    bindings::{sock, GFP_ATOMIC, GFP_KERNEL as GFP_MAY_SLEEP},
    new_mutex,
    prelude::*,
    sync::{
        atomic::{Atomic, Full},
        Mutex,
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

/// An id that came or went.
struct Event {
    id: Id,
    registered: bool,
}

impl Event {
    const fn came(id: Id) -> Self {
        Self {
            id,
            registered: true,
        }
    }

    const fn message(&self) -> Header {
        Header {
            id: self.id,
            seq: 0,
            ack: !self.registered as u32,
            len: 0,
            flags: 0,
        }
    }
}

/// A request as it is kept.
struct Subscription {
    owner: Owner,
    group: u32,
    idx_count: usize,
    ranges: KVVec<Range>,
}

impl Subscription {
    fn new(owner: Owner, request: &Request<'_>) -> Result<Self> {
        let mut ranges = zeroed::<Range>(request.count)?;
        for (to, from) in ranges.iter_mut().zip(request.ranges()) {
            *to = from;
        }
        Ok(Self {
            owner,
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

/// What belongs to who tells events.
struct Interested {
    subscriptions: Chain<Subscription>,
    turn: Turn,
}

/// Tells who is interested of ids that come and go.
#[pin_data]
pub(crate) struct Notifier {
    limits: Limits,
    /// Whom to tell by message, held while events are told.
    #[pin]
    telling: Mutex<Interested>,
    /// The task that holds `telling` to tell events; 0 for none.
    teller: Atomic<usize>,
    /// What is not told yet, last event first.
    #[pin]
    noted: Mutex<Chain<Event>>,
    /// Whom to tell in the kernel.
    #[pin]
    watchers: Watchers,
    /// The number of requests and watchers.
    interested: Atomic<usize>,
}

impl Notifier {
    pub(crate) fn new(limits: Limits) -> impl PinInit<Self> {
        pin_init!(Self {
            limits,
            telling <- new_mutex!(
                Interested { subscriptions: Chain::new(), turn: Turn::new() },
                "cn_notifier_telling"
            ),
            teller: Atomic::new(0),
            noted <- new_mutex!(Chain::new(), "cn_notifier_noted"),
            watchers <- Watchers::new(),
            interested: Atomic::new(0),
        })
    }

    /// Notes that an id came or went. To be called while the table is locked.
    pub(crate) fn note(&self, id: Id, registered: bool) {
        if read_once(&self.interested) == 0 {
            return;
        }
        if self.noted.lock().push(Event { id, registered }).is_err() {
            Counter::NotifyLost.count();
        }
    }

    /// Tells what was noted so far. To be called while the table is not locked.
    ///
    /// Inside of a watcher this does nothing: its caller goes on with what was noted meanwhile.
    pub(crate) fn tell(&self) {
        if read_once(&self.interested) == 0 || self.is_teller() {
            return;
        }
        self.tell_all(&mut self.telling.lock());
    }

    /// Whether the running task is inside of a watcher.
    pub(crate) fn is_teller(&self) -> bool {
        read_once(&self.teller) == current_task()
    }

    fn tell_all(&self, interested: &mut Interested) {
        loop {
            let events = self.noted.lock().take();
            if events.is_empty() {
                return;
            }
            widen();
            self.tell_these(events, interested);
        }
    }

    /// Tells events, of which the last one comes first.
    fn tell_these(&self, events: Chain<Event>, interested: &mut Interested) {
        write_once(&self.teller, current_task());
        for event in events.reversed().iter() {
            self.tell_one(event, interested);
        }
        write_once(&self.teller, 0);
    }

    fn tell_one(&self, event: &Event, interested: &mut Interested) {
        let matching = interested.subscriptions.iter();
        for subscription in matching.filter(|one| one.matches(event.id)) {
            self.send(event, subscription.group);
        }
        let gone = self
            .watchers
            .call_all(&mut interested.turn, event.id, event.registered);
        self.interested.fetch_sub(gone, Full);
    }

    fn send(&self, event: &Event, group: u32) {
        let message = event.message();
        let sent = socket::get().ok_or(EAGAIN).and_then(|socket| {
            if !socket.has_listeners(group) {
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

    /// Stores a request.
    ///
    /// With `snapshot_to`, that port is first told of all ids that match now.
    ///
    /// Context: process; may sleep.
    ///
    /// # Errors
    ///
    /// - [`ENOSPC`]: there are too many requests.
    /// - [`ENOMEM`]: no memory.
    /// - [`EDEADLK`]: called inside of a watcher.
    pub(crate) fn subscribe(
        &self,
        registry: &Registry,
        owner: Owner,
        request: &Request<'_>,
        snapshot_to: Option<u32>,
    ) -> Result {
        let new = Subscription::new(owner, request)?;
        if self.is_teller() {
            return Err(EDEADLK);
        }
        let mut interested = self.telling.lock();
        let (mut total, mut own, mut is_known) = (0usize, 0usize, false);
        for one in interested.subscriptions.iter() {
            total = total.saturating_add(1);
            if one.owner == owner {
                own = own.saturating_add(1);
                is_known |= one.group == new.group && one.has_ranges_of(&new);
            }
        }
        if !is_known && (total >= self.limits.total || own >= self.limits.per_socket) {
            return Err(ENOSPC);
        }

        // From here on, what comes and goes is noted.
        self.interested.fetch_add(1usize, Full);
        widen();
        let prepared = snapshot_to.map(|_| self.take_snapshot(registry, &new, &mut interested));
        if prepared.is_none() {
            // What was noted before is for those who have asked before.
            self.tell_all(&mut interested);
        }
        let done = match prepared {
            Some(Err(error)) => Err(error),
            _ if is_known => Ok(()),
            _ => interested.subscriptions.push(new),
        };
        if is_known || done.is_err() {
            self.interested.fetch_sub(1usize, Full);
        }
        done?;
        if let (Some(portid), Some(Ok(ids))) = (snapshot_to, prepared) {
            self.send_snapshot(&ids, portid);
        }
        Ok(())
    }

    /// The ids that match now. What was noted before is told first, to those who have asked before.
    fn take_snapshot(
        &self,
        registry: &Registry,
        subscription: &Subscription,
        interested: &mut Interested,
    ) -> Result<KVVec<[u32; 2]>> {
        let table = registry.lock();
        let mut ids = zeroed::<[u32; 2]>(table.count())?;
        let matching = table
            .entries()
            .map(Entry::id)
            .filter(|id| subscription.matches(*id));
        let mut count = 0usize;
        for (to, id) in ids.iter_mut().zip(matching) {
            *to = [id.idx(), id.val()];
            count = count.saturating_add(1);
        }
        // With the table locked, nothing is noted between the look at the table and this.
        let before = self.noted.lock().take();
        drop(table);
        widen();

        ids.truncate(count);
        self.tell_these(before, interested);
        Ok(ids)
    }

    /// Sends as much as fits; what does not is lost as any message to a full receive buffer.
    fn send_snapshot(&self, ids: &[[u32; 2]], portid: u32) {
        let Some(socket) = socket::get() else {
            return;
        };
        for batch in ids.chunks(SNAPSHOT_BATCH) {
            let mut messages = [const { Event::came(Id::new(0, 0)).message() }; SNAPSHOT_BATCH];
            for (message, [idx, val]) in messages.iter_mut().zip(batch) {
                message.id = Id::new(*idx, *val);
            }
            let messages = messages.get(..batch.len()).unwrap_or_default();
            let sent = Buffer::several(messages, GFP_MAY_SLEEP).and_then(|buffer| {
                // Must not wait: the reader may be the task that is sending the request.
                socket.unicast(buffer, portid, GFP_ATOMIC, 0)
            });
            let counter = match sent {
                Ok(_) => Counter::Notified,
                Err(_) => Counter::NotifyLost,
            };
            batch.iter().for_each(|_| counter.count());
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
    /// - [`EDEADLK`]: called inside of a watcher.
    pub(crate) fn unsubscribe(&self, owner: Owner, request: &Request<'_>) -> Result {
        let like = Subscription::new(owner, request)?;
        if self.is_teller() {
            return Err(EDEADLK);
        }
        match self.remove(|one| one.owner == owner && one.has_ranges_of(&like)) {
            0 => Err(ENOENT),
            _ => Ok(()),
        }
    }

    /// Removes the requests of a socket that is being closed. Inside of a watcher this is not
    /// possible, since the requests are in use there; they then stay until the connector stops.
    pub(crate) fn forget(&self, owner: Owner) {
        if read_once(&self.interested) != 0 && !self.is_teller() {
            self.remove(|one| one.owner == owner);
        }
    }

    fn remove(&self, predicate: impl Fn(&Subscription) -> bool) -> usize {
        let removed = self.telling.lock().subscriptions.extract(predicate);
        let count = removed
            .iter()
            .fold(0usize, |count, _| count.saturating_add(1));
        self.interested.fetch_sub(count, Full);
        count
    }

    /// Adds the watcher that `make` makes, and returns its number.
    ///
    /// Context: process; may sleep.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: no memory; the watcher is not made.
    pub(crate) fn watch(&self, make: impl FnOnce() -> Watcher) -> Result<u64> {
        if !self.is_teller() {
            // What was noted before is for those who have asked before.
            self.tell_all(&mut self.telling.lock());
        }
        let serial = self.watchers.add(make)?;
        self.interested.fetch_add(1usize, Full);
        Ok(serial)
    }

    /// Removes the watchers for which `predicate` holds. Waits until they have returned.
    ///
    /// Context: process, not inside of a watcher; may sleep.
    pub(crate) fn unwatch_all(&self, predicate: impl Fn(&Watcher) -> bool) -> usize {
        let count = self
            .watchers
            .remove(&mut self.telling.lock().turn, predicate);
        self.interested.fetch_sub(count, Full);
        count
    }

    /// Removes a watcher. Waits until it has returned, except inside of a watcher.
    ///
    /// Context: process; may sleep.
    pub(crate) fn unwatch(&self, serial: u64) {
        if self.is_teller() {
            self.watchers.condemn(serial);
        } else {
            self.unwatch_all(|watcher| watcher.serial() == serial);
        }
    }
}
