// SPDX-License-Identifier: GPL-2.0

//! A message on its way to user space.
//!
//! C counterparts: `cn_netlink_send()` and `cn_netlink_send_mult()` in
//! `include/linux/connector.h`.

use crate::{bindings, wire::Header, Id};
use kernel::{alloc::Flags, error::to_result, prelude::*};

/// A message to be sent, by default with `seq`, `ack` and `flags` of 0.
///
/// The payload is copied once, into the buffer that is sent.
///
/// # Context
///
/// Messages may be sent from any context, given the allocation flags of that context: [`GFP_KERNEL`]
/// where sleeping is allowed, else [`GFP_ATOMIC`] or [`GFP_NOWAIT`].
///
/// # Examples
///
/// ```
/// # use connector::{Id, Outgoing};
/// # use kernel::prelude::*;
/// # fn tell(temperature: u32) -> Result {
/// const SENSOR: Id = Id::new(20, 1);
///
/// Outgoing::new(SENSOR, &temperature.to_ne_bytes()).send(GFP_KERNEL)
/// # }
/// ```
pub struct Outgoing<'a> {
    id: Id,
    seq: u32,
    ack: u32,
    flags: u16,
    payload: &'a [u8],
}

impl<'a> Outgoing<'a> {
    /// Starts a message from `id` with the given payload.
    #[inline]
    pub fn new(id: Id, payload: &'a [u8]) -> Self {
        Self {
            id,
            seq: 0,
            ack: 0,
            flags: 0,
            payload,
        }
    }

    /// Sets the number of the message, which also becomes `nlmsg_seq`.
    #[inline]
    pub fn seq(self, seq: u32) -> Self {
        Self { seq, ..self }
    }

    /// Sets the acknowledgement number.
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
    /// - [`ENODEV`]: nothing is registered under the id.
    /// - [`ESRCH`]: nobody listens, or the receive buffers of all who do are full.
    /// - [`EMSGSIZE`]: the payload is longer than 65535 bytes.
    /// - [`ENOMEM`]: no memory for the message.
    /// - `ENOBUFS`: a listener that asked for such errors missed the message.
    #[inline]
    pub fn send(&self, flags: Flags) -> Result {
        self.send_to(0, 0, flags)
    }

    /// Sends to everyone who listens to `group`, which is not 0.
    ///
    /// # Errors
    ///
    /// [`EINVAL`] if `group` is 0; else as [`Self::send`], except [`ENODEV`].
    #[inline]
    pub fn send_to_group(&self, group: u32, flags: Flags) -> Result {
        if group == 0 {
            return Err(EINVAL);
        }
        self.send_to(0, group, flags)
    }

    /// Sends to the socket with port `portid`, which is not 0.
    ///
    /// With [`GFP_KERNEL`], waits while the receive buffer of the socket is full.
    ///
    /// # Errors
    ///
    /// - [`EINVAL`]: `portid` is 0.
    /// - [`EMSGSIZE`]: the payload is longer than 65535 bytes.
    /// - [`ENOMEM`]: no memory for the message.
    /// - [`ECONNREFUSED`]: there is no such socket.
    /// - [`EAGAIN`]: the receive buffer is full, and the flags forbid to wait.
    /// - [`EINTR`] or `ERESTARTSYS`: a signal came while waiting.
    #[inline]
    pub fn send_to_port(&self, portid: u32, flags: Flags) -> Result {
        if portid == 0 {
            return Err(EINVAL);
        }
        self.send_to(portid, 0, flags)
    }

    #[inline]
    fn send_to(&self, portid: u32, group: u32, flags: Flags) -> Result {
        let header = Header {
            id: self.id,
            seq: self.seq,
            ack: self.ack,
            len: u16::try_from(self.payload.len()).map_err(|_| EMSGSIZE)?,
            flags: self.flags,
        };
        // SAFETY: `Header` has the layout of `cn_msg`, and the payload has the length that it says.
        to_result(unsafe {
            bindings::cn_core_send(
                (&raw const header).cast(),
                self.payload.as_ptr().cast(),
                &bindings::cn_core_target {
                    portid,
                    group,
                    filter: None,
                    filter_data: core::ptr::null_mut(),
                },
                as_gfp(flags),
            )
        })
    }
}

/// The allocation flags as C has them; whatever else `flags` holds means nothing for a buffer.
#[inline]
fn as_gfp(flags: Flags) -> kernel::bindings::gfp_t {
    if flags.contains(GFP_KERNEL) {
        kernel::bindings::GFP_KERNEL
    } else if flags.contains(GFP_ATOMIC) {
        kernel::bindings::GFP_ATOMIC
    } else {
        kernel::bindings::GFP_NOWAIT
    }
}
