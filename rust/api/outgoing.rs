// SPDX-License-Identifier: GPL-2.0

//! A message to user space, with a payload that is in memory already; and its targets: one socket,
//! or listeners to a group.
//!
//! C counterparts: `cn_netlink_send()` and `cn_netlink_send_mult()` in
//! `include/linux/connector.h`, the latter with its arguments `portid`, `group` and `filter`.

#![forbid(unsafe_code)]

use crate::{
    bindings,
    raw::{self, Destination},
    wire::Header,
    Id, Listeners, Message, SendError,
};
use kernel::{alloc::Flags, error::to_result, prelude::*, time::Delta};
use zerocopy::{Immutable, IntoBytes};

/// A message to be sent, by default with `seq`, `ack` and `flags` of 0.
///
/// The payload is copied once, into the buffer that is sent. To write it there in the first place,
/// use [`Draft`](crate::Draft); to send several messages at once, [`Bundle`](crate::Bundle).
///
/// # Context
///
/// Messages may be sent from any context, given the allocation flags of that context:
/// [`GFP_KERNEL`] where sleeping is allowed, else [`GFP_ATOMIC`] or [`GFP_NOWAIT`]. Under
/// `PREEMPT_RT` the kernel's allocators sleep with any flags; there, preemption and interrupts have
/// to be on, and no raw spin lock may be held.
///
/// # Examples
///
/// ```
/// # use connector::{Id, Outgoing};
/// # use kernel::prelude::*;
/// # fn report(temperature: u32) -> Result {
/// const SENSOR: Id = Id::new(20, 1);
///
/// Ok(Outgoing::new(SENSOR, &temperature).seq(1).send(GFP_KERNEL)?)
/// # }
/// ```
#[derive(Clone, Copy)]
#[must_use = "a message does nothing until it is sent"]
pub struct Outgoing<'a> {
    id: Id,
    seq: u32,
    ack: u32,
    flags: u16,
    payload: &'a [u8],
}

