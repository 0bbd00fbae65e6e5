// SPDX-License-Identifier: GPL-2.0

//! The way of a message from a kernel module to programs.
//!
//! C counterpart: `cn_netlink_send_mult()` in `drivers/connector/connector.c`.

use crate::{
    buffer::Buffer,
    counters::Counter,
    instance::Connector,
    socket::{Filter, Handle},
};
use connector::{bindings as glue, Id};
use kernel::{bindings::gfp_t, prelude::*};

/// Where a message goes.
pub(crate) struct Destination {
    /// The receiving port; with a group, the port that does *not* receive. 0 for none.
    pub(crate) portid: u32,
    /// The receiving group; 0 for none. If both are 0, the group of the id's callback.
    pub(crate) group: u32,
    /// Which members of the group do not receive.
    pub(crate) filter: Filter,
}

/// Sends a message from `id` whose payload consists of `parts`.
///
/// Context: any that `gfp` allows; sleeps only where it allows sleeping.
///
/// # Errors
///
/// - [`EAGAIN`]: the connector has not started yet; or the receive buffer of the port is full and
///   `gfp` does not allow to wait.
/// - [`ENODEV`]: neither port nor group were given, and nothing is registered under the id.
/// - [`ESRCH`]: nobody listens to the group, or all who do have full receive buffers.
/// - [`ENOMEM`]: no memory for the message.
/// - [`ECONNREFUSED`]: there is no such port.
/// - `ENOBUFS`: a listener that asked for this error missed the message.
/// - [`EINTR`] or `ERESTARTSYS`: a signal came while waiting for the port.
#[inline]
pub(crate) fn send(
    connector: &Connector,
    id: Id,
    seq: u32,
    parts: [&[u8]; 2],
    to: Destination,
    gfp: gfp_t,
) -> Result<c_int> {
    let group = if to.portid != 0 || to.group != 0 {
        to.group
    } else {
        connector.registry().group(id).ok_or_else(|| {
            Counter::SendUnknownId.count();
            ENODEV
        })?
    };
    let socket = connector.socket().ok_or(EAGAIN)?;
    if to.portid == 0 && !socket.has_listeners(group) {
        Counter::SendNoListener.count();
        return Err(ESRCH);
    }

    let mut buffer = Buffer::new(seq, parts, gfp).inspect_err(|_| Counter::SendNoMemory.count())?;
    buffer.set_group(group);
    let sent = hand_over(socket, buffer, group, to, gfp);
    match sent {
        Ok(_) => Counter::Sent.count(),
        Err(_) => Counter::SendRefused.count(),
    }
    sent
}

#[inline]
fn hand_over(
    socket: Handle,
    buffer: Buffer,
    group: u32,
    to: Destination,
    gfp: gfp_t,
) -> Result<c_int> {
    if group != 0 {
        return socket
            .multicast(buffer, to.portid, group, gfp, to.filter)
            .map(|()| 0);
    }
    // SAFETY: Any flags will do.
    let may_wait = unsafe { glue::cn_glue_may_block(gfp) };
    socket.unicast(buffer, to.portid, may_wait)
}
