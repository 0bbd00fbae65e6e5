// SPDX-License-Identifier: GPL-2.0

//! The way of a message from a kernel module to programs.
//!
//! C counterpart: `cn_netlink_send_mult()` in `drivers/connector/connector.c`.

use crate::{
    buffer::Buffer,
    counters::Counter,
    instance,
    socket::{self, Filter, Handle},
    trace,
};
use connector::{wire::Header, Id};
use kernel::{bindings::gfp_t, prelude::*};

/// Where a message goes.
pub(crate) struct Destination {
    /// The receiving port; with a group, the port that does *not* receive. 0 for none.
    pub(crate) portid: u32,
    /// The receiving group; 0 for none. If both are 0, the group of the id's callback.
    pub(crate) group: u32,
    /// The longest wait for the port, in milliseconds; 0 for no limit.
    pub(crate) timeout_ms: u32,
    /// Without a group: the one through which the message seems to come; 0 for none.
    pub(crate) shown_group: u32,
    /// Which members of the group do not receive.
    pub(crate) filter: Filter,
}

/// Sends a message with `header`, whose netlink payload consists of `parts`.
///
/// Context: any that `gfp` allows; sleeps only where it allows sleeping.
///
/// # Errors
///
/// - [`EAGAIN`]: the connector has not started yet; or the receive buffer of the port is full and
///   `gfp` does not allow to wait, or not any longer.
/// - [`ENODEV`]: neither port nor group were given, and nothing is registered under the id.
/// - [`ESRCH`]: nobody listens to the group, or all who do have full receive buffers.
/// - [`ENOMEM`]: no memory for the message.
/// - [`ECONNREFUSED`]: there is no such port.
/// - `ENOBUFS`: a listener that asked for this error missed the message.
/// - [`EINTR`] or `ERESTARTSYS`: a signal came while waiting for the port.
#[inline(always)]
pub(crate) fn send<const N: usize>(
    header: &Header,
    parts: [&[u8]; N],
    to: Destination,
    gfp: gfp_t,
) -> Result<c_int> {
    let sent = try_send(header, parts, &to, gfp);
    if trace::traces_send() {
        let len = parts.iter().map(|part| part.len());
        let len = len.fold(0, usize::saturating_add);
        trace::send(header.id, to.portid, to.group, len, sent);
    }
    sent
}

#[inline(always)]
fn try_send<const N: usize>(
    header: &Header,
    parts: [&[u8]; N],
    to: &Destination,
    gfp: gfp_t,
) -> Result<c_int> {
    let (socket, group) = way(&header.id, to)?;
    if to.portid == 0 && !socket.has_listeners(group) {
        Counter::SendNoListener.count();
        return Err(ESRCH);
    }
    let buffer =
        Buffer::new(header.seq, parts, gfp).inspect_err(|_| Counter::SendNoMemory.count())?;
    hand_over(socket, buffer, group, to, gfp)
}

/// Sends a message that was written in place; else as [`send`]. Whoever writes in place has asked
/// before whether anybody listens.
pub(crate) fn post(id: Id, buffer: Buffer, to: Destination, gfp: gfp_t) -> Result<c_int> {
    let len = buffer.len();
    let sent = way(&id, &to).and_then(|(socket, group)| hand_over(socket, buffer, group, &to, gfp));
    if trace::traces_send() {
        trace::send(id, to.portid, to.group, len, sent);
    }
    sent
}

/// Whether anybody listens to `group`; if that is 0, to the group of the id's callback.
///
/// Context: any.
///
/// # Errors
///
/// As for [`send`]: [`EAGAIN`], [`ENODEV`].
pub(crate) fn has_listeners(id: Id, group: u32) -> Result<bool> {
    let group = match group {
        0 => group_of(id)?,
        group => group,
    };
    Ok(socket::get().ok_or(EAGAIN)?.has_listeners(group))
}

/// The socket to send through, and the group to which the message goes (0 for a port alone).
///
/// # Errors
///
/// As for [`send`]: [`EAGAIN`], [`ENODEV`].
#[inline(always)]
fn way(id: &Id, to: &Destination) -> Result<(Handle, u32)> {
    let group = if to.portid != 0 || to.group != 0 {
        to.group
    } else {
        group_of(*id).inspect_err(|error| {
            if *error == ENODEV {
                Counter::SendUnknownId.count();
            }
        })?
    };
    Ok((socket::get().ok_or(EAGAIN)?, group))
}

/// The group of the callback of an id.
#[inline(always)]
fn group_of(id: Id) -> Result<u32> {
    let connector = instance::get().ok_or(EAGAIN)?;
    connector.registry().group(id).ok_or(ENODEV)
}

#[inline(always)]
fn hand_over(
    socket: Handle,
    mut buffer: Buffer,
    group: u32,
    to: &Destination,
    gfp: gfp_t,
) -> Result<c_int> {
    buffer.set_group(if group != 0 { group } else { to.shown_group });
    let sent = if group != 0 {
        socket.multicast(buffer, to.portid, group, gfp, to.filter)
    } else {
        socket.unicast(buffer, to.portid, gfp, to.timeout_ms)
    };
    match sent {
        Ok(_) => Counter::Sent,
        Err(_) if group == 0 || socket.has_listeners(group) => Counter::SendRefused,
        Err(_) => Counter::SendNoListener,
    }
    .count();
    sent
}
