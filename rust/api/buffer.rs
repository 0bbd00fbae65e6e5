// SPDX-License-Identifier: GPL-2.0

//! The buffer that is sent, to be written to in place.
//!
//! C counterpart: `struct sk_buff` with one netlink message.

use crate::{
    bindings::{self, cn_core_target},
    outgoing::as_gfp,
    registration::raw_id,
    Id, SendError,
};
use core::{mem::ManuallyDrop, ptr::NonNull};
use kernel::{alloc::Flags, bindings::sk_buff, prelude::*};

/// A buffer of the core's with room for the payload of one netlink message.
///
/// # Invariants
///
/// `skb` is owned by this. `data` points to `len` initialised bytes in it.
pub(crate) struct Buffer {
    skb: NonNull<sk_buff>,
    data: NonNull<u8>,
    len: usize,
}

// SAFETY: The buffer is known to its owner only; it may be sent or freed by any thread.
unsafe impl Send for Buffer {}

impl Buffer {
    /// Room for `len` bytes, all 0, in a netlink message with number `seq`.
    #[inline]
    pub(crate) fn new(len: u32, seq: u32, flags: Flags) -> Result<Self, SendError> {
        let mut data = core::ptr::null_mut();
        // SAFETY: `data` can be written to; any length and flags will do.
        let skb = unsafe { bindings::cn_core_alloc(len, seq, as_gfp(flags), &mut data) };
        match (NonNull::new(skb), NonNull::new(data.cast())) {
            // INVARIANT: The core has just made the buffer, with that many zeroes.
            (Some(skb), Some(data)) => Ok(Self {
                skb,
                data,
                len: len as usize,
            }),
            _ => Err(SendError::NoMemory),
        }
    }

    /// What will be sent.
    #[inline]
    pub(crate) fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: By the type invariants; the slice borrows this.
        unsafe { core::slice::from_raw_parts_mut(self.data.as_ptr(), self.len) }
    }

    /// Sends the first `len` bytes, and returns what the core did; `id` says which group is meant
    /// where the target doesn't.
    #[inline]
    pub(crate) fn post(self, len: usize, id: Id, target: &cn_core_target, flags: Flags) -> c_int {
        let len = len.min(self.len) as u32;
        let skb = ManuallyDrop::new(self).skb.as_ptr();
        // SAFETY: By the type invariants the buffer is ours, and it is given away; it has at least
        // `len` bytes.
        unsafe { bindings::cn_core_post(skb, len, &raw_id(id), target, as_gfp(flags)) }
    }
}

impl Drop for Buffer {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: By the type invariants the buffer is ours.
        unsafe { bindings::cn_core_free(self.skb.as_ptr()) };
    }
}
