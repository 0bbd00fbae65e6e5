// SPDX-License-Identifier: GPL-2.0

//! A socket that listens, and what is kept for it.
//!
//! Pure: depends on nothing but `core`, so that it compiles on the host too.
//!
//! C counterpart: `sk_user_data`, which holds what the socket last asked for, granted or not.

use crate::event::{Event, Kinds};

/// What is kept for a socket that has asked for events.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Listener {
    /// Its port when it asked.
    pub(crate) portid: u32,
    /// What it gets.
    pub(crate) kinds: Kinds,
    /// The user whose listeners it is counted among; [`None`] if it has `CAP_NET_ADMIN`.
    pub(crate) user: Option<u32>,
    /// Messages that were handed to netlink for it, acknowledgements among them.
    pub(crate) sent: u64,
    /// What [`Self::no_memory`] adds to the losses of the kinds that it gets.
    no_memory_base: u64,
    /// The last pass over the members of the group in which it was found.
    pub(crate) seen: u64,
    /// What it had missed for want of room in that pass.
    pub(crate) dropped: u32,
}

impl Listener {
    /// A socket that has just asked, and gets nothing yet.
    pub(crate) const fn new(portid: u32) -> Self {
        Self {
            portid,
            kinds: Kinds::NONE,
            user: None,
            sent: 0,
            no_memory_base: 0,
            seen: 0,
            dropped: 0,
        }
    }

    /// It has been told that it gets these kinds, and does from here on.
    pub(crate) fn begin(&mut self, kinds: Kinds, losses: &Losses) {
        self.no_memory_base = self.no_memory(losses).wrapping_sub(losses.of_kinds(kinds));
        self.kinds = kinds;
    }

    /// Counts a message that was handed to netlink for it.
    pub(crate) fn count_sent(&mut self) {
        self.sent = self.sent.wrapping_add(1);
    }

    /// Whether it gets an event; counts it if so.
    pub(crate) fn take(&mut self, event: &Event) -> bool {
        let wants = self.kinds.want(event);
        if wants {
            self.count_sent();
        }
        wants
    }

    /// How many events it would have got, had there been memory.
    pub(crate) fn no_memory(&self, losses: &Losses) -> u64 {
        self.no_memory_base
            .wrapping_add(losses.of_kinds(self.kinds))
    }
}

/// How many events there was no memory for, by kind.
///
/// Listeners are not visited when an event is lost: each works out its share when asked.
#[derive(Default, Debug)]
pub(crate) struct Losses([u64; Kinds::EACH.len()]);

impl Losses {
    /// Counts an event.
    pub(crate) fn count(&mut self, event: &Event) {
        let lost = match event {
            Event::Exits { code, .. } if *code != 0 => Kinds::NONZERO_EXIT,
            _ => event.kind(),
        };
        for (kind, number) in Kinds::EACH.into_iter().zip(&mut self.0) {
            if kind == lost {
                *number = number.wrapping_add(1);
            }
        }
    }

    /// How many of those counted a listener to these kinds would have got.
    fn of_kinds(&self, kinds: Kinds) -> u64 {
        let kinds = if kinds.has(Kinds::EXIT) {
            kinds.with(Kinds::NONZERO_EXIT)
        } else {
            kinds
        };
        let counted = Kinds::EACH.into_iter().zip(self.0);
        counted
            .filter(|(kind, _)| kinds.has(*kind))
            .fold(0, |sum: u64, (_, number)| sum.wrapping_add(number))
    }
}
