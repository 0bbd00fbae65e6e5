// SPDX-License-Identifier: GPL-2.0

//! Notification of registered and unregistered ids, and of sockets.
//!
//! This file is what the rest of the core uses of the folder: the [`Notifier`] of ids, and the
//! watchers of sockets. [`requests`] are those of programs. [`event_log`] has the events about ids,
//! [`delivery`] sends them to programs. [`watch_list`] calls watchers in the kernel, of ids and of
//! sockets ([`watch_sockets`]), by workqueues ([`watch_queues`]).
//!
//! Guarantees:
//!
//! - Events are delivered in the order in which ids were registered and unregistered. No lock is
//!   held meanwhile.
//! - A task that causes an event does not wait for other tasks. It sends one event before its call
//!   returns, mostly its own; a work item sends the others. The sending task is not preempted
//!   meanwhile, except with `PREEMPT_RT`, and while a requester gets a snapshot. Watchers are
//!   called by work items of their own.
//! - A request belongs to the socket that made it, and ends with it. Closing a socket waits for no
//!   delivery.
//! - After a snapshot, a requester gets each later event, and no earlier one.
//! - At most [`MAX_UNREAD`](event_log::MAX_UNREAD) events are kept. Beyond that, and where there is
//!   no memory for an event, listeners of the groups that are notified get the error `ENOBUFS`, as
//!   for a receive buffer that was full.
//!
//! An event is added to the log while the table is locked, which fixes its place, and delivered
//! afterwards. A request or a snapshot has its place in the same order: the number of the last
//! event when it was made.
//!
//! Locks: those of the requests and of the log are taken inside of the table's.
//!
//! C counterpart: `cn_notify()` in `drivers/connector/connector.c`, until it was removed in 2010.

mod delivery;
mod event_log;
mod requests;
mod watch_list;
mod watch_queues;
mod watch_sockets;

pub(crate) use event_log::{Blank, IdChange};
pub(crate) use requests::{Limits, RequestOwner};
pub(crate) use watch_list::WatchList;
pub(crate) use watch_sockets::SocketChange;

use crate::{
    calls::Function,
    helpers::zeroed,
    modules::Leaving,
    netlink::{Hearing, SenderParms},
    stats::Counter,
    sync::{race_delay, read_once},
    table::{Entry, Registry},
};
use connector_base::{bindings::CN_NOTIFY_SNAPSHOT, notify_request::Request, wire::Header, Id};
use delivery::{send_one, Delivery, Token};
use kernel::{
    prelude::*,
    sync::{
        atomic::{Atomic, Full},
        Arc,
    },
};
use requests::{NotAdded, Requests, StoredRequest};

/// Delivers events about ids.
pub(crate) struct Notifier {
    delivery: Arc<Delivery>,
    watchers: WatchList<IdChange>,
    /// The number of requests and watchers; 0 means that nothing is added to the log.
    interested: Atomic<usize>,
}

impl Notifier {
    /// No requests and no watchers. May sleep.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: no memory.
    pub(crate) fn new(limits: Limits, hearing: fn(u32) -> Hearing) -> Result<Self> {
        Ok(Self {
            delivery: Delivery::new(limits, hearing)?,
            watchers: WatchList::new()?,
            interested: Atomic::new(0),
        })
    }

    /// Allocates memory for an event, if there is a watcher or a request. May sleep.
    pub(crate) fn prepare(&self) -> Option<Blank> {
        if read_once(&self.interested) == 0 {
            return None;
        }
        Blank::new(GFP_KERNEL).ok()
    }

    /// Adds an event to the log. To be called while the table is locked.
    #[inline]
    pub(crate) fn append(&self, blank: Option<Blank>, id: Id, registered: bool) {
        if read_once(&self.interested) != 0 {
            self.append_event(blank, id, registered);
        }
    }

