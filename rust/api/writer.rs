// SPDX-License-Identifier: GPL-2.0

//! A payload that is written from its start to its end.
//!
//! C counterparts: `nla_put()` and its kin in `include/net/netlink.h` do this for attributes.

use crate::{buffer::Buffer, SendError};
use core::fmt;
use kernel::prelude::*;
use zerocopy::{Immutable, IntoBytes};

/// Writes the payload of a [`Draft`](crate::Draft) into the buffer that is sent.
///
/// Each byte is written once: what a slice of zeroes would cost is saved. Text comes by `write!()`,
/// which fails where there is no room.
pub struct Writer<'a> {
    buffer: &'a mut Buffer,
    room: usize,
}

impl<'a> Writer<'a> {
    #[inline]
    pub(crate) fn new(buffer: &'a mut Buffer, room: usize) -> Self {
        Self { buffer, room }
    }

    /// How many bytes there is still room for: what the draft allows, and in a
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

    /// Adds `count` bytes with the same value, and lets the caller change them.
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
