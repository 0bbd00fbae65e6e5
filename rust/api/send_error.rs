// SPDX-License-Identifier: GPL-2.0

//! Why a message was not sent.
//!
//! C counterpart: the negative numbers that `cn_netlink_send()` returns.

#![forbid(unsafe_code)]

use kernel::prelude::*;

/// Why a message was not sent, or not to everyone.
///
/// Converts into the kernel's [`Error`], so that `?` works in functions that return
/// [`Result`].
///
/// # Examples
///
/// It is mostly fine that nobody listens:
///
/// ```
/// use connector::{Id, Outgoing, SendError};
/// # use kernel::prelude::*;
///
/// # const SENSOR: Id = Id::new(20, 1);
/// # fn tell(temperature: i32) -> Result {
/// match Outgoing::new(SENSOR, &temperature).send(GFP_KERNEL) {
///     Ok(()) | Err(SendError::NoListeners) => Ok(()),
///     Err(other) => Err(other.into()),
/// }
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SendError {
    /// Nobody listens to the group who could hear the message, or nobody to whom it would go.
    /// Members in other network namespaces than the first cannot hear it, unless they were given
    /// the right to. [`ESRCH`].
    NoListeners,
    /// The message was to go to the group of its id, and nothing is registered under the id.
    /// [`ENODEV`].
    UnknownId,
    /// The port's receive buffer is full, and it was not allowed to wait, or not any longer; or the
    /// receive buffers of all who listen to the group are. Nobody got the message, and those who
    /// missed it are notified by `ENOBUFS` and their count of drops, except by a wait with a limit.
    /// [`EAGAIN`].
    ReceiverFull,
    /// Others got the message, but a listener that asked for this error (`NETLINK_BROADCAST_ERROR`)
    /// missed it. [`ENOBUFS`].
    SomeMissed,
    /// There is no socket with this port. [`ECONNREFUSED`].
    NoSuchPort,
    /// No memory for the message. [`ENOMEM`].
    NoMemory,
    /// The payload of one message is longer than 65535 bytes, or the messages together don't
    /// fit. [`EMSGSIZE`].
    TooLong,
    /// A signal came while waiting for the port. [`EINTR`].
    Interrupted,
    /// What the caller's own closure returned; [`EINVAL`] for a group or port of 0;
    /// [`EAGAIN`] before the connector has started.
    Other(Error),
}

/// What waiting returns when a signal came; user space is not to see this number.
const ERESTARTSYS: c_int = -512;

impl SendError {
    /// What the core returned for a message to a port.
    #[inline]
    pub(crate) fn to_port(error: Error) -> Self {
        if error == EAGAIN {
            Self::ReceiverFull
        } else {
            Self::from_core(error)
        }
    }

    #[inline]
    pub(crate) fn from_core(error: Error) -> Self {
        match error {
            ESRCH => Self::NoListeners,
            ENODEV => Self::UnknownId,
            ENOBUFS => Self::SomeMissed,
            ECONNREFUSED => Self::NoSuchPort,
            ENOMEM => Self::NoMemory,
            EMSGSIZE => Self::TooLong,
            EINTR => Self::Interrupted,
            _ if error.to_errno() == ERESTARTSYS => Self::Interrupted,
            _ => Self::Other(error),
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
            SendError::SomeMissed => ENOBUFS,
            SendError::NoSuchPort => ECONNREFUSED,
            SendError::NoMemory => ENOMEM,
            SendError::TooLong => EMSGSIZE,
            SendError::Interrupted => EINTR,
            SendError::Other(error) => error,
        }
    }
}

/// The closure of a message that is written in place fails as the caller wants.
impl From<Error> for SendError {
    #[inline]
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}
