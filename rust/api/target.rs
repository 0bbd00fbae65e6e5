// SPDX-License-Identifier: GPL-2.0

//! Where a message goes: to one port, or to those who listen.
//!
//! C counterparts: the arguments `portid`, `group` and `filter` of `cn_netlink_send_mult()` in
//! `include/linux/connector.h`.

use crate::{
    bindings::{self, cn_core_target},
    outgoing::as_gfp,
    registration::raw_id,
    Id, SendError, SocketId,
};
use core::{marker::PhantomData, ptr::null_mut};
use kernel::{
    alloc::Flags,
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
        fn check_awaited(&self, id: Id, flags: Flags) -> Result<(), SendError>;

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
    /// fn tell(portid: u32, text: &str) -> Result<(), SendError> {
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

    /// Does not wait at all while the receive buffer of the socket is full, also where the memory
    /// for the message may be waited for, as with [`GFP_KERNEL`].
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

    /// Lets the message seem to come through a group, as those do that are sent to it: `recvmsg(2)`
    /// gives the program the group as `nl_groups` (up to 32) and by `NETLINK_PKTINFO`. It is still
    /// sent to the one socket only, whether that is in the group or not.
    ///
    /// For protocols whose programs look at the group of all that they read. Where sleeping is
    /// allowed, this waits for room without a limit, as sending to a [`Port`] does: in a handler,
    /// use [`GFP_NOWAIT`].
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
        wait_ms: u32,
        group: u32,
        send: impl FnOnce(&cn_core_target) -> c_int,
    ) -> Result<(), SendError> {
        if self.0 == 0 {
            return Err(SendError::Other(EINVAL));
        }
        let target = cn_core_target {
            kind: bindings::CN_TO_PORT,
            portid: self.0,
            group: 0,
            wait_ms,
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
    fn check_awaited(&self, _id: Id, _flags: Flags) -> Result<(), SendError> {
        Ok(())
    }

    #[inline]
    fn send(self, _id: Id, send: impl FnOnce(&cn_core_target) -> c_int) -> Result<(), SendError> {
        self.send_within(bindings::CN_WAIT_FOR_EVER, 0, send)
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
    fn check_awaited(&self, _id: Id, _flags: Flags) -> Result<(), SendError> {
        Ok(())
    }

    #[inline]
    fn send(self, _id: Id, send: impl FnOnce(&cn_core_target) -> c_int) -> Result<(), SendError> {
        self.port.send_within(self.wait_ms, 0, send)
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
    fn check_awaited(&self, _id: Id, _flags: Flags) -> Result<(), SendError> {
        Ok(())
    }

    #[inline]
    fn send(self, _id: Id, send: impl FnOnce(&cn_core_target) -> c_int) -> Result<(), SendError> {
        self.port
            .send_within(bindings::CN_WAIT_FOR_EVER, self.group, send)
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
    /// Fails where a group is meant that cannot be: no group has the number 0.
    #[inline]
    fn check_group(&self, id: Id) -> Result<(), SendError> {
        let is_refused = match self.group {
            None => self.except != 0 && id.idx() == 0,
            Some(group) => group == 0,
        };
        if is_refused {
            return Err(SendError::Other(EINVAL));
        }
        Ok(())
    }

    /// Those who listen to the group of the message's id, which is its index.
    ///
    /// The id must be registered. Nobody can listen to group 0, and so to an id whose index is 0.
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
    ///
    /// A message from an id whose index is 0 to all who listen to that but one fails with
    /// [`EINVAL`]: there is no such group.
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
    fn check_awaited(&self, id: Id, flags: Flags) -> Result<(), SendError> {
        self.check_group(id)?;
        if can_be_heard(id, self.group.unwrap_or(0), flags)? {
            Ok(())
        } else {
            Err(SendError::NoListeners)
        }
    }

    #[inline]
    fn send(self, id: Id, send: impl FnOnce(&cn_core_target) -> c_int) -> Result<(), SendError> {
        self.check_group(id)?;
        let mut target = cn_core_target {
            kind: match self.group {
                Some(_) => bindings::CN_TO_GROUP,
                None => bindings::CN_TO_GROUP_OF_ID,
            },
            portid: self.except,
            group: self.group.unwrap_or(0),
            wait_ms: 0,
            shown_group: 0,
            filter: None,
            filter_data: null_mut(),
        };
        if self.except == 0 && self.filter.is_none() {
            return sent_to_group(send(&target), true);
        }
        // Tells a full receiver from none but the port that is left out.
        let mut choice = Choice {
            filter: self.filter,
            chose: false,
        };
        target.filter = Some(filter_callback);
        target.filter_data = (&raw mut choice).cast();
        let sent = send(&target);
        sent_to_group(sent, choice.chose)
    }
}

/// What the core returned for a message to a group; `chose` says whether anybody of those who
/// listen was to get it.
#[inline]
fn sent_to_group(sent: c_int, chose: bool) -> Result<(), SendError> {
    if sent == bindings::CN_NOT_TAKEN as c_int {
        return Err(if chose {
            SendError::ReceiverFull
        } else {
            SendError::NoListeners
        });
    }
    to_result(sent).map_err(SendError::from_core)
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

/// Whether anybody listens to the group of an id: who would hear a message now. Members in other
/// network namespaces mostly would not.
///
/// For what costs more than asking. [`Draft`](crate::Draft) asks by itself.
///
/// Context: as for sending with [`GFP_ATOMIC`].
///
/// # Errors
///
/// - [`SendError::UnknownId`]: nothing is registered under the id.
/// - [`SendError::NoMemory`]: there are members in other network namespaces, which makes it
///   a question that needs memory.
#[inline]
pub fn has_listeners(id: Id) -> Result<bool, SendError> {
    can_be_heard(id, 0, GFP_ATOMIC)
}

/// Whether anybody listens to the group with this number; as [`has_listeners`].
///
/// # Errors
///
/// - [`EINVAL`] for group 0.
/// - [`SendError::NoMemory`].
#[inline]
pub fn group_has_listeners(group: u32) -> Result<bool, SendError> {
    if group == 0 {
        return Err(SendError::Other(EINVAL));
    }
    can_be_heard(Id::new(0, 0), group, GFP_ATOMIC)
}

/// Asks the core about a group, or, if that is 0, about the group of the id.
#[inline]
fn can_be_heard(id: Id, group: u32, flags: Flags) -> Result<bool, SendError> {
    // SAFETY: `raw_id` gives a valid id.
    let number = unsafe { bindings::cn_core_has_listeners(&raw_id(id), group, as_gfp(flags)) };
    to_result(number).map_err(SendError::from_core)?;
    Ok(number != 0)
}
