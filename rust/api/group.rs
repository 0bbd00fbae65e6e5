// SPDX-License-Identifier: GPL-2.0

//! The listeners to a group: messages to all or some of them, and whether there are any.
//!
//! C counterparts: the arguments `group` and `filter` of `cn_netlink_send_mult()` in
//! `include/linux/connector.h`.

#![forbid(unsafe_code)]

use crate::{
    bindings,
    callbacks::{Choice, Choose},
    raw::{self, Destination},
    Id, Listener, SendError,
};
use kernel::{alloc::Flags, error::to_result, prelude::*};

/// The listeners to a group, all or some of them.
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
/// fn send(friends: &[SocketId], text: &str) -> Result {
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
    /// The listeners to the group of the message's id, which is its index.
    ///
    /// The id must be registered. Group 0 has no listeners, and so an id whose index is 0 has none.
    #[inline]
    pub fn of_id() -> Self {
        Self {
            group: None,
            except: 0,
            filter: None,
        }
    }

    /// The listeners to the group with this number.
    ///
    /// A message to group 0, which cannot have listeners, fails with [`EINVAL`].
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
    /// A message from an id whose index is 0 to all listeners of [`Self::of_id`] except one fails
    /// with [`EINVAL`]: there is no group 0.
    #[inline]
    pub fn except(self, portid: u32) -> Self {
        Self {
            except: portid,
            ..self
        }
    }

    /// Leaves out those for which `filter` returns `false`.
    ///
    /// It is called once for each listener, while the message is being sent. It must not sleep: no
    /// netlink socket can be opened or closed meanwhile.
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

    /// Fails where the group cannot be: no group has the number 0.
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

    /// Fails if a message from `id` would have no receiver, so that it need not be made.
    #[inline]
    pub(crate) fn check_awaited(&self, id: Id, flags: Flags) -> Result<(), SendError> {
        self.check_group(id)?;
        if can_be_heard(id, self.group.unwrap_or(0), flags)? {
            Ok(())
        } else {
            Err(SendError::NoListeners)
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
        self.check_group(id)?;
        let destination = Destination::group(self.group, self.except);
        if self.except == 0 && self.filter.is_none() {
            return sent_to_group(send(&destination), true);
        }
        // Distinguishes a full receiver from a group with no other member than the excluded port.
        let mut choice = Choice::new(self.filter);
        let sent = choice.send(destination, send);
        sent_to_group(sent, choice.has_chosen())
    }
}

impl<'f> Listeners<'f> {
    /// The same listeners, for a shorter time.
    #[inline]
    pub(crate) fn shorten<'t>(self) -> Listeners<'t>
    where
        'f: 't,
    {
        Listeners {
            group: self.group,
            except: self.except,
            filter: self
                .filter
                .map(|filter| filter as &'t mut (dyn Choose + 't)),
        }
    }
}

/// The result of a message to a group. `sent` is that of the core, and `has_chosen` says
/// whether any listener was to get the message.
#[inline]
fn sent_to_group(sent: c_int, has_chosen: bool) -> Result<(), SendError> {
    if sent == bindings::CN_NOT_TAKEN as c_int {
        return Err(if has_chosen {
            SendError::ReceiverFull
        } else {
            SendError::NoListeners
        });
    }
    to_result(sent).map_err(SendError::from_core)
}

/// Calls `visit` with each socket that listens to `group` now; nothing is sent.
///
/// May sleep, but not in `visit`: no netlink socket can be opened or closed meanwhile.
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
    to_result(Choice::new(Some(&mut nobody)).visit(group)).map_err(SendError::from_core)
}

/// Whether the group of an id has listeners, to which a message would be delivered now. To members
/// in other network namespaces it mostly would not.
///
/// For messages whose preparation costs more than this call. [`Draft`](crate::Draft) calls it by
/// itself.
///
/// Context: as for sending with [`GFP_ATOMIC`].
///
/// # Errors
///
/// - [`SendError::UnknownId`]: nothing is registered under the id.
/// - [`SendError::NoMemory`]: there are members in other network namespaces, for which this needs
///   memory.
#[inline]
pub fn has_listeners(id: Id) -> Result<bool, SendError> {
    can_be_heard(id, 0, GFP_ATOMIC)
}

/// Whether the group with this number has listeners; as [`has_listeners`].
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

/// Asks the core about a group; 0 means the group of the id.
#[inline]
fn can_be_heard(id: Id, group: u32, flags: Flags) -> Result<bool, SendError> {
    let number = raw::has_listeners(id, group, flags);
    to_result(number).map_err(SendError::from_core)?;
    Ok(number != 0)
}
