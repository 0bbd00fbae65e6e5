// SPDX-License-Identifier: GPL-2.0

//! The targets that are one socket.
//!
//! C counterpart: the argument `portid` of `cn_netlink_send_mult()` in `include/linux/connector.h`.

#![forbid(unsafe_code)]

use crate::bindings;
use kernel::time::Delta;

/// The socket with this port.
///
/// A message to 0, which is the kernel, fails with `EINVAL`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Port(pub u32);

impl Port {
    /// Limits how long sending waits while the receive buffer of the socket is full.
    ///
    /// When the time is over, sending fails with
    /// [`SendError::ReceiverFull`](crate::SendError::ReceiverFull), and unlike with `GFP_NOWAIT`
    /// the program is not notified that it missed something. The wait is at least one tick of the
    /// kernel's clock; where sleeping is not allowed, there is none.
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
    /// message may still sleep, as with `GFP_KERNEL`.
    ///
    /// Sending then fails with [`SendError::ReceiverFull`](crate::SendError::ReceiverFull), and
    /// `ENOBUFS` notifies the program that it missed something.
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
    /// `GFP_NOWAIT`.
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

/// A [`Port`] to which a message seems to come through a group; made by [`Port::shown_in`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PortShownIn {
    port: Port,
    group: u32,
}

impl PortWithin {
    /// The port.
    #[inline]
    pub(crate) fn port(self) -> Port {
        self.port
    }

    /// The longest wait, as the core takes it.
    #[inline]
    pub(crate) fn wait_ms(self) -> u32 {
        self.wait_ms
    }
}

impl PortShownIn {
    /// The port.
    #[inline]
    pub(crate) fn port(self) -> Port {
        self.port
    }

    /// The group through which a message seems to come.
    #[inline]
    pub(crate) fn group(self) -> u32 {
        self.group
    }
}
