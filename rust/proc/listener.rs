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
    /// What it has asked for last.
    pub(crate) asked: Kinds,
    /// What it gets: what it had asked for when it was told so last.
    pub(crate) kinds: Kinds,
    /// Whether it has `CAP_NET_ADMIN`.
    pub(crate) is_privileged: bool,
    /// Messages that were handed to netlink for it, acknowledgements among them.
    pub(crate) sent: u64,
    /// Events for which there was no memory.
    pub(crate) no_memory: u64,
    /// Whether it was in the group when that was last looked at.
    pub(crate) is_member: bool,
    /// What it had missed for want of room when that was last looked at.
    pub(crate) dropped: u32,
}

impl Listener {
    /// A socket that has just asked, and gets nothing yet.
    pub(crate) const fn new(portid: u32, asked: Kinds, is_privileged: bool) -> Self {
        Self {
            portid,
            asked,
            kinds: Kinds::NONE,
            is_privileged,
            sent: 0,
            no_memory: 0,
            is_member: false,
            dropped: 0,
        }
    }

    /// It has been told of what it has asked for, and gets that from here on.
    pub(crate) fn begin(&mut self) {
        self.kinds = self.asked;
    }

    /// What events have to be looked for because of it.
    pub(crate) fn needs(&self) -> Kinds {
        self.kinds.with(self.asked)
    }

    /// Whether it gets an event; counts it if so.
    pub(crate) fn take(&mut self, event: &Event) -> bool {
        let wants = self.kinds.want(event);
        if wants {
            self.sent = self.sent.wrapping_add(1);
        }
        wants
    }

    /// Counts an event that it would have got.
    pub(crate) fn lose(&mut self, event: &Event) {
        if self.kinds.want(event) {
            self.no_memory = self.no_memory.wrapping_add(1);
        }
    }
}
