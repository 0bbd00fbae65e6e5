// SPDX-License-Identifier: GPL-2.0

//! Replies to the sender of a message.
//!
//! C counterpart: `cn_netlink_send()` with the port of the sender.

#![forbid(unsafe_code)]

use crate::{Draft, Message, Outgoing, Port, PortWithin, SendError, Sender};
use kernel::{prelude::*, time::Delta};
use zerocopy::{Immutable, IntoBytes};

impl Sender<'_> {
    /// The sending socket as a target for [`Outgoing::send_to`] and similar functions. Sending to
    /// it does not wait; see [`Self::reply`] for the reason.
    ///
    /// # Examples
    ///
    /// ```
    /// # use connector::{Bundle, Message, Outgoing, Sender};
    /// # use kernel::prelude::*;
    /// fn list(numbers: &[u32], message: &Message<'_>, sender: &Sender<'_>) -> Result {
    ///     let mut bundle = Bundle::new(message.id(), message.seq(), 4096, GFP_KERNEL)?;
    ///     for number in numbers {
    ///         bundle.push(&Outgoing::reply_to(message, number))?;
    ///     }
    ///     Ok(bundle.send_to(sender.without_waiting(), GFP_KERNEL)?)
    /// }
    /// ```
    #[inline]
    pub fn without_waiting(&self) -> PortWithin {
        Port(self.portid()).without_waiting()
    }

    /// The sending socket as a target to which sending waits for so long at most; see
    /// [`Port::within`].
    #[inline]
    pub fn within(&self, time: Delta) -> PortWithin {
        Port(self.portid()).within(time)
    }

    /// Sends a reply to the sending socket alone.
    ///
    /// The reply has the id and the `seq` of `request`, and its `ack` plus one, which is how
    /// programs distinguish it from other messages.
    ///
    /// May sleep for memory, but does not wait for the program: while it is in `sendmsg()`, which
    /// called the handler, it cannot read. A program that does not read its replies loses those for
    /// which its receive buffer has no room, and is notified by `ENOBUFS`. If the handler waited,
    /// every program that may send could block the handler, and so `rmmod`, without a limit.
    /// [`Self::reply_within`] waits for a while, for programs that read in another thread.
    ///
    /// # Errors
    ///
    /// - [`EAGAIN`]: the receive buffer of the socket is full.
    /// - [`EMSGSIZE`]: `payload` is longer than 65535 bytes.
    /// - [`ENOMEM`]: no memory for the message.
    /// - [`ECONNREFUSED`]: the socket was closed.
    ///
    /// # Examples
    ///
    /// ```
    /// # use connector::{Message, Sender};
    /// # use kernel::prelude::*;
    /// # struct Thermometer;
    /// # impl Thermometer { fn read(&self) -> i32 { 20_000 } }
    /// # impl connector::Handler for Thermometer {
    /// fn receive(&self, message: &Message<'_>, sender: &Sender<'_>) -> Result {
    ///     sender.reply(message, &self.read())
    /// }
    /// # }
    /// ```
    #[inline]
    pub fn reply<T>(&self, request: &Message<'_>, payload: &T) -> Result
    where
        T: IntoBytes + Immutable + ?Sized,
    {
        Ok(self.reply_raw(&Outgoing::reply_to(request, payload))?)
    }

    /// Sends a reply as [`Self::reply`] does, and waits while the receive buffer of the socket is
    /// full: until the program reads in another thread, a signal comes, or the time is over. A
    /// `close()` in another thread does not end the wait, because `sendmsg()` keeps the socket.
    ///
    /// Unregistering the handler, and with it `rmmod`, has to wait as long.
    ///
    /// # Errors
    ///
    /// - [`EAGAIN`]: the time is over; the program is not notified that it missed something.
    /// - [`EINTR`]: a signal came while waiting.
    /// - Others as [`Self::reply`].
    #[inline]
    pub fn reply_within<T>(&self, request: &Message<'_>, payload: &T, time: Delta) -> Result
    where
        T: IntoBytes + Immutable + ?Sized,
    {
        Ok(Outgoing::reply_to(request, payload).send_to(self.within(time), GFP_KERNEL)?)
    }

    /// Sends a reply whose payload of up to `max_len` bytes is written in place; else as
    /// [`Self::reply`].
    ///
    /// To wait for a while, send [`Draft::reply_to`] to [`Self::within`].
    ///
    /// # Errors
    ///
    /// As [`Self::reply`], and the error of `write`.
    #[inline]
    pub fn reply_with(
        &self,
        request: &Message<'_>,
        max_len: u16,
        write: impl FnOnce(&mut [u8]) -> Result<usize>,
    ) -> Result {
        let reply = Draft::reply_to(request, max_len);
        Ok(reply.send_to(self.without_waiting(), GFP_KERNEL, write)?)
    }

    /// Sends any message to the sending socket alone, for protocols with rules of their own.
    ///
    /// Does not wait for the program, as [`Self::reply`]. To wait for a while, send it to
    /// [`Self::within`].
    ///
    /// # Errors
    ///
    /// As [`Outgoing::send_to_port`].
    #[inline]
    pub fn reply_raw(&self, message: &Outgoing<'_>) -> Result<(), SendError> {
        message.send_to(self.without_waiting(), GFP_KERNEL)
    }
}
