// SPDX-License-Identifier: GPL-2.0

//! Who sent a message.
//!
//! C counterpart: `struct netlink_skb_parms` in `include/linux/netlink.h`.

use crate::{Message, Outgoing};
use kernel::{bindings, prelude::*};

/// The sender of the message that a handler is looking at.
pub struct Sender<'a> {
    parms: &'a bindings::netlink_skb_parms,
}

impl<'a> Sender<'a> {
    #[inline]
    pub(crate) fn new(parms: &'a bindings::netlink_skb_parms) -> Self {
        Self { parms }
    }

    /// The port of the sending socket.
    #[inline]
    pub fn portid(&self) -> u32 {
        self.parms.portid
    }

    /// Sends a reply to the sending socket alone.
    ///
    /// The reply has the id and the `seq` of `request`, and its `ack` plus one, which is how
    /// programs tell it from other messages.
    ///
    /// May sleep: it waits while the receive buffer of the socket is full, until the program reads
    /// or closes it, or a signal comes.
    ///
    /// # Errors
    ///
    /// - [`EMSGSIZE`]: `payload` is longer than 65535 bytes.
    /// - [`ENOMEM`]: no memory for the message.
    /// - [`ECONNREFUSED`]: the socket is gone.
    /// - [`EINTR`] or `ERESTARTSYS`: a signal came while waiting.
    #[inline]
    pub fn reply(&self, request: &Message<'_>, payload: &[u8]) -> Result {
        Outgoing::new(request.id(), payload)
            .seq(request.seq())
            .ack(request.ack().wrapping_add(1))
            .send_to_port(self.portid(), GFP_KERNEL)
    }
}