impl<'a> Outgoing<'a> {
    /// Starts a message from `id` with the given payload: bytes, a text, or a value that can be
    /// shown to user space, which is one without padding, pointers and the like.
    #[inline]
    pub fn new<T>(id: Id, payload: &'a T) -> Self
    where
        T: IntoBytes + Immutable + ?Sized,
    {
        Self {
            id,
            seq: 0,
            ack: 0,
            flags: 0,
            payload: payload.as_bytes(),
        }
    }

    /// Starts a reply: same id and `seq` as `request`, and its `ack` plus one.
    #[inline]
    pub fn reply_to<T>(request: &Message<'_>, payload: &'a T) -> Self
    where
        T: IntoBytes + Immutable + ?Sized,
    {
        Self::new(request.id(), payload)
            .seq(request.seq())
            .ack(request.ack().wrapping_add(1))
    }

    /// Sets the number of the message, which also becomes `nlmsg_seq`.
    #[inline]
    pub fn seq(self, seq: u32) -> Self {
        Self { seq, ..self }
    }

    /// Sets the acknowledgment number.
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
    /// - [`SendError::UnknownId`]: nothing is registered under the id.
    /// - [`SendError::NoListeners`]: there are no listeners.
    /// - [`SendError::ReceiverFull`]: the receive buffers of all listeners are full.
    /// - [`SendError::SomeMissed`]: a listener that asked for this error missed the message.
    /// - [`SendError::TooLong`]: the payload is longer than 65535 bytes.
    /// - [`SendError::NoMemory`]: no memory for the message.
    #[inline]
    pub fn send(&self, flags: Flags) -> Result<(), SendError> {
        self.send_to(Listeners::of_id(), flags)
    }

    /// Sends to the listeners to `group`, which is not 0.
    ///
    /// # Errors
    ///
    /// [`EINVAL`] if `group` is 0; else as [`Self::send`], except [`SendError::UnknownId`].
    #[inline]
    pub fn send_to_group(&self, group: u32, flags: Flags) -> Result<(), SendError> {
        self.send_to(Listeners::of_group(group), flags)
    }

    /// Sends to the socket with port `portid`, which is not 0.
    ///
    /// With [`GFP_KERNEL`], waits while the receive buffer of the socket is full: until the program
    /// reads, the last reference to its socket is dropped, or the sending task gets a signal. That
    /// may never happen: a program in `sendmsg()`, which called a handler, cannot read; a `close()`
    /// in another thread does not help, because `sendmsg()` keeps the socket; and a kernel thread
    /// gets no signals. So use [`Sender::reply`](crate::Sender::reply) in handlers. Elsewhere limit
    /// the time with [`Port::within`], or do not wait at all, with [`Port::without_waiting`].
    ///
    /// # Errors
    ///
    /// - [`EINVAL`]: `portid` is 0.
    /// - [`SendError::NoSuchPort`]: there is no such socket.
    /// - [`SendError::ReceiverFull`]: the receive buffer is full, and the flags forbid to wait.
    /// - [`SendError::Interrupted`]: a signal came while waiting.
    /// - [`SendError::TooLong`]: the payload is longer than 65535 bytes.
    /// - [`SendError::NoMemory`]: no memory for the message.
    #[inline]
    pub fn send_to_port(&self, portid: u32, flags: Flags) -> Result<(), SendError> {
        self.send_to(Port(portid), flags)
    }

    /// Sends to a [`Port`] or to [`Listeners`].
    ///
    /// # Errors
    ///
    /// As [`Self::send_to_port`] or [`Self::send`].
    #[inline]
    pub fn send_to(&self, target: impl Target, flags: Flags) -> Result<(), SendError> {
        let header = self.header()?;
        target.route().send(self.id, |destination| {
            raw::send(&header, self.payload, destination, flags)
        })
    }

    /// The header as it is sent.
    #[inline]
    pub(crate) fn header(&self) -> Result<Header, SendError> {
        Ok(Header {
            id: self.id,
            seq: self.seq,
            ack: self.ack,
            len: u16::try_from(self.payload.len()).map_err(|_| SendError::TooLong)?,
            flags: self.flags,
        })
    }

    #[inline]
    pub(crate) fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

/// The socket with this port.
///
/// A message to 0, which is the kernel, fails with `EINVAL`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Port(pub u32);

impl Port {
    /// Limits how long sending waits while the receive buffer of the socket is full.
    ///
    /// When the time is over, sending fails with [`SendError::ReceiverFull`], and unlike with
    /// `GFP_NOWAIT` the program is not notified that it missed something. The wait is at least one
    /// tick of the kernel's clock, and at most 24.8 days (2,147,483,647 ms), which a longer `time`
    /// becomes; where sleeping is not allowed, there is none.
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
        PortWithin {
            port: self,
            wait_ms: wait_ms(time.as_millis()),
        }
    }

    /// Does not wait at all while the receive buffer of the socket is full. The allocation of the
    /// message may still sleep, as with `GFP_KERNEL`.
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

/// The number of milliseconds that the core waits for `milliseconds`.
const fn wait_ms(milliseconds: i64) -> u32 {
    // The kernel's `msecs_to_jiffies()` has no limit for larger numbers.
    const LONGEST: u32 = i32::MAX as u32;
    if milliseconds < 1 {
        1
    } else if milliseconds > LONGEST as i64 {
        LONGEST
    } else {
        milliseconds as u32
    }
}

static_assert!(wait_ms(i64::MIN) == 1 && wait_ms(0) == 1 && wait_ms(500) == 500);
static_assert!(wait_ms(i32::MAX as i64) == i32::MAX as u32);
static_assert!(wait_ms(i32::MAX as i64 + 1) == i32::MAX as u32);
static_assert!(wait_ms(i64::MAX) == i32::MAX as u32);

/// A [`Port`] to which a message seems to come through a group; made by [`Port::shown_in`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PortShownIn {
    port: Port,
    group: u32,
}

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
            port: self.port,
            wait_ms: self.wait_ms,
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
            port: self.port,
            wait_ms: bindings::CN_WAIT_FOR_EVER,
            shown_group: self.group,
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
