// SPDX-License-Identifier: GPL-2.0

//! Targets of messages, and the targets that are one socket.
//!
//! C counterpart: the argument `portid` of `cn_netlink_send_mult()` in `include/linux/connector.h`.

#![forbid(unsafe_code)]

use crate::{bindings, raw::Destination, Id, Listeners, SendError};
use kernel::{alloc::Flags, error::to_result, prelude::*, time::Delta};

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

/// The socket with this port.
///
/// A message to 0, which is the kernel, fails with [`EINVAL`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Port(pub u32);

impl Port {
    /// Limits how long sending waits while the receive buffer of the socket is full.
    ///
    /// When the time is over, sending fails with [`SendError::ReceiverFull`], and unlike with
    /// [`GFP_NOWAIT`] the program is not notified that it missed something. The wait is at least
    /// one tick of the kernel's clock; where sleeping is not allowed, there is none.
    ///
    /// # Examples
    ///
    /// ```
    /// use connector::{Id, Outgoing, Port, SendError};
    /// use kernel::{prelude::*, time::Delta};
    ///
    /// # const ID: Id = Id::new(20, 1);
    /// fn send(portid: u32, text: &str) -> Result<(), SendError> {
    ///     let soon = Port(portid).within(Delta::from_millis(500));
    ///     Outgoing::new(ID, text).send_to(soon, GFP_KERNEL)
    /// }
    /// ```
    #[inline]
    pub fn within(self, time: Delta) -> PortWithin {
        let longest = bindings::CN_WAIT_NOT.wrapping_sub(1);
        let milliseconds = time.as_millis().clamp(1, longest.into());
        PortWithin {
            port: self,
            wait_ms: milliseconds as u32,
        }
    }

    /// Does not wait at all while the receive buffer of the socket is full. The allocation of the
    /// message may still sleep, as with [`GFP_KERNEL`].
    ///
    /// Sending then fails with [`SendError::ReceiverFull`], and `ENOBUFS` notifies the program that
    /// it missed something.
    #[inline]
    pub fn without_waiting(self) -> PortWithin {
        PortWithin {
            port: self,
            wait_ms: bindings::CN_WAIT_NOT,
        }
    }

    /// Makes the message seem to come through a group, as messages to the group do: `recvmsg(2)`
    /// gives the program the group as `nl_groups` (up to 32) and by `NETLINK_PKTINFO`. It is still
    /// sent to the one socket only, whether that is in the group or not.
    ///
    /// For protocols whose programs check the group of each message. Where sleeping is allowed,
    /// this waits for room without a limit, as sending to a [`Port`] does: in a handler, use
    /// [`GFP_NOWAIT`].
    ///
    /// # Examples
    ///
    /// ```
    /// use connector::{Id, Outgoing, Port, SendError};
    /// use kernel::prelude::*;
    ///
    /// # const ID: Id = Id::new(20, 1);
    /// fn welcome(portid: u32) -> Result<(), SendError> {
    ///     Outgoing::new(ID, "welcome").send_to(Port(portid).shown_in(ID.idx()), GFP_KERNEL)
    /// }
    /// ```
    #[inline]
    pub fn shown_in(self, group: u32) -> PortShownIn {
        PortShownIn { port: self, group }
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

/// A [`Port`] to which sending waits for a limited time, or not at all.
///
/// Made by [`Port::within`] and [`Port::without_waiting`], and for the sender of a request by
/// [`Sender::within`](crate::Sender::within) and
/// [`Sender::without_waiting`](crate::Sender::without_waiting).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PortWithin {
    port: Port,
    wait_ms: u32,
}

impl Target for PortWithin {}

impl sealed::Sealed for PortWithin {
    #[inline]
    fn route<'t>(self) -> Route<'t>
    where
        Self: 't,
    {
        Route::Port {
            port: self.port,
            wait_ms: self.wait_ms,
            shown_group: 0,
        }
    }
}

/// A [`Port`] to which a message seems to come through a group; made by [`Port::shown_in`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PortShownIn {
    port: Port,
    group: u32,
}

impl Target for PortShownIn {}

impl sealed::Sealed for PortShownIn {
    #[inline]
    fn route<'t>(self) -> Route<'t>
    where
        Self: 't,
    {
        Route::Port {
            port: self.port,
            wait_ms: bindings::CN_WAIT_FOR_EVER,
            shown_group: self.group,
        }
    }
}
