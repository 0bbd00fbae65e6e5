// SPDX-License-Identifier: GPL-2.0

//! The route of a message from a kernel module to programs.
//!
//! C counterpart: `cn_netlink_send_mult()` in `drivers/connector/connector.c`.

#![forbid(unsafe_code)]

use crate::{
    connector,
    helpers::{trace_send, traces_send},
    netlink::{socket, Filter, Handle, Skb},
    stats::Counter,
};
use connector_base::{bindings::CN_WAIT_FOR_EVER, wire::Header, Id};
use kernel::{bindings::gfp_t, prelude::*};

/// The receivers of a message.
#[derive(Clone, Copy)]
pub(crate) enum Receivers {
    /// The socket with this port.
    Port(u32),
    /// The members of this group. Group 0 has none.
    Group(u32),
    /// The members of the group of the id's callback.
    GroupOfId,
}

/// Where a message goes.
pub(crate) struct CoreTarget {
    pub(crate) receivers: Receivers,
    /// The port of a group that does not receive; 0 for none.
    pub(crate) except: u32,
    /// The longest wait for a port, as [`Handle::unicast`] takes it.
    pub(crate) wait_ms: u32,
    /// For a port: the group through which the message seems to come; 0 for none.
    pub(crate) shown_group: u32,
    /// Which members of the group do not receive.
    pub(crate) filter: Filter,
}

impl CoreTarget {
    /// The meaning of a port, a group and a filter in C: a port alone is the receiver; with a
    /// group, it is the one that does *not* receive.
    #[inline(always)]
    pub(crate) fn from_c(portid: u32, group: u32, filter: Filter) -> Self {
        let (receivers, except) = match (portid, group) {
            (0, 0) => (Receivers::GroupOfId, 0),
            (portid, 0) => (Receivers::Port(portid), 0),
            (portid, group) => (Receivers::Group(group), portid),
        };
        Self {
            receivers,
            except,
            wait_ms: CN_WAIT_FOR_EVER,
            shown_group: 0,
            filter,
        }
    }

    #[cold]
    fn trace(&self, id: Id, len: usize, sent: Result<c_int, Failure>) {
        let (portid, group) = match self.receivers {
            Receivers::Port(portid) => (portid, 0),
            Receivers::Group(group) => (self.except, group),
            Receivers::GroupOfId => (self.except, 0),
        };
        trace_send(id, portid, group, len, sent.map_err(Error::from));
    }
}

/// Why a message has reached no receiver.
#[derive(Clone, Copy)]
pub(crate) enum Failure {
    /// There are listeners, but none of them took it: their receive buffers are full, or they did
    /// not want it.
    NotTaken,
    Error(Error),
}

impl From<Error> for Failure {
    #[inline]
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// The error that callers in C get.
impl From<Failure> for Error {
    #[inline]
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NotTaken => ESRCH,
            Failure::Error(error) => error,
        }
    }
}

/// Sends a message with `header`, whose netlink payload consists of `parts`.
///
/// Context: any that `gfp` allows; sleeps only where it allows sleeping.
///
/// # Errors
///
/// - [`EAGAIN`]: the connector has not started yet; or the receive buffer of the port is full and
///   it is not allowed to wait, or not any longer.
/// - [`ENODEV`]: the target is the group of the id, and nothing is registered under the id.
/// - [`ESRCH`]: the group has no listener that can receive the message.
/// - [`Failure::NotTaken`].
/// - [`ENOMEM`]: no memory for the message.
/// - [`ECONNREFUSED`]: there is no such port.
/// - `ENOBUFS`: a listener that asked for this error missed the message.
/// - [`EINTR`] or `ERESTARTSYS`: a signal came while waiting for the port.
#[inline(always)]
pub(crate) fn send<const N: usize>(
    header: &Header,
    parts: [&[u8]; N],
    to: CoreTarget,
    gfp: gfp_t,
) -> Result<c_int, Failure> {
    let sent = try_send(header, parts, &to, gfp);
    if traces_send() {
        let len = parts.iter().map(|part| part.len());
        let len = len.fold(0, usize::saturating_add);
        to.trace(header.id, len, sent);
    }
    sent
}

