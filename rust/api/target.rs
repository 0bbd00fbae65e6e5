// SPDX-License-Identifier: GPL-2.0

//! Where a message goes: to one port, or to those who listen.
//!
//! C counterparts: the arguments `portid`, `group` and `filter` of `cn_netlink_send_mult()` in
//! `include/linux/connector.h`.

use crate::{
    bindings::{self, cn_core_target},
    registration::raw_id,
    Id, SendError, SocketId,
};
use core::{marker::PhantomData, ptr::null_mut};
use kernel::{
    bindings::{sk_buff, sock},
    error::to_result,
    prelude::*,
    time::Delta,
};

/// Where a message can go: [`Port`], [`PortWithin`], [`PortShownIn`] or [`Listeners`].
pub trait Target: sealed::Sealed {}

pub(crate) mod sealed {
    use super::*;

    /// What the kinds of targets do differently.
    pub trait Sealed: Sized {
        /// Fails if a message from `id` would reach nobody, so that it need not be made.
        fn check_awaited(&self, id: Id) -> Result<(), SendError>;

        /// Calls `send`, which returns a number as C functions do, with the target in C.
        fn send(self, id: Id, send: impl FnOnce(&cn_core_target) -> c_int)
            -> Result<(), SendError>;
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
    /// [`GFP_NOWAIT`] the program is not told that it missed something. At least one tick of the
    /// kernel's clock is waited. Where sleeping is not allowed, nothing is waited.
    ///
    /// # Examples
    ///
    /// ```
    /// use connector::{Id, Outgoing, Port, SendError};
    /// use kernel::{prelude::*, time::Delta};
    ///
    /// # const ID: Id = Id::new(20, 1);
    /// fn tell(portid: u32, text: &str) -> Result<(), SendError> {
    ///     let soon = Port(portid).within(Delta::from_millis(500));
    ///     Outgoing::new(ID, text).send_to(soon, GFP_KERNEL)
    /// }
    /// ```
    #[inline]
    pub fn within(self, time: Delta) -> PortWithin {
        let milliseconds = time.as_millis().clamp(1, u32::MAX.into());
        PortWithin {
            port: self,
            milliseconds: milliseconds as u32,
        }
    }

    /// Lets the message seem to come through a group, as those do that are sent to it: `recvmsg(2)`
    /// gives the program the group as `nl_groups` (up to 32) and by `NETLINK_PKTINFO`. It is still
    /// sent to the one socket only, whether that is in the group or not.
    ///
    /// For protocols whose programs look at the group of all that they read.
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

    #[inline]
    fn send_within(
        self,
        milliseconds: u32,
        group: u32,
        send: impl FnOnce(&cn_core_target) -> c_int,
    ) -> Result<(), SendError> {
        if self.0 == 0 {
            return Err(SendError::Other(EINVAL));
        }
        let target = cn_core_target {
            portid: self.0,
            group: 0,
            timeout_ms: milliseconds,
            shown_group: group,
            filter: None,
            filter_data: null_mut(),
        };
        to_result(send(&target)).map_err(SendError::to_port)
    }
}

impl Target for Port {}

impl sealed::Sealed for Port {
    #[inline]
    fn check_awaited(&self, _id: Id) -> Result<(), SendError> {
        Ok(())
    }

    #[inline]
    fn send(self, _id: Id, send: impl FnOnce(&cn_core_target) -> c_int) -> Result<(), SendError> {
        self.send_within(0, 0, send)
    }
}

/// A [`Port`] to which sending waits for a limited time; made by [`Port::within`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PortWithin {
    port: Port,
    milliseconds: u32,
}

impl Target for PortWithin {}

impl sealed::Sealed for PortWithin {
    #[inline]
    fn check_awaited(&self, _id: Id) -> Result<(), SendError> {
        Ok(())
    }

