// SPDX-License-Identifier: GPL-2.0

//! A message whose payload is written directly into the buffer that is sent.
//!
//! C counterparts: none for the message, which is made elsewhere there, and copied; for its payload
//! `nla_put()` and its kin in `include/net/netlink.h` do this for attributes.

#![forbid(unsafe_code)]

use crate::{
    raw::Buffer,
    wire::{Header, HEADER_LEN},
    Id, Listeners, Message, SendError, Target,
};
use core::fmt;
use kernel::{alloc::Flags, prelude::*};
use zerocopy::{Immutable, IntoBytes};

/// A message to be written in place, and only if there are listeners.
///
/// For payloads that are expensive to make, or large. Nothing is allocated, and nothing is written,
/// when there are no listeners.
///
/// # Examples
///
/// ```
/// use connector::{Draft, Id};
/// # use kernel::prelude::*;
///
/// # const ID: Id = Id::new(20, 1);
/// fn send_squares(count: usize) -> Result {
///     Ok(Draft::new(ID, 400).send(GFP_KERNEL, |payload| {
///         let mut len = 0;
///         for (number, slot) in payload.chunks_exact_mut(4).take(count).enumerate() {
///             slot.copy_from_slice(&(number as u32).wrapping_pow(2).to_ne_bytes());
///             len += slot.len();
///         }
///         Ok(len)
///     })?)
/// }
/// ```
#[derive(Clone, Copy)]
#[must_use = "a message does nothing until it is sent"]
pub struct Draft {
    id: Id,
    seq: u32,
    ack: u32,
    flags: u16,
    max_len: u16,
}

impl Draft {
    /// Starts a message from `id` with a payload of up to `max_len` bytes.
    #[inline]
    pub fn new(id: Id, max_len: u16) -> Self {
        Self {
            id,
            seq: 0,
            ack: 0,
            flags: 0,
            max_len,
        }
    }

    /// Starts a reply: same id and `seq` as `request`, and its `ack` plus one.
    #[inline]
    pub fn reply_to(request: &Message<'_>, max_len: u16) -> Self {
        Self::new(request.id(), max_len)
            .seq(request.seq())
            .ack(request.ack().wrapping_add(1))
    }

    /// Sets the number of the message, which also becomes `nlmsg_seq`.
    #[inline]
    pub fn seq(self, seq: u32) -> Self {
        Self { seq, ..self }
    }

    /// Sets the acknowledgment number.
    #[inline]
    pub fn ack(self, ack: u32) -> Self {
        Self { ack, ..self }
    }

    /// Sets the flags.
    #[inline]
    pub fn flags(self, flags: u16) -> Self {
        Self { flags, ..self }
    }

    /// Sends to the group of the callback that is registered under the message's id; see
    /// [`Self::send_to`].
    ///
    /// # Errors
    ///
    /// As [`Outgoing::send`](crate::Outgoing::send), and the error of `write`.
    #[inline]
    pub fn send(
        &self,
        flags: Flags,
        write: impl FnOnce(&mut [u8]) -> Result<usize>,
    ) -> Result<(), SendError> {
        self.send_to(Listeners::of_id(), flags, write)
    }

    /// Calls `write` with the payload, and sends as many bytes of it as `write` returns.
    ///
    /// The payload is `max_len` bytes long and full of zeroes. If the target is [`Listeners`] and
    /// there are none, `write` is not called.
    ///
    /// # Errors
    ///
    /// As [`Outgoing::send_to`](crate::Outgoing::send_to); [`SendError::TooLong`] if `write`
    /// returns more than there is; [`SendError::Other`] with the error of `write`.
    #[inline]
    pub fn send_to(
        &self,
        target: impl Target,
        flags: Flags,
        write: impl FnOnce(&mut [u8]) -> Result<usize>,
    ) -> Result<(), SendError> {
        self.post(target, flags, |buffer| self.add_to(buffer, write))
    }

