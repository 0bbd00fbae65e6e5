// SPDX-License-Identifier: GPL-2.0

//! What the table keeps of a callback.
//!
//! An [`Entry`] is made in full before anyone can find it, and never changes afterwards except for
//! the count of its calls and its links.
//!
//! C counterpart: `struct cn_callback_entry` in `include/linux/connector.h`.

#![forbid(unsafe_code)]

use super::{
    callback::{CallCount, Callback, CoreHandler},
    lists::{Linked, Links},
};
use crate::stats::Stats;
use connector_base::{bindings, seq_file::Text, Id};
use kernel::{prelude::*, sync::rcu::Guard};

/// Room for the name of a callback and the NUL behind it.
const NAME_SIZE: usize = bindings::CN_CBQ_NAMELEN as usize;

/// The name of a callback, with a NUL behind it.
#[derive(Clone, Copy)]
pub(crate) struct Name([u8; NAME_SIZE]);

impl Name {
    /// Takes bytes up to the first NUL, and as many as there is room for (31).
    pub(crate) fn new(bytes: impl Iterator<Item = u8>) -> Self {
        let mut name = [0; NAME_SIZE];
        let room = name.iter_mut().take(NAME_SIZE - 1);
        for (to, from) in room.zip(bytes.take_while(|byte| *byte != 0)) {
            *to = from;
        }
        Self(name)
    }

    /// As a string.
    pub(crate) fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.0).unwrap_or_default()
    }
}

/// A registered callback.
///
/// The fields that a look-up reads come first, so that they share a cache line.
#[repr(C)]
pub(crate) struct Entry {
    // At offset 0, where the counting instruction needs no displacement.
    calls: CallCount,
    id: Id,
    group: u32,
    callback: Callback,
    links: Links<Self>,
    serial: u64,
    name: Name,
}

impl Entry {
    /// Makes an entry; its group is `id.idx()`. May sleep.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: no memory.
    pub(crate) fn new(id: Id, name: Name, callback: Callback) -> Result<KBox<Self>> {
        let entry = Self {
            id,
            group: id.idx(),
            calls: CallCount::new(),
            callback,
            links: Links::new(),
            serial: 0,
            name,
        };
        Ok(KBox::new(entry, GFP_KERNEL)?)
    }

    /// Sets the number of the registration. Its owner alone can, before others find the entry.
    pub(crate) fn set_serial(&mut self, serial: u64) {
        self.serial = serial;
    }

    /// The id under which the callback is registered.
    #[inline]
    pub(crate) fn id(&self) -> Id {
        self.id
    }

    /// The multicast group of the callback.
    #[inline]
    pub(crate) fn group(&self) -> u32 {
        self.group
    }

    /// The callback.
    #[inline]
    pub(crate) fn callback(&self) -> &Callback {
        &self.callback
    }

    /// The count of its calls.
    #[inline(always)]
    pub(super) fn calls(&self) -> &CallCount {
        &self.calls
    }

    /// The counts of messages for this callback, while it is registered.
    pub(crate) fn stats(&self) -> Stats {
        let outcomes = self.callback.handler().map(CoreHandler::outcomes);
        Stats::new(self.calls.completed().unwrap_or(0), outcomes)
    }

    /// Whether everyone may join the group of this callback.
    pub(crate) fn opens_group(&self) -> bool {
        self.callback
            .handler()
            .is_some_and(CoreHandler::opens_group)
    }

    /// The number of the registration; no other registration has it.
    pub(crate) fn serial(&self) -> u64 {
        self.serial
    }

    /// The name of the callback.
    pub(crate) fn name(&self) -> &CStr {
        self.name.as_c_str()
    }

    /// The name with its memory, to be copied.
    pub(crate) fn full_name(&self) -> &Name {
        &self.name
    }

    /// The capability that a sender needs, if any.
    pub(crate) fn capability(&self) -> Option<c_int> {
        self.callback.handler()?.capability()
    }

    /// What the callback is for, in words. The entry was found under the same RCU read lock.
    pub(crate) fn description<'a>(&self, guard: &'a Guard) -> Option<Text<'a>> {
        self.callback.handler()?.description(guard)
    }
}

impl Linked for Entry {
    fn links(&self) -> &Links<Self> {
        &self.links
    }
}