    #[inline]
    fn send(self, _id: Id, send: impl FnOnce(&cn_core_target) -> c_int) -> Result<(), SendError> {
        self.port.send_within(self.milliseconds, 0, send)
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
    fn check_awaited(&self, _id: Id) -> Result<(), SendError> {
        Ok(())
    }

    #[inline]
    fn send(self, _id: Id, send: impl FnOnce(&cn_core_target) -> c_int) -> Result<(), SendError> {
        self.port.send_within(0, self.group, send)
    }
}

/// Those who listen to a group, all or some of them.
///
/// # Examples
///
/// A message from one program to all others:
///
/// ```
/// use connector::{Listeners, Message, Outgoing, Sender};
/// # use kernel::prelude::*;
///
/// fn pass_on(message: &Message<'_>, sender: &Sender<'_>) -> Result {
///     let others = Listeners::of_id().except(sender.portid());
///     Ok(Outgoing::new(message.id(), message.payload()).send_to(others, GFP_KERNEL)?)
/// }
/// ```
///
/// A message to those sockets only that are on a list:
///
/// ```
/// use connector::{Listener, Listeners, Outgoing, SocketId};
/// # use connector::Id;
/// # use kernel::prelude::*;
///
/// # const ID: Id = Id::new(20, 1);
/// fn tell(friends: &[SocketId], text: &str) -> Result {
///     let mut is_friend = |listener: &Listener<'_>| friends.contains(&listener.socket());
///     let friends_only = Listeners::of_id().filter(&mut is_friend);
///     Ok(Outgoing::new(ID, text).send_to(friends_only, GFP_KERNEL)?)
/// }
/// ```
#[must_use = "a message must be sent to them"]
pub struct Listeners<'f> {
    group: Option<u32>,
    except: u32,
    filter: Option<&'f mut (dyn Choose + 'f)>,
}

impl<'f> Listeners<'f> {
    /// Those who listen to the group of the message's id, which is its index.
    ///
    /// The id must be registered.
    #[inline]
    pub fn of_id() -> Self {
        Self {
            group: None,
            except: 0,
            filter: None,
        }
    }

    /// Those who listen to the group with this number.
    ///
    /// A message to group 0, which nobody can listen to, fails with [`EINVAL`].
    #[inline]
    pub fn of_group(group: u32) -> Self {
        Self {
            group: Some(group),
            except: 0,
            filter: None,
        }
    }

    /// Leaves out the socket with this port.
    #[inline]
    pub fn except(self, portid: u32) -> Self {
        Self {
            except: portid,
            ..self
        }
    }

    /// Leaves out those for whom `filter` returns `false`.
    ///
    /// It is called once for each listener, while the message is being sent, where it must not
    /// sleep: nobody can open or close a netlink socket meanwhile.
    #[inline]
    pub fn filter<F>(self, filter: &'f mut F) -> Self
    where
        F: FnMut(&Listener<'_>) -> bool,
    {
        Self {
            filter: Some(filter),
            ..self
        }
    }
}

impl Target for Listeners<'_> {}

impl sealed::Sealed for Listeners<'_> {
    #[inline]
    fn check_awaited(&self, id: Id) -> Result<(), SendError> {
        let has_listeners = match self.group {
            None => has_listeners(id)?,
            Some(group) => group_has_listeners(group)?,
        };
        if has_listeners {
            Ok(())
        } else {
            Err(SendError::NoListeners)
        }
    }

    #[inline]
    fn send(self, id: Id, send: impl FnOnce(&cn_core_target) -> c_int) -> Result<(), SendError> {
        if self.group == Some(0) {
            return Err(SendError::Other(EINVAL));
        }
        if self.except == 0 && self.filter.is_none() {
            let target = cn_core_target {
                portid: 0,
                group: self.group.unwrap_or(0),
                timeout_ms: 0,
                shown_group: 0,
                filter: None,
                filter_data: null_mut(),
            };
            return to_result(send(&target)).map_err(|error| {
                // A group with listeners of whom nobody got it: all were full.
                SendError::to_group(error, || self.check_awaited(id).is_ok())
            });
        }

        // The core takes a port without a group for the receiver.
        let group = match self.group {
            None if self.except != 0 => {
                has_listeners(id)?;
                id.idx()
            }
            group => group.unwrap_or(0),
        };
        let mut choice = Choice {
            filter: self.filter,
            chose: false,
        };
        let target = cn_core_target {
            portid: self.except,
            group,
            timeout_ms: 0,
            shown_group: 0,
            filter: Some(filter_callback),
            filter_data: (&raw mut choice).cast(),
        };
        let sent = to_result(send(&target));
        sent.map_err(|error| SendError::to_group(error, || choice.chose))
    }
}

/// A filter.
///
/// Not `dyn FnMut`: through that the compiler calls a closure which changes nothing, and so is an
/// `Fn`, by another signature than it gave its code, which a kernel with kCFI takes for an attack.
trait Choose {
    fn chooses(&mut self, listener: &Listener<'_>) -> bool;
}

impl<F> Choose for F
where
    F: FnMut(&Listener<'_>) -> bool,
{
    #[inline]
    fn chooses(&mut self, listener: &Listener<'_>) -> bool {
        self(listener)
    }
}

/// Says who gets a message, and remembers whether anybody was to.
struct Choice<'f> {
    filter: Option<&'f mut (dyn Choose + 'f)>,
    chose: bool,
}

/// Asks the filter about one listener; returns 0 for yes.
///
/// # Safety
///
/// `socket` must be a socket that is kept during the call, `data` a [`Choice`] that nobody else
/// uses meanwhile.
#[inline]
unsafe extern "C" fn filter_callback(
    socket: *mut sock,
    _skb: *mut sk_buff,
    data: *mut c_void,
) -> c_int {
    // SAFETY: By the safety requirements.
    let choice = unsafe { &mut *data.cast::<Choice<'_>>() };
    // INVARIANT: By the safety requirements.
    let listener = Listener {
        socket,
        _lifetime: PhantomData,
    };
    let yes = match &mut choice.filter {
        Some(filter) => filter.chooses(&listener),
        None => true,
    };
    choice.chose |= yes;
    c_int::from(!yes)
}

/// A socket that listens to the group of a message which is being sent.
///
/// Which port, user or rights it has, netlink does not tell those who send. A module that needs to
/// know lets the program send a message first, and looks at the [`Sender`](crate::Sender), which
/// has the same [`SocketId`].
///
/// # Invariants
///
/// The socket is kept for `'a`.
pub struct Listener<'a> {
    socket: *mut sock,
    _lifetime: PhantomData<&'a sock>,
}

impl Listener<'_> {
    /// Which socket it is.
    #[inline]
    pub fn socket(&self) -> SocketId {
        // SAFETY: By the type invariants.
        unsafe { SocketId::from_raw(self.socket) }
    }

