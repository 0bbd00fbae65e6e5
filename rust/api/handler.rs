// SPDX-License-Identifier: GPL-2.0

//! Handlers, and what they get: a message, and its sender.
//!
//! Guarantees that the payload of a message is as long as its header says. Does not copy: the bytes
//! are those of the socket buffer.
//!
//! C counterparts: the callback of `cn_add_callback()` in `include/linux/connector.h`;
//! `struct cn_msg` in `include/uapi/linux/connector.h`; `struct netlink_skb_parms` in
//! `include/linux/netlink.h`.

#![forbid(unsafe_code)]

use crate::{raw::Credentials, wire::Header, Capability, Id, SocketId};
use kernel::prelude::*;
use zerocopy::{FromBytes, Immutable, KnownLayout};

/// Receives the messages of an id.
pub trait Handler: Send + Sync + 'static {
    /// Handles one message.
    ///
    /// Called in the context of the program that sends, while it is in `sendmsg()`: may sleep, and
    /// may be called by several programs at once. The next message of the same program comes after
    /// this call has returned.
    ///
    /// # Errors
    ///
    /// The error becomes the answer to a sender that set `NLM_F_ACK`; others never see it.
    fn receive(&self, message: &Message<'_>, sender: &Sender<'_>) -> Result;

    /// Whether the handler permits a sender that its [`Access`](crate::Access) permits; by default
    /// it does.
    ///
    /// Called before [`Self::receive`], in the same context. A message from a sender that is
    /// refused is counted, and answered with `-EPERM` if the program asked for an acknowledgment.
    ///
    /// # Examples
    ///
    /// The owner and privileged programs may send; with [`Access::Public`](crate::Access::Public):
    ///
    /// ```
    /// use connector::{Capability, Handler, Message, Sender};
    /// # use kernel::prelude::*;
    ///
    /// struct Owned {
    ///     owner: u32,
    /// }
    ///
    /// impl Handler for Owned {
    ///     fn receive(&self, _message: &Message<'_>, _sender: &Sender<'_>) -> Result {
    ///         Ok(())
    ///     }
    ///
    ///     fn permits(&self, sender: &Sender<'_>) -> bool {
    ///         sender.uid() == self.owner || sender.capable(Capability::NET_ADMIN)
    ///     }
    /// }
    /// ```
    #[inline]
    fn permits(&self, sender: &Sender<'_>) -> bool {
        let _ = sender;
        true
    }
}

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
    /// To send to it later, see [`Outgoing::send_to_port`](crate::Outgoing::send_to_port). When the
    /// socket is closed, another one may get the port.
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
    /// This is the real user id, or the one that the sender has put into `SCM_CREDENTIALS`: its
    /// real, effective or saved one, or, with `CAP_SETUID` in its user namespace, any that is
    /// mapped there. So it does not prove that the sender may do what that user may; see
    /// [`Access`](crate::Access).
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
}

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
