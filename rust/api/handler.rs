// SPDX-License-Identifier: GPL-2.0

//! Handlers, which receive messages, and the sender of a message.
//!
//! C counterparts: the callback of `cn_add_callback()` in `include/linux/connector.h`,
//! `struct netlink_skb_parms` in `include/linux/netlink.h`.

#![forbid(unsafe_code)]

use crate::{raw::Credentials, Capability, Message, SocketId};
use kernel::prelude::*;

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
}