#[inline(always)]
fn try_send<const N: usize>(
    header: &Header,
    parts: [&[u8]; N],
    to: &CoreTarget,
    gfp: gfp_t,
) -> Result<c_int, Failure> {
    let (socket, resolved) = resolve(&header.id, to)?;
    if let Resolved::Group(group) = resolved {
        if !socket.has_listeners(group) {
            Counter::SendNoListener.count();
            return Err(ESRCH.into());
        }
    }
    let buffer = Skb::new(header.seq, parts, gfp).inspect_err(|_| Counter::SendNoMemory.count())?;
    transmit(socket, buffer, resolved, to, gfp)
}

/// Sends a message that was written in place; otherwise as [`send`]. The sender has checked for
/// listeners before it wrote the message.
pub(crate) fn post(id: Id, buffer: Skb, to: CoreTarget, gfp: gfp_t) -> Result<c_int, Failure> {
    let len = buffer.len();
    let sent = match resolve(&id, &to) {
        Ok((socket, resolved)) => transmit(socket, buffer, resolved, &to, gfp),
        Err(error) => Err(error.into()),
    };
    if traces_send() {
        to.trace(id, len, sent);
    }
    sent
}

/// Whether a listener can receive a message to `group`; 0 stands for the group of the id's
/// callback.
///
/// Context: any that `gfp` allows.
///
/// # Errors
///
/// As for [`send`]: [`EAGAIN`], [`ENODEV`], [`ENOMEM`].
pub(crate) fn has_listeners(id: Id, group: u32, gfp: gfp_t) -> Result<bool> {
    let group = match group {
        0 => group_of(id)?,
        group => group,
    };
    let socket = socket().ok_or(EAGAIN)?;
    socket.can_be_heard(group, gfp, || connector::hearing_of(group))
}

/// Calls `filter`, which refuses it, with each socket that can receive a message to `group`.
///
/// Context: any that `gfp` allows.
///
/// # Errors
///
/// [`EAGAIN`], [`ENOMEM`].
pub(crate) fn visit(group: u32, filter: Filter, gfp: gfp_t) -> Result {
    let socket = socket().ok_or(EAGAIN)?;
    socket.visit(group, gfp, filter, connector::hearing_of(group))
}

/// Where a message goes, when it is known which group is meant.
#[derive(Clone, Copy)]
enum Resolved {
    Port(u32),
    Group(u32),
}

/// The socket to send through, and where the message goes.
///
/// # Errors
///
/// As for [`send`]: [`EAGAIN`], [`ENODEV`].
#[inline(always)]
fn resolve(id: &Id, to: &CoreTarget) -> Result<(Handle, Resolved)> {
    let resolved = match to.receivers {
        Receivers::Port(portid) => Resolved::Port(portid),
        Receivers::Group(group) => Resolved::Group(group),
        Receivers::GroupOfId => Resolved::Group(group_of(*id).inspect_err(|error| {
            if *error == ENODEV {
                Counter::SendUnknownId.count();
            }
        })?),
    };
    Ok((socket().ok_or(EAGAIN)?, resolved))
}

/// The group of the callback of an id.
#[inline(always)]
fn group_of(id: Id) -> Result<u32> {
    let connector = connector::get().ok_or(EAGAIN)?;
    connector.registry().group(id).ok_or(ENODEV)
}

/// Gives a message to netlink.
#[inline(always)]
fn transmit(
    socket: Handle,
    mut buffer: Skb,
    resolved: Resolved,
    to: &CoreTarget,
    gfp: gfp_t,
) -> Result<c_int, Failure> {
    let (sent, anybody) = match resolved {
        Resolved::Port(portid) => {
            buffer.set_group(to.shown_group);
            (socket.unicast(buffer, portid, gfp, to.wait_ms), true)
        }
        Resolved::Group(group) => {
            buffer.set_group(group);
            let hearing = || connector::hearing_of(group);
            socket.offer(buffer, to.except, group, gfp, to.filter, hearing)
        }
    };
    match sent {
        Ok(_) => Counter::Sent,
        Err(_) if anybody => Counter::SendUndelivered,
        Err(_) => Counter::SendNoListener,
    }
    .count();
    sent.map_err(|error| match error {
        ESRCH if anybody => Failure::NotTaken,
        error => Failure::Error(error),
    })
}
