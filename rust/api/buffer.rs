// SPDX-License-Identifier: GPL-2.0

//! The buffer that is sent, to be written to in place.
//!
//! C counterpart: `struct sk_buff` with one netlink message.

use crate::{
    bindings::{self, cn_core_target},
    outgoing::as_gfp,
    registration::raw_id,
    wire::{Header, HEADER_LEN},
    Id, SendError,
};
use core::{mem::ManuallyDrop, ptr::NonNull};
use kernel::{alloc::Flags, bindings::sk_buff, prelude::*};

/// A buffer of the core's with room for the payload of one netlink message, filled from its start.
///
/// # Invariants
///
/// `skb` is owned by this. `data` points to `capacity` bytes in it, of which the first `len` are
/// initialised.
pub(crate) struct Buffer {
    skb: NonNull<sk_buff>,
    data: NonNull<u8>,
    capacity: usize,
    len: usize,
}

// SAFETY: The buffer is known to its owner only; it may be sent or freed by any thread.
unsafe impl Send for Buffer {}

impl Buffer {
    /// Room for `capacity` bytes in a netlink message with number `seq`.
    #[inline]
    pub(crate) fn new(capacity: u32, seq: u32, flags: Flags) -> Result<Self, SendError> {
        let mut data = core::ptr::null_mut();
        // SAFETY: `data` can be written to; any length and flags will do.
        let skb = unsafe { bindings::cn_core_alloc(capacity, seq, as_gfp(flags), &mut data) };
        match (NonNull::new(skb), NonNull::new(data.cast())) {
            // INVARIANT: The core has just made the buffer with that much room.
            (Some(skb), Some(data)) => Ok(Self {
                skb,
                data,
                capacity: capacity as usize,
                len: 0,
            }),
            _ => Err(SendError::NoMemory),
        }
    }

    /// How many bytes were added.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// How many bytes can still be added.
    #[inline]
    pub(crate) fn room(&self) -> usize {
        // By the type invariants `len` is not larger.
        self.capacity.wrapping_sub(self.len)
    }

    /// Adds a copy of `bytes`.
    ///
    /// # Errors
    ///
    /// [`SendError::TooLong`]: there is no room for them.
    #[inline]
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), SendError> {
        let end = self.make_room(bytes.len())?;
        // SAFETY: There is room; the buffer is ours alone, so `bytes` is elsewhere.
        unsafe { end.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        // INVARIANT: They are initialised.
        self.len = self.len.wrapping_add(bytes.len());
        Ok(())
    }

    /// Adds `count` bytes with the same value, and lets the caller change them.
    ///
    /// # Errors
    ///
    /// [`SendError::TooLong`]: there is no room for them.
    #[inline]
    pub(crate) fn fill(&mut self, value: u8, count: usize) -> Result<&mut [u8], SendError> {
        let end = self.make_room(count)?;
        // SAFETY: There is room.
        unsafe { end.write_bytes(value, count) };
        // INVARIANT: They are initialised.
        self.len = self.len.wrapping_add(count);
        // SAFETY: They are initialised, and this is borrowed.
        Ok(unsafe { core::slice::from_raw_parts_mut(end, count) })
    }

    /// Adds a header, and what `write` adds behind it: the header is that of so many bytes. On
    /// failure, the buffer is as it was before.
    ///
    /// # Errors
    ///
    /// [`SendError::TooLong`]: there is no room for the header, or the rest is longer than one can
    /// say; and what `write` returns.
    #[inline]
    pub(crate) fn push_message(
        &mut self,
        header: impl FnOnce(u16) -> Header,
        write: impl FnOnce(&mut Self) -> Result<(), SendError>,
    ) -> Result<(), SendError> {
        let start = self.len;
        let place = self.make_room(HEADER_LEN)?.cast::<Header>();
        // The header is written at the end; until then, nobody reads what was added.
        self.len = start.wrapping_add(HEADER_LEN);
        let payload = self.len;
        let added = write(self).and_then(|()| {
            u16::try_from(self.len.wrapping_sub(payload)).map_err(|_| SendError::TooLong)
        });
        match added {
            Ok(len) => {
                // SAFETY: There is room, at any alignment.
                unsafe { place.write_unaligned(header(len)) };
                // INVARIANT: Now the header is initialised too.
                Ok(())
            }
            Err(error) => {
                // INVARIANT: So many bytes were initialised before.
                self.len = start;
                Err(error)
            }
        }
    }

    /// Where the next byte goes, if `count` more have room.
    #[inline]
    fn make_room(&mut self, count: usize) -> Result<*mut u8, SendError> {
        if count > self.room() {
            return Err(SendError::TooLong);
        }
        // SAFETY: By the type invariants this is within the buffer or at its end.
        Ok(unsafe { self.data.as_ptr().add(self.len) })
    }

    /// Takes away all but the first `len` bytes.
    #[inline]
    pub(crate) fn truncate(&mut self, len: usize) {
        // INVARIANT: Fewer bytes are initialised as well.
        self.len = self.len.min(len);
    }

    /// Sends what was added, and returns what the core did; `id` says which group is meant where
    /// the target doesn't.
    #[inline]
    pub(crate) fn post(self, id: Id, target: &cn_core_target, flags: Flags) -> c_int {
        let len = self.len as u32;
        let skb = ManuallyDrop::new(self).skb.as_ptr();
        // SAFETY: By the type invariants the buffer is ours, and it is given away; that many bytes
        // are initialised.
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
