// SPDX-License-Identifier: GPL-2.0

//! A message as a handler sees it.
//!
//! Guarantees that the payload is as long as the header says. Does not copy: the bytes are those
//! of the socket buffer.
//!
//! C counterpart: `struct cn_msg` in `include/uapi/linux/connector.h`.

use crate::{bindings, wire::Header, Id};

/// A message that came from user space.
///
/// # Invariants
///
/// `payload` has the length that `header` says.
pub struct Message<'a> {
    header: Header,
    payload: &'a [u8],
}

impl<'a> Message<'a> {
    /// Makes a view of a message of the core.
    ///
    /// # Safety
    ///
    /// For `'a`, `message` must point to a `cn_msg` that is followed by as many bytes as it says,
    /// and nobody may write to them.
    #[inline]
    pub(crate) unsafe fn from_raw(message: *const bindings::cn_msg) -> Self {
        // SAFETY: The caller guarantees that the header is there; `Header` has its layout.
        let header = unsafe { message.cast::<Header>().read() };
        // SAFETY: The caller guarantees that the payload follows the header, which is 20 bytes long
        // without padding behind it.
        let payload = unsafe { message.cast::<u8>().add(size_of::<Header>()) };
        // SAFETY: The caller guarantees that there are as many bytes, and that they don't change.
        let payload = unsafe { core::slice::from_raw_parts(payload, usize::from(header.len)) };
        // INVARIANT: The slice was just made with the header's length.
        Self { header, payload }
    }

    /// The id that the message is addressed to.
    #[inline]
    pub fn id(&self) -> Id {
        self.header.id
    }

    /// The number that the sender gave the message.
    #[inline]
    pub fn seq(&self) -> u32 {
        self.header.seq
    }

    /// The acknowledgement number that the sender gave the message.
    #[inline]
    pub fn ack(&self) -> u32 {
        self.header.ack
    }

    /// The flags; their meaning is up to the users of the id.
    #[inline]
    pub fn flags(&self) -> u16 {
        self.header.flags
    }

    /// The payload, 0 to 16364 bytes.
    #[inline]
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }
}
