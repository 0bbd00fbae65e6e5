// SPDX-License-Identifier: GPL-2.0

//! Watchers of sockets: notified of sockets that are closed, and of groups that are joined and
//! left.
//!
//! Netlink calls the connector in the context of the program, partly with locks of its own. A wait
//! there would delay all netlink sockets of the machine. So no watcher is called there, and a
//! change of a group allocates nothing: the last change of each group is kept until watchers are
//! notified of it.
//!
//! C counterpart: none; there `cn_release()` knows of the one client that keeps something for
//! sockets.

#![forbid(unsafe_code)]

use super::watch_list::{Subject, WatchList};
use crate::{
    calls::Function,
    helpers::{reschedule, zeroed},
    list::{List, Reserved, Taken},
    modules::Leaving,
};
use connector_base::bindings::{CN_SOCKET_CLOSED, CN_SOCKET_JOINS, CN_SOCKET_LEFT};
use kernel::prelude::*;

/// A notification for a watcher of sockets.
pub(crate) struct SocketChange {
    what: u32,
    subject: u64,
}

/// The pending notifications of a watcher of sockets.
pub(crate) struct UnreadChanges {
    /// Sockets that were closed.
    closed: List<u64>,
    /// The last change of each group, a constant of the interface; 0 if watchers know of it.
    groups: KVVec<u32>,
    /// How many of them are not 0.
    changed: usize,
    /// The index at which the search for them continues, so that each has its turn.
    place: usize,
}

impl UnreadChanges {
    /// Nothing, for groups from 1 to `groups`. May sleep.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: no memory.
    fn new(groups: u32) -> Result<Self> {
        Ok(Self {
            closed: List::new(),
            groups: zeroed(groups as usize)?,
            changed: 0,
            place: 0,
        })
    }

    fn set_group(&mut self, group: u32, what: u32) {
        let place = (group as usize).checked_sub(1);
        if let Some(last) = place.and_then(|place| self.groups.get_mut(place)) {
            if *last == 0 {
                self.changed = self.changed.saturating_add(1);
            }
            *last = what;
        }
    }

    /// Takes out a group that has changed.
    fn take_group(&mut self) -> Option<SocketChange> {
        while self.changed != 0 {
            let Some(last) = self.groups.get_mut(self.place) else {
                self.place = 0;
                continue;
            };
            self.place = self.place.saturating_add(1);
            let what = core::mem::take(last);
            if what != 0 {
                self.changed = self.changed.saturating_sub(1);
                let subject = self.place as u64;
                return Some(SocketChange { what, subject });
            }
        }
        None
    }
}

/// Sockets that were closed, last one first, and a group that has changed.
pub(crate) struct Batch {
    closed: List<u64>,
    group: Option<SocketChange>,
}

impl IntoIterator for Batch {
    type Item = SocketChange;
    type IntoIter = core::iter::Chain<
        core::iter::Map<Taken<u64>, fn(u64) -> SocketChange>,
        core::option::IntoIter<SocketChange>,
    >;

    /// The sockets in the order in which they were closed. Each one's memory is freed before the
    /// watcher is called with it. May sleep.
    fn into_iter(self) -> Self::IntoIter {
        let closed: fn(u64) -> SocketChange = |subject| SocketChange {
            what: CN_SOCKET_CLOSED,
            subject,
        };
        let closed = self.closed.reversed(reschedule).into_iter().map(closed);
        // Named in full: so is a method of initializers.
        Iterator::chain(closed, self.group)
    }
}

impl Subject for SocketChange {
    type Pending = UnreadChanges;
    type Batch = Batch;

    fn take(unread: &mut UnreadChanges) -> Option<Batch> {
        let closed = unread.closed.take();
        let group = unread.take_group();
        (!closed.is_empty() || group.is_some()).then_some(Batch { closed, group })
    }

    fn free(unread: UnreadChanges) {
        // Programs decide how many there are.
        for _ in unread.closed {
            reschedule();
        }
    }

    fn into_numbers(self) -> (u32, u64) {
        (self.what, self.subject)
    }
}

impl WatchList<SocketChange> {
    /// Adds a watcher, and returns its number; see [`WatchList::add`]. There are groups from 1 to
    /// `groups`.
    pub(crate) fn watch(&self, function: Function, groups: u32, leaving: &Leaving) -> Result<u64> {
        let watcher = self.add(function, UnreadChanges::new(groups)?, leaving)?;
        Ok(watcher.serial())
    }

    /// Has watchers notified that a program joins `group`. Waits for nothing.
    pub(crate) fn notify_joins(&self, group: u32) {
        self.notify_group(group, CN_SOCKET_JOINS);
    }

    /// Has watchers notified that a socket has left `group`. Waits for nothing.
    pub(crate) fn notify_left(&self, group: u32) {
        self.notify_group(group, CN_SOCKET_LEFT);
    }

    fn notify_group(&self, group: u32, what: u32) {
        self.notify(|watcher| {
            watcher.with_pending(|unread| unread.set_group(group, what));
        });
    }

    /// Has watchers notified that a socket was closed, whose number `number` gives.
    ///
    /// Context: process, with no lock of netlink held. Waits only for memory, which is charged to
    /// the program, and only if the reserves for atomic allocations are empty.
    pub(crate) fn notify_closed(&self, number: impl FnOnce() -> u64) {
        if self.is_empty() {
            return;
        }
        let subject = number();
        self.notify(|watcher| {
            let reserved = Reserved::nofail();
            watcher.with_pending(|unread| unread.closed.push_reserved(reserved, subject));
        });
    }
}
