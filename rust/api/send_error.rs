// SPDX-License-Identifier: GPL-2.0

//! Why a message was not sent.
//!
//! C counterpart: the negative numbers that `cn_netlink_send()` returns.

#![forbid(unsafe_code)]

use kernel::{bindings, prelude::*};

/// Why a message was not sent, or not to all receivers.
///
/// Converts into the kernel's [`Error`], so that `?` works in functions that return
/// [`Result`].
///
/// # Examples
///
/// It is mostly fine that there are no listeners:
///
/// ```
/// use connector::{Id, Outgoing, SendError};
/// # use kernel::prelude::*;
///
/// # const SENSOR: Id = Id::new(20, 1);
/// # fn report(temperature: i32) -> Result {
/// match Outgoing::new(SENSOR, &temperature).send(GFP_KERNEL) {
///     Ok(()) | Err(SendError::NoListeners) => Ok(()),
///     Err(other) => Err(other.into()),
/// }
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SendError {
    /// The group has no listeners to which the message could be delivered, or all of them were left
    /// out. It is not delivered to members in other network namespaces than the first, unless they
    /// were given the right to that. [`ESRCH`].
    NoListeners,
    /// The message was to go to the group of its id, and nothing is registered under the id.
    /// [`ENODEV`].
    UnknownId,
    /// The port's receive buffer is full, and waiting was not permitted, or not any longer; or the
    /// receive buffers of all listeners to the group are full. No socket got the message. `ENOBUFS`
    /// and their count of drops notify the programs that they missed it, except after a wait with a
    /// limit. [`EAGAIN`].
    ReceiverFull,
    /// Others got the message, but a listener that asked for this error (`NETLINK_BROADCAST_ERROR`)
    /// missed it. `ENOBUFS`.
    SomeMissed,
    /// There is no socket with this port. `ECONNREFUSED`.
    NoSuchPort,
    /// No memory for the message. [`ENOMEM`].
    NoMemory,
    /// The payload of one message is longer than 65535 bytes, or the messages together don't
    /// fit. [`EMSGSIZE`].
    TooLong,
    /// A signal came during the wait for the port. [`EINTR`].
    Interrupted,
    /// The error of the caller's own closure; [`EINVAL`] for a group or port of 0;
    /// [`EAGAIN`] before the connector has started.
    Other(Error),
}

/// The error of a wait that a signal has ended; user space must not see this number.
const ERESTARTSYS: c_int = -512;

// Errors without a name in the kernel crate of Linux 7.2.
const ENOBUFS: c_int = -(bindings::ENOBUFS as c_int);
const ECONNREFUSED: c_int = -(bindings::ECONNREFUSED as c_int);

impl SendError {
    /// The error of the core for a message to a port.
    #[inline]
    pub(crate) fn to_port(error: Error) -> Self {
        if error == EAGAIN {
            Self::ReceiverFull
        } else {
            Self::from_core(error)
        }
    }

    /// The error of the core for a message to a group, or for a question about one.
    #[inline]
    pub(crate) fn from_core(error: Error) -> Self {
        match error {
            ESRCH => Self::NoListeners,
            ENODEV => Self::UnknownId,
            ENOMEM => Self::NoMemory,
            EMSGSIZE => Self::TooLong,
            EINTR => Self::Interrupted,
            _ => match error.to_errno() {
                ENOBUFS => Self::SomeMissed,
                ECONNREFUSED => Self::NoSuchPort,
                ERESTARTSYS => Self::Interrupted,
                _ => Self::Other(error),
            },
        }
    }
}

impl From<SendError> for Error {
    #[inline]
    fn from(error: SendError) -> Self {
        match error {
            SendError::NoListeners => ESRCH,
            SendError::UnknownId => ENODEV,
            SendError::ReceiverFull => EAGAIN,
            SendError::SomeMissed => Self::from_errno(ENOBUFS),
            SendError::NoSuchPort => Self::from_errno(ECONNREFUSED),
            SendError::NoMemory => ENOMEM,
            SendError::TooLong => EMSGSIZE,
            SendError::Interrupted => EINTR,
            SendError::Other(error) => error,
        }
    }
}

/// The closure of a message that is written in place may fail with any error.
impl From<Error> for SendError {
    #[inline]
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}