    /// Sends the bytes of `write` to the group of the callback that is registered under the
    /// message's id; see [`Self::write_to`].
    ///
    /// # Examples
    ///
    /// ```
    /// use connector::{Draft, Id};
    /// # use kernel::prelude::*;
    ///
    /// # const ID: Id = Id::new(20, 1);
    /// fn send_all(numbers: &[u32]) -> Result {
    ///     Ok(Draft::new(ID, 400).write(GFP_KERNEL, |payload| {
    ///         for number in numbers {
    ///             payload.push(number)?;
    ///         }
    ///         Ok(())
    ///     })?)
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Self::write_to`].
    #[inline]
    pub fn write(
        &self,
        flags: Flags,
        write: impl FnOnce(&mut Writer<'_>) -> Result<(), SendError>,
    ) -> Result<(), SendError> {
        self.write_to(Listeners::of_id(), flags, write)
    }

    /// Calls `write` with a [`Writer`] that has room for `max_len` bytes, and sends the written
    /// bytes.
    ///
    /// Where the payload is large, this costs less than [`Self::send_to`], because nothing is
    /// zeroed beforehand. If the target is [`Listeners`] and there are none, `write` is not called.
    ///
    /// # Errors
    ///
    /// As [`Outgoing::send_to`](crate::Outgoing::send_to), and the error of `write`.
    #[inline]
    pub fn write_to(
        &self,
        target: impl Target,
        flags: Flags,
        write: impl FnOnce(&mut Writer<'_>) -> Result<(), SendError>,
    ) -> Result<(), SendError> {
        self.post(target, flags, |buffer| self.add_written(buffer, write))
    }

    #[inline]
    fn post(
        &self,
        target: impl Target,
        flags: Flags,
        add: impl FnOnce(&mut Buffer) -> Result<(), SendError>,
    ) -> Result<(), SendError> {
        let route = target.route();
        route.check_awaited(self.id, flags)?;
        let room = HEADER_LEN as u32 + u32::from(self.max_len);
        let mut buffer = Buffer::new(room, self.seq, flags)?;
        add(&mut buffer)?;
        route.send(self.id, |destination| {
            buffer.post(self.id, destination, flags)
        })
    }

    /// Adds the message to `buffer`, whose payload `write` writes in place. On failure, the buffer
    /// is as it was before.
    #[inline]
    pub(crate) fn add_to(
        &self,
        buffer: &mut Buffer,
        write: impl FnOnce(&mut [u8]) -> Result<usize>,
    ) -> Result<(), SendError> {
        self.add(buffer, |buffer| {
            let payload = buffer.len();
            let room = buffer.fill(0, self.max_len.into())?;
            let len = write(room).map_err(SendError::Other)?;
            if len > self.max_len.into() {
                return Err(SendError::TooLong);
            }
            buffer.truncate(payload.saturating_add(len));
            Ok(())
        })
    }

    /// As [`Self::add_to`]; `write` writes the payload part by part.
    #[inline]
    pub(crate) fn add_written(
        &self,
        buffer: &mut Buffer,
        write: impl FnOnce(&mut Writer<'_>) -> Result<(), SendError>,
    ) -> Result<(), SendError> {
        self.add(buffer, |buffer| {
            write(&mut Writer::new(buffer, self.max_len.into()))
        })
    }

    /// Adds the header, and the payload by `write`.
    #[inline]
    fn add(
        &self,
        buffer: &mut Buffer,
        write: impl FnOnce(&mut Buffer) -> Result<(), SendError>,
    ) -> Result<(), SendError> {
        let header = |len| Header {
            id: self.id,
            seq: self.seq,
            ack: self.ack,
            len,
            flags: self.flags,
        };
        buffer.push_message(header, write)
    }
}

/// Writes the payload of a [`Draft`] into the buffer that is sent.
///
/// Each byte is written once; nothing is zeroed beforehand. Text comes by `write!()`, which fails
/// where there is no room.
pub struct Writer<'a> {
    buffer: &'a mut Buffer,
    room: usize,
}

impl<'a> Writer<'a> {
    #[inline]
    pub(crate) fn new(buffer: &'a mut Buffer, room: usize) -> Self {
        Self { buffer, room }
    }

    /// The number of bytes for which there is still room: what the draft permits, and in a
    /// [`Bundle`](crate::Bundle) no more than the bundle has left.
    #[inline]
    pub fn room(&self) -> usize {
        self.room.min(self.buffer.room())
    }

    /// Adds bytes, a text, or a value that can be shown to user space, which is one without
    /// padding, pointers and the like.
    ///
    /// # Errors
    ///
    /// [`SendError::TooLong`]: there is no room for it; nothing was added.
    #[inline]
    pub fn push<T>(&mut self, value: &T) -> Result<(), SendError>
    where
        T: IntoBytes + Immutable + ?Sized,
    {
        let bytes = value.as_bytes();
        let room = self.room_after(bytes.len())?;
        self.buffer.push(bytes)?;
        self.room = room;
        Ok(())
    }

    /// Adds `count` bytes with the same value, and returns them, so that the caller can change
    /// them.
    ///
    /// # Errors
    ///
    /// [`SendError::TooLong`]: there is no room for them; nothing was added.
    #[inline]
    pub fn fill(&mut self, value: u8, count: usize) -> Result<&mut [u8], SendError> {
        let room = self.room_after(count)?;
        let filled = self.buffer.fill(value, count)?;
        self.room = room;
        Ok(filled)
    }

    #[inline]
    fn room_after(&self, count: usize) -> Result<usize, SendError> {
        self.room.checked_sub(count).ok_or(SendError::TooLong)
    }
}

impl fmt::Write for Writer<'_> {
    #[inline]
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text).map_err(|_| fmt::Error)
    }
}
