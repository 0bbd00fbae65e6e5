// SPDX-License-Identifier: GPL-2.0

//! A message to user space, with a payload that is in memory already.
//!
//! C counterparts: `cn_netlink_send()` and `cn_netlink_send_mult()` in
//! `include/linux/connector.h`.

#![forbid(unsafe_code)]

use crate::{raw, wire::Header, Id, Listeners, Message, Port, SendError, Target};
use kernel::{alloc::Flags, prelude::*};
use zerocopy::{Immutable, IntoBytes};

/// A message to be sent, by default with `seq`, `ack` and `flags` of 0.
///
/// The payload is copied once, into the buffer that is sent. To write it there in the first place,
/// use [`Draft`](crate::Draft); to send several messages at once, [`Bundle`](crate::Bundle).
///
/// # Context
///
/// Messages may be sent from any context, given the allocation flags of that context:
/// [`GFP_KERNEL`] where sleeping is allowed, else [`GFP_ATOMIC`] or [`GFP_NOWAIT`]. Under
/// `PREEMPT_RT` the kernel's allocators sleep with any flags; there, preemption and interrupts have
/// to be on, and no raw spin lock may be held.
///
/// # Examples
///
/// ```
/// # use connector::{Id, Outgoing};
/// # use kernel::prelude::*;
/// # fn report(temperature: u32) -> Result {
/// const SENSOR: Id = Id::new(20, 1);
///
/// Ok(Outgoing::new(SENSOR, &temperature).seq(1).send(GFP_KERNEL)?)
/// # }
/// ```
#[derive(Clone, Copy)]
#[must_use = "a message does nothing until it is sent"]
pub struct Outgoing<'a> {
    id: Id,
    seq: u32,
    ack: u32,
    flags: u16,
    payload: &'a [u8],
}

impl<'a> Outgoing<'a> {
    /// Starts a message from `id` with the given payload: bytes, a text, or a value that can be
    /// shown to user space, which is one without padding, pointers and the like.
    #[inline]
    pub fn new<T>(id: Id, payload: &'a T) -> Self
    where
        T: IntoBytes + Immutable + ?Sized,
    {
        Self {
            id,
            seq: 0,
            ack: 0,
            flags: 0,
            payload: payload.as_bytes(),
        }
    }

    /// Starts a reply: same id and `seq` as `request`, and its `ack` plus one.
    #[inline]
    pub fn reply_to<T>(request: &Message<'_>, payload: &'a T) -> Self
    where
        T: IntoBytes + Immutable + ?Sized,
    {
        Self::new(request.id(), payload)
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

    /// Sends to the group of the callback that is registered under the message's id.
    ///
    /// # Errors
    ///
    /// - [`SendError::UnknownId`]: nothing is registered under the id.
    /// - [`SendError::NoListeners`]: there are no listeners.
    /// - [`SendError::ReceiverFull`]: the receive buffers of all listeners are full.
    /// - [`SendError::SomeMissed`]: a listener that asked for this error missed the message.
    /// - [`SendError::TooLong`]: the payload is longer than 65535 bytes.
    /// - [`SendError::NoMemory`]: no memory for the message.
    #[inline]
    pub fn send(&self, flags: Flags) -> Result<(), SendError> {
        self.send_to(Listeners::of_id(), flags)
    }

    /// Sends to the listeners to `group`, which is not 0.
    ///
    /// # Errors
    ///
    /// [`EINVAL`] if `group` is 0; else as [`Self::send`], except [`SendError::UnknownId`].
    #[inline]
    pub fn send_to_group(&self, group: u32, flags: Flags) -> Result<(), SendError> {
        self.send_to(Listeners::of_group(group), flags)
    }

    /// Sends to the socket with port `portid`, which is not 0.
    ///
    /// With [`GFP_KERNEL`], waits while the receive buffer of the socket is full: until the program
    /// reads, the last reference to its socket is dropped, or the sending task gets a signal. That
    /// may never happen: a program in `sendmsg()`, which called a handler, cannot read; a `close()`
    /// in another thread does not help, because `sendmsg()` keeps the socket; and a kernel thread
    /// gets no signals. So use [`Sender::reply`](crate::Sender::reply) in handlers. Elsewhere limit
    /// the time with [`Port::within`], or do not wait at all, with [`Port::without_waiting`].
    ///
    /// # Errors
    ///
    /// - [`EINVAL`]: `portid` is 0.
    /// - [`SendError::NoSuchPort`]: there is no such socket.
    /// - [`SendError::ReceiverFull`]: the receive buffer is full, and the flags forbid to wait.
    /// - [`SendError::Interrupted`]: a signal came while waiting.
    /// - [`SendError::TooLong`]: the payload is longer than 65535 bytes.
    /// - [`SendError::NoMemory`]: no memory for the message.
    #[inline]
    pub fn send_to_port(&self, portid: u32, flags: Flags) -> Result<(), SendError> {
        self.send_to(Port(portid), flags)
    }

    /// Sends to a [`Port`] or to [`Listeners`].
    ///
    /// # Errors
    ///
    /// As [`Self::send_to_port`] or [`Self::send`].
    #[inline]
    pub fn send_to(&self, target: impl Target, flags: Flags) -> Result<(), SendError> {
        let header = self.header()?;
        target.route().send(self.id, |destination| {
            raw::send(&header, self.payload, destination, flags)
        })
    }

    /// The header as it is sent.
    #[inline]
    pub(crate) fn header(&self) -> Result<Header, SendError> {
        Ok(Header {
            id: self.id,
            seq: self.seq,
            ack: self.ack,
            len: u16::try_from(self.payload.len()).map_err(|_| SendError::TooLong)?,
            flags: self.flags,
        })
    }

    #[inline]
    pub(crate) fn payload(&self) -> &'a [u8] {
        self.payload
    }
}
