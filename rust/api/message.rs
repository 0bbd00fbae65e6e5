// SPDX-License-Identifier: GPL-2.0

//! A message as a handler sees it.
//!
//! Guarantees that the payload is as long as the header says. Does not copy: the bytes are those
//! of the socket buffer.
//!
//! C counterpart: `struct cn_msg` in `include/uapi/linux/connector.h`.

#![forbid(unsafe_code)]

use crate::{wire::Header, Id};
use kernel::prelude::*;
use zerocopy::{FromBytes, Immutable, KnownLayout};

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
    /// A message with this header; `payload` has the length that it says.
    #[inline]
    pub(crate) fn new(header: Header, payload: &'a [u8]) -> Self {
        // INVARIANT: By the requirement of this function.
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

    /// The acknowledgment number that the sender gave the message.
    #[inline]
    pub fn ack(&self) -> u32 {
        self.header.ack
    }

    /// The flags; their meaning is up to the users of the id.
    #[inline]
    pub fn flags(&self) -> u16 {
        self.header.flags
    }

    /// The payload, 0 to 16364 bytes. It starts at a multiple of four bytes in memory.
    #[inline]
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// The payload as a value of a type, without a copy.
    ///
    /// A type that needs to be aligned to more than four bytes does not compile here; use
    /// [`Self::read_payload`] for it.
    ///
    /// # Errors
    ///
    /// [`EINVAL`]: the payload is not exactly as long as the type.
    ///
    /// # Examples
    ///
    /// ```
    /// use connector::Message;
    /// use kernel::prelude::*;
    /// use zerocopy_derive::{Immutable, KnownLayout};
    ///
    /// #[derive(FromBytes, Immutable, KnownLayout)]
    /// #[repr(C)]
    /// struct Limits {
    ///     low: i32,
    ///     high: i32,
    /// }
    ///
    /// fn width(message: &Message<'_>) -> Result<i32> {
    ///     let limits = message.payload_as::<Limits>()?;
    ///     limits.high.checked_sub(limits.low).ok_or(ERANGE)
    /// }
    /// ```
    #[inline]
    pub fn payload_as<T>(&self) -> Result<&'a T>
    where
        T: FromBytes + Immutable + KnownLayout,
    {
        const { assert_aligned::<T>() };
        T::ref_from_bytes(self.payload).map_err(|_| EINVAL)
    }

    /// The start of the payload as a value of a type, without a copy, and the rest.
    ///
    /// As [`Self::payload_as`] for types that need no more than four bytes of alignment.
    ///
    /// # Errors
    ///
    /// [`EINVAL`]: the payload is shorter than the type.
    #[inline]
    pub fn payload_prefix<T>(&self) -> Result<(&'a T, &'a [u8])>
    where
        T: FromBytes + Immutable + KnownLayout,
    {
        const { assert_aligned::<T>() };
        T::ref_from_prefix(self.payload).map_err(|_| EINVAL)
    }

    /// The payload as a value of a type, copied; for types of any alignment.
    ///
    /// # Errors
    ///
    /// [`EINVAL`]: the payload is not exactly as long as the type.
    #[inline]
    pub fn read_payload<T: FromBytes>(&self) -> Result<T> {
        T::read_from_bytes(self.payload).map_err(|_| EINVAL)
    }
}

/// Fails to compile for a type that cannot be read in place in a payload.
#[inline]
const fn assert_aligned<T>() {
    assert!(
        align_of::<T>() <= 4,
        "a payload is aligned to four bytes only: use read_payload() for this type"
    );
}
