// SPDX-License-Identifier: GPL-2.0

//! Several messages that travel together.
//!
//! C counterpart: `cn_netlink_send_mult()` in `include/linux/connector.h`, with a `len` that
//! exceeds `msg->len`.

#![forbid(unsafe_code)]

use crate::{raw::Buffer, Draft, Id, Listeners, Outgoing, SendError, Target, Writer};
use kernel::{alloc::Flags, prelude::*};

/// Several messages under one netlink header: all of them arrive, or none.
///
/// The messages stand directly one behind the other, without padding. A program finds the next one
/// at the end of the payload of this one, until `nlmsg_len` is used up. It can read their
/// headers in place if all lengths are multiples of four bytes.
///
/// # Examples
///
/// ```
/// use connector::{Bundle, Id, Outgoing, Port};
/// # use kernel::prelude::*;
///
/// # const ID: Id = Id::new(20, 1);
/// fn list(numbers: &[u32], portid: u32) -> Result {
///     let mut bundle = Bundle::new(ID, 0, 4096, GFP_KERNEL)?;
///     for number in numbers {
///         bundle.push(&Outgoing::new(ID, number))?;
///     }
///     Ok(bundle.send_to(Port(portid), GFP_KERNEL)?)
/// }
/// ```
#[must_use = "a bundle does nothing until it is sent"]
pub struct Bundle {
    buffer: Buffer,
    id: Id,
}

impl Bundle {
    /// Makes an empty bundle with room for `capacity` bytes: 20 for each message, and its payload.
    ///
    /// [`Self::send`] sends to the group of `id`; `seq` becomes `nlmsg_seq`.
    ///
    /// # Errors
    ///
    /// [`SendError::NoMemory`].
    #[inline]
    pub fn new(id: Id, seq: u32, capacity: u16, flags: Flags) -> Result<Self, SendError> {
        Ok(Self {
            buffer: Buffer::new(capacity.into(), seq, flags)?,
            id,
        })
    }

    /// Adds a message.
    ///
    /// # Errors
    ///
    /// [`SendError::TooLong`]: there is no room for it. The bundle is as it was before.
    #[inline]
    pub fn push(&mut self, message: &Outgoing<'_>) -> Result<(), SendError> {
        let header = message.header()?;
        self.buffer
            .push_message(|_| header, |buffer| buffer.push(message.payload()))
    }

    /// Adds a message whose payload is written in place; see [`Draft::send_to`].
    ///
    /// # Errors
    ///
    /// - [`SendError::TooLong`]: there is no room for the longest payload of the draft.
    /// - [`SendError::Other`]: the error of `write`.
    ///
    /// The bundle is then as it was before.
    #[inline]
    pub fn push_with(
        &mut self,
        draft: &Draft,
        write: impl FnOnce(&mut [u8]) -> Result<usize>,
    ) -> Result<(), SendError> {
        draft.add_to(&mut self.buffer, write)
    }

    /// Adds a message whose payload is written part by part; see [`Draft::write_to`].
    ///
    /// # Errors
    ///
    /// - [`SendError::TooLong`]: there is no room for the payload.
    /// - The error of `write`.
    ///
    /// The bundle is then as it was before.
    #[inline]
    pub fn write(
        &mut self,
        draft: &Draft,
        write: impl FnOnce(&mut Writer<'_>) -> Result<(), SendError>,
    ) -> Result<(), SendError> {
        draft.add_written(&mut self.buffer, write)
    }

    /// How many bytes of messages there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.buffer.len()
    }

    /// Whether there is no message.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sends to the group of the callback that is registered under the bundle's id.
    ///
    /// # Errors
    ///
    /// As [`Self::send_to`].
    #[inline]
    pub fn send(self, flags: Flags) -> Result<(), SendError> {
        self.send_to(Listeners::of_id(), flags)
    }

    /// Sends the messages.
    ///
    /// # Errors
    ///
    /// As [`Outgoing::send_to`]; [`EINVAL`] if there is no message.
    #[inline]
    pub fn send_to(self, target: impl Target, flags: Flags) -> Result<(), SendError> {
        if self.is_empty() {
            return Err(SendError::Other(EINVAL));
        }
        let Self { buffer, id } = self;
        target
            .route()
            .send(id, |destination| buffer.post(id, destination, flags))
    }
}