    #[cold]
    fn append_event(&self, blank: Option<Blank>, id: Id, registered: bool) {
        // The first watcher or request may be newer than the call of `prepare`.
        match blank.ok_or(ENOMEM).or_else(|_| Blank::new(GFP_ATOMIC)) {
            Ok(blank) => self.delivery.log.append(blank, id, registered),
            Err(_) => {
                self.delivery.log.lose();
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
        self.delivery.catch_up();
        // Mostly the one that the caller has caused.
        send_one(&self.delivery);
        self.watchers.read(&self.delivery.log);
    }

    /// Handles a request that came in a message to the channel. There are groups from 1 to
    /// `groups`.
    ///
    /// Context: process, that of the sender; may sleep.
    ///
    /// # Errors
    ///
    /// - [`EINVAL`]: the request is malformed, or there is no such group.
    /// - Those of [`Self::subscribe`] and [`Self::unsubscribe`].
    pub(crate) fn receive(
        &self,
        registry: &Registry,
        groups: u32,
        header: Header,
        payload: &[u8],
        sender: SenderParms<'_>,
    ) -> Result {
        let owner = RequestOwner::new(sender.socket());
        let request = Request::read(payload).ok_or(EINVAL)?;
        if request.group == 0 {
            return self.unsubscribe(owner, &request);
        }
        if request.group > groups {
            return Err(EINVAL);
        }
        let wants_snapshot = u32::from(header.flags) & CN_NOTIFY_SNAPSHOT != 0;
        let snapshot_to = wants_snapshot.then_some(sender);
        self.subscribe(registry, owner, &request, snapshot_to)
    }

    /// Stores a request.
    ///
    /// With `snapshot_to`, that program is first sent all ids that match now.
    ///
    /// Context: process; may sleep.
    ///
    /// # Errors
    ///
    /// - [`ENOSPC`]: there are too many requests.
    /// - [`ENOMEM`]: no memory.
    /// - [`EINTR`]: a signal came.
    fn subscribe(
        &self,
        registry: &Registry,
        owner: RequestOwner,
        request: &Request<'_>,
        snapshot_to: Option<SenderParms<'_>>,
    ) -> Result {
        let new = StoredRequest::new(owner, request)?;
        let like = match snapshot_to {
            Some(program) => Some((program, StoredRequest::new(owner, request)?)),
            None => None,
        };
        // From here on, events are added to the log.
        self.interested.fetch_add(1usize, Full);
        race_delay();
        let stored = match like {
            None => self.store(registry, new, false).map(|stored| stored.is_new),
            Some((program, like)) => self.store_with_snapshot(registry, new, &like, program),
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
        program: SenderParms<'_>,
    ) -> Result<bool> {
        let token = Token::wait(&self.delivery)?;
        let stored = self.store(registry, new, true)?;
        race_delay();
        // Earlier requesters get the earlier events.
        while token.send_next(stored.since) {}
        // Not with the table locked: a request may have many ranges.
        let ids = stored.snapshot.iter().map(|[idx, val]| Id::new(*idx, *val));
        token.send_snapshot(ids.filter(|id| like.matches(*id)), program);
        Ok(stored.is_new)
    }

    /// Stores a request, unless the socket has made an equal one. May sleep.
    fn store(
        &self,
        registry: &Registry,
        mut new: StoredRequest,
        wants_snapshot: bool,
    ) -> Result<StoredSnapshot> {
        let reserved = Requests::reserve()?;
        let mut snapshot = KVVec::new();
        loop {
            let table = registry.lock();
            let count = table.count();
            if wants_snapshot && count > snapshot.len() {
                drop(table);
                // With spare room, since other tasks may register meanwhile.
                snapshot = zeroed::<[u32; 2]>(count.saturating_add(count / 8).saturating_add(8))?;
                continue;
            }
            // With the table locked, no event is added to the log.
            new.since = self.delivery.log.last_number();
            let mut found = 0usize;
            for (to, id) in snapshot.iter_mut().zip(table.entries().map(Entry::id)) {
                *to = [id.idx(), id.val()];
                found = found.saturating_add(1);
            }
            let since = new.since;
            let added = self.delivery.requests.add(new, reserved);
            drop(table);
            snapshot.truncate(found);
            let is_new = added.is_ok();
            added.or_else(NotAdded::into_result)?;
            return Ok(StoredSnapshot {
                is_new,
                since,
                snapshot,
            });
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
    fn unsubscribe(&self, owner: RequestOwner, request: &Request<'_>) -> Result {
        let like = StoredRequest::new(owner, request)?;
        match self.lose_interest(self.delivery.requests.remove(&like)) {
            0 => Err(ENOENT),
            _ => Ok(()),
        }
    }

    /// Removes the requests of a socket that is being closed. Waits for nothing but a spin lock.
    pub(crate) fn forget(&self, owner: RequestOwner) {
        if read_once(&self.interested) != 0 {
            self.lose_interest(self.delivery.requests.remove_all(owner));
        }
    }

    /// Counts out `count` removed requests, and returns their number.
    fn lose_interest(&self, count: usize) -> usize {
        self.interested.fetch_sub(count, Full);
        count
    }

    /// Says to all listeners that there are no notifications any more, by the error `ENOBUFS`.
    /// Their sockets can outlive a guest.
    pub(crate) fn report_end(&self) {
        self.delivery.report_loss();
    }

    /// Adds a watcher, and returns its number; see [`WatchList::add`].
    pub(crate) fn watch(&self, function: Function, leaving: &Leaving) -> Result<u64> {
        // Before the watcher begins to read the log, so that no event is left out.
        self.interested.fetch_add(1usize, Full);
        self.watchers
            .watch(function, &self.delivery.log, leaving)
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

/// The result of storing a request.
struct StoredSnapshot {
    is_new: bool,
    /// The number of the last event that the snapshot knows of.
    since: u64,
    /// All ids, if a snapshot is wanted.
    snapshot: KVVec<[u32; 2]>,
}
