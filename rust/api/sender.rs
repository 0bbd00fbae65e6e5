// SPDX-License-Identifier: GPL-2.0

//! The sender of a message, and the number of its socket.
//!
//! C counterparts: `struct netlink_skb_parms` in `include/linux/netlink.h`, `sock_gen_cookie()` in
//! `include/linux/sock_diag.h`.

#![forbid(unsafe_code)]

use crate::{raw::Credentials, Capability, Draft, Message, Outgoing, Port, PortWithin, SendError};
use kernel::{prelude::*, time::Delta};
use zerocopy::{Immutable, IntoBytes};

/// The sender of the message that a handler handles.
///
/// Its socket is in the initial network namespace: messages from others don't reach the connector.
pub struct Sender<'a> {
    credentials: Credentials<'a>,
}

impl<'a> Sender<'a> {
    #[inline]
    pub(crate) fn new(credentials: Credentials<'a>) -> Self {
        Self { credentials }
    }

    /// The port of the sending socket.
    ///
    /// To send to it later, see [`Outgoing::send_to_port`]. When the socket is closed, another
    /// one may get the port.
    #[inline]
    pub fn portid(&self) -> u32 {
        self.credentials.portid()
    }

    /// The sending socket.
    #[inline]
    pub fn socket(&self) -> SocketId {
        self.credentials.socket().id()
    }

    /// The user on whose behalf the message was sent, as a number of the initial user namespace.
    ///
    /// This is the real user id, or the one that the sender has put into `SCM_CREDENTIALS`, which
    /// only a privileged sender may choose.
    #[inline]
    pub fn uid(&self) -> u32 {
        self.credentials.uid()
    }

    /// Whether both the opener of the socket and the sender have a capability, in the initial user
    /// namespace.
    ///
    /// For handlers that do more for privileged senders. Rights that all senders need belong in the
    /// [`Options`](crate::Options) of the registration.
    #[inline]
    pub fn capable(&self, capability: Capability) -> bool {
        self.credentials.capable(capability)
    }

    /// Whether the sender is in the initial user namespace and the initial pid namespace.
    ///
    /// For handlers whose messages name users or processes by numbers of those namespaces. In other
    /// namespaces these numbers mean nothing, or more than they should.
    #[inline]
    pub fn is_in_initial_namespaces(&self) -> bool {
        self.credentials.is_in_initial_namespaces()
    }

    /// The sending socket as a target for [`Outgoing::send_to`] and its kin, to which is sent
    /// without waiting; see [`Self::reply`] for the reason.
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
    /// every program that may send could keep it, and so `rmmod`, for as long as it likes.
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

/// A number that no other socket has, nor had, nor will have until the next boot.
///
/// Unlike a port, which another program may get after this one. A program learns that of
/// its own socket by `getsockopt(SOL_SOCKET, SO_COOKIE)`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SocketId(u64);

impl SocketId {
    /// The number, as `SO_COOKIE` gives it to the program.
    #[inline]
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The socket with a number that came from the core.
    #[inline]
    pub(crate) const fn from_number(number: u64) -> Self {
        Self(number)
    }
}