    /// How many messages the socket has missed since it was opened because its receive buffer was
    /// full: what the program reads by `SO_MEMINFO`, and `/proc/net/netlink` shows.
    #[inline]
    pub fn drops(&self) -> u32 {
        // SAFETY: By the type invariants.
        unsafe { bindings::cn_core_drops(self.socket) }
    }
}

/// Calls `visit` with each socket that listens to `group` now; nothing is sent.
///
/// May sleep, but not in `visit`: nobody can open or close a netlink socket meanwhile.
///
/// # Errors
///
/// - [`EINVAL`]: `group` is 0.
/// - [`SendError::NoMemory`].
///
/// # Examples
///
/// ```
/// use connector::{visit_listeners, SendError};
///
/// fn count_listeners(group: u32) -> Result<usize, SendError> {
///     let mut count = 0;
///     visit_listeners(group, |_| count += 1)?;
///     Ok(count)
/// }
/// ```
#[inline]
pub fn visit_listeners(group: u32, mut visit: impl FnMut(&Listener<'_>)) -> Result<(), SendError> {
    if group == 0 {
        return Err(SendError::Other(EINVAL));
    }
    let mut nobody = |listener: &Listener<'_>| {
        visit(listener);
        false
    };
    let mut choice = Choice {
        filter: Some(&mut nobody),
        chose: false,
    };
    // SAFETY: The function expects a `Choice`, which nobody else uses meanwhile.
    let visited =
        unsafe { bindings::cn_core_visit(group, Some(filter_callback), (&raw mut choice).cast()) };
    to_result(visited).map_err(SendError::from_core)
}

/// Whether anybody listens to the group of an id.
///
/// For what costs more than asking. [`Draft`](crate::Draft) asks by itself.
///
/// Context: any.
///
/// # Errors
///
/// - [`SendError::UnknownId`]: nothing is registered under the id.
#[inline]
pub fn has_listeners(id: Id) -> Result<bool, SendError> {
    // SAFETY: `raw_id` gives a valid id.
    into_bool(unsafe { bindings::cn_core_has_listeners(&raw_id(id), 0) })
}

/// Whether anybody listens to the group with this number.
///
/// Context: any.
///
/// # Errors
///
/// [`EINVAL`] for group 0.
#[inline]
pub fn group_has_listeners(group: u32) -> Result<bool, SendError> {
    if group == 0 {
        return Err(SendError::Other(EINVAL));
    }
    // SAFETY: `raw_id` gives a valid id, which is not looked at.
    into_bool(unsafe { bindings::cn_core_has_listeners(&raw_id(Id::new(0, 0)), group) })
}

#[inline]
fn into_bool(number: c_int) -> Result<bool, SendError> {
    to_result(number).map_err(SendError::from_core)?;
    Ok(number != 0)
}
