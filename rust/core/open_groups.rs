// SPDX-License-Identifier: GPL-2.0

//! Groups that registrations have opened to everyone.

use crate::zeroed::zeroed;
use kernel::{new_spinlock, prelude::*, sync::SpinLock};

/// How many registrations hold each group open.
#[pin_data]
pub(crate) struct OpenGroups {
    #[pin]
    counts: SpinLock<KVVec<u32>>,
}

impl OpenGroups {
    /// All groups closed; they are numbered from 1 to `count`. May sleep.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: no memory.
    pub(crate) fn new(count: u32) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            counts <- new_spinlock!(zeroed(count as usize)?, "cn_open_groups"),
        }? Error)
    }

    fn with_count<R>(&self, group: u32, work: impl FnOnce(&mut u32) -> R) -> Option<R> {
        let place = (group as usize).checked_sub(1)?;
        self.counts.lock().get_mut(place).map(work)
    }

    /// One more registration holds `group` open. A group that doesn't exist is passed over.
    pub(crate) fn open(&self, group: u32) {
        self.with_count(group, |count| *count = count.saturating_add(1));
    }

    /// One registration less holds `group` open.
    pub(crate) fn close(&self, group: u32) {
        self.with_count(group, |count| *count = count.saturating_sub(1));
    }

    /// Whether everyone may join `group`. Context: process.
    pub(crate) fn is_open(&self, group: u32) -> bool {
        self.with_count(group, |count| *count != 0).unwrap_or(false)
    }
}
