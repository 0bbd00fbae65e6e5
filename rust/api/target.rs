// SPDX-License-Identifier: GPL-2.0

//! Targets of messages: one socket, or listeners to a group.
//!
//! C counterparts: the arguments `portid`, `group` and `filter` of `cn_netlink_send_mult()` in
//! `include/linux/connector.h`.

#![forbid(unsafe_code)]

use crate::{bindings, raw::Destination, Id, Listeners, Port, PortShownIn, PortWithin, SendError};
use kernel::{alloc::Flags, error::to_result, prelude::*};

/// Where a message can go: [`Port`], [`PortWithin`], [`PortShownIn`] or [`Listeners`].
pub trait Target: sealed::Sealed {}

pub(crate) mod sealed {
    use super::*;

    /// The route of a message, whichever kind its target is of.
    pub enum Route<'t> {
        /// To one socket; `wait_ms` and `shown_group` as for [`Destination::port`].
        Port {
            port: Port,
            wait_ms: u32,
            shown_group: u32,
        },
        /// To listeners to a group.
        Group(Listeners<'t>),
    }

    /// Keeps others from implementing [`Target`].
    pub trait Sealed: Sized {
        /// The route to the target.
        fn route<'t>(self) -> Route<'t>
        where
            Self: 't;
    }
}

pub(crate) use sealed::Route;

impl Route<'_> {
    /// Fails if a message from `id` would have no receiver, so that it need not be made.
    #[inline]
    pub(crate) fn check_awaited(&self, id: Id, flags: Flags) -> Result<(), SendError> {
        match self {
            Self::Port { .. } => Ok(()),
            Self::Group(listeners) => listeners.check_awaited(id, flags),
        }
    }

    /// Calls `send`, which returns a number as C functions do, with the destination of a message
    /// from `id`.
    #[inline]
    pub(crate) fn send(
        self,
        id: Id,
        send: impl FnOnce(&Destination<'_>) -> c_int,
    ) -> Result<(), SendError> {
        match self {
            Self::Port {
                port: Port(portid),
                wait_ms,
                shown_group,
            } => {
                if portid == 0 {
                    return Err(SendError::Other(EINVAL));
                }
                let sent = send(&Destination::port(portid, wait_ms, shown_group));
                to_result(sent).map_err(SendError::to_port)
            }
            Self::Group(listeners) => listeners.send(id, send),
        }
    }
}

impl Target for Port {}

impl sealed::Sealed for Port {
    #[inline]
    fn route<'t>(self) -> Route<'t>
    where
        Self: 't,
    {
        Route::Port {
            port: self,
            wait_ms: bindings::CN_WAIT_FOR_EVER,
            shown_group: 0,
        }
    }
}

impl Target for PortWithin {}

impl sealed::Sealed for PortWithin {
    #[inline]
    fn route<'t>(self) -> Route<'t>
    where
        Self: 't,
    {
        Route::Port {
            port: self.port(),
            wait_ms: self.wait_ms(),
            shown_group: 0,
        }
    }
}

impl Target for PortShownIn {}

impl sealed::Sealed for PortShownIn {
    #[inline]
    fn route<'t>(self) -> Route<'t>
    where
        Self: 't,
    {
        Route::Port {
            port: self.port(),
            wait_ms: bindings::CN_WAIT_FOR_EVER,
            shown_group: self.group(),
        }
    }
}

impl Target for Listeners<'_> {}

impl sealed::Sealed for Listeners<'_> {
    #[inline]
    fn route<'t>(self) -> Route<'t>
    where
        Self: 't,
    {
        Route::Group(self.shorten())
    }
}
