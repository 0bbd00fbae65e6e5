// SPDX-License-Identifier: GPL-2.0

//! Watchers of ids and sockets: they are notified of registrations, of closed sockets, and of
//! groups that sockets join and leave.
//!
//! Watchers of sockets are for modules that keep something for each socket, or that have work to do
//! only while there are listeners.
//!
//! C counterparts: none for ids, where the notification channel does the same for programs; for
//! sockets `netlink_bind`, `netlink_unbind` and `netlink_release` of a netlink protocol, which only
//! the protocol itself can have.

#![forbid(unsafe_code)]

use crate::{
    bindings,
    callbacks::{self, Kind},
    Id, SocketId,
};
use core::marker::PhantomData;
use kernel::{prelude::*, sync::Arc};

/// A change of an id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// Something was registered under it.
    Registered,
    /// It is free again.
    Unregistered,
}

/// Is notified of registrations.
pub trait Watcher: Send + Sync + 'static {
    /// Handles one change.
    ///
    /// Called by a work item, shortly after the change, and may sleep; no lock is held, so that it
    /// may send, register and unregister, and watch. It is called by one task at a time, and
    /// changes come in order. The task that causes them does not wait for this, so that the id may
    /// be in another state by now.
    fn changed(&self, id: Id, change: Change);

    /// Changes were left out at this point of their order: the watcher was more than 65,536 changes
    /// behind, or there was no memory (`notify_lost` in `/proc/net/connector_stats` counts those).
    /// A watcher that keeps a list of registrations has to discard it.
    ///
    /// Called as [`Self::changed`] is.
    fn missed(&self) {}
}

/// Notifies a watcher of all ids that are registered and unregistered, until this is dropped.
///
/// Each change costs a little time for each watcher there is, and a thread of the kernel for each
/// that sleeps, which the kernel keeps for some minutes; a module needs one watcher.
///
/// It is not notified of earlier registrations, also where the watch is made inside of a watcher.
///
/// # Dropping
///
/// When the drop returns, the watcher is not running and is not called again; changes that it was
/// not notified of are discarded. The drop sleeps, except inside of a call of the connector: there
/// the watcher lives on until its call has returned. Do not hold a lock that the watcher takes.
///
/// The drop waits for a running call of the watcher. A module with many watches that sleep waits
/// for one after the other; those that its exit forgets ([`core::mem::forget`]) are removed
/// together.
///
/// # Examples
///
/// ```
/// use connector::{Change, Id, Watch, Watcher};
/// use kernel::{prelude::*, sync::{atomic::{Atomic, Relaxed}, Arc}};
///
/// struct Count(Atomic<u32>);
///
/// impl Watcher for Count {
///     fn changed(&self, _id: Id, change: Change) {
///         if change == Change::Registered {
///             self.0.add(1u32, Relaxed);
///         }
///     }
/// }
///
/// # fn watch() -> Result<Watch<Count>> {
/// let count = Arc::new(Count(Atomic::new(0)), GFP_KERNEL)?;
/// Watch::new(count)
/// # }
/// ```
#[must_use = "a watch ends when it is dropped"]
pub struct Watch<W: Watcher> {
    _watching: Watching,
    _watcher: PhantomData<Arc<W>>,
}

impl<W: Watcher> Watch<W> {
    /// Starts to call `watcher`.
    ///
    /// Context: process; may sleep. May make a workqueue, so do not call it in a callback of CPU
    /// hotplug, nor with a lock that one takes.
    ///
    /// # Errors
    ///
    /// - [`EAGAIN`]: the connector has not started yet.
    /// - [`ENODEV`]: the module is being unloaded.
    /// - [`ENOMEM`]: no memory.
    pub fn new(watcher: Arc<W>) -> Result<Self> {
        Ok(Self {
            _watching: Watching::new::<W, OfIds>(watcher)?,
            _watcher: PhantomData,
        })
    }
}

/// A change of a socket or a group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SocketChange {
    /// This socket was closed, by its program or by the exit of that. It is in no group any more.
    /// Where [`capabilities()`](crate::capabilities()) says so, this is only notified of sockets
    /// that had sent a message.
    Closed(SocketId),
    /// A program was permitted to join this group. This is not notified everywhere; see
    /// [`Capabilities::notifies_of_groups`](crate::Capabilities::notifies_of_groups). The program
    /// joins at about the time of this notification, or fails to for another reason. Netlink does
    /// not say which of its sockets joins. It may be in another network namespace, where every
    /// program can join and no message is delivered:
    /// [`has_listeners`](crate::has_listeners) does not count those.
    Joins(u32),
    /// A socket has left this group. There is no notification of a socket that leaves by
    /// `bind(2)`.
    Left(u32),
}

/// Is notified of sockets.
pub trait SocketWatcher: Send + Sync + 'static {
    /// Handles one change.
    ///
    /// Called by a work item, shortly after the change, and may sleep; no lock is held, so that it
    /// may send, register, unregister and watch. It is called by one task at a time. Programs don't
    /// wait for this, so that the socket may be in another state by now.
    ///
    /// Sockets that were closed are notified in order, and none is left out. Several changes of a
    /// group since the last call are one notification, of the last of them; it may come before
    /// or after that of an earlier change of another group or socket.
    ///
    /// A watcher that is slower than programs close sockets uses memory for each that it was not
    /// notified of yet. That is charged to their memory control groups, and freed one by one.
    fn changed(&self, change: SocketChange);
}

/// Notifies a watcher of sockets, until this is dropped.
///
/// Each change costs the program a little time for each watcher there is; a module needs one.
///
/// # Dropping
///
/// When the drop returns, the watcher is not running and is not called again; changes that it was
/// not notified of are discarded. The drop sleeps, except inside of a call of the connector: there
/// the watcher lives on until its call has returned. Do not hold a lock that the watcher takes.
///
/// A module that keeps something for sockets makes the watch before the registration whose handler
/// keeps it, and drops the watch after that; else it misses sockets that are closed in between.
///
/// # Examples
///
/// ```
/// use connector::{SocketChange, SocketId, SocketWatch, SocketWatcher};
/// use kernel::{new_mutex, prelude::*, sync::{Arc, Mutex}};
///
/// /// One socket may have the device to itself, until it is closed.
/// #[pin_data]
/// struct Exclusive {
///     #[pin]
///     user: Mutex<Option<SocketId>>,
/// }
///
/// impl SocketWatcher for Exclusive {
///     fn changed(&self, change: SocketChange) {
///         let mut user = self.user.lock();
///         if let SocketChange::Closed(socket) = change {
///             if *user == Some(socket) {
///                 *user = None;
///             }
///         }
///     }
/// }
///
/// # fn watch() -> Result<SocketWatch<Exclusive>> {
/// let exclusive = Arc::pin_init(pin_init!(Exclusive { user <- new_mutex!(None) }), GFP_KERNEL)?;
/// SocketWatch::new(exclusive)
/// # }
/// ```
#[must_use = "a watch ends when it is dropped"]
pub struct SocketWatch<W: SocketWatcher> {
    _watching: Watching,
    _watcher: PhantomData<Arc<W>>,
}

impl<W: SocketWatcher> SocketWatch<W> {
    /// Starts to call `watcher`. Context and errors as for [`Watch::new`].
    pub fn new(watcher: Arc<W>) -> Result<Self> {
        Ok(Self {
            _watching: Watching::new::<W, OfSockets>(watcher)?,
            _watcher: PhantomData,
        })
    }
}

struct OfIds;

impl<W: Watcher> Kind<W> for OfIds {
    const WHAT: u32 = bindings::CN_WATCH_IDS;

    fn call(watcher: &W, change: u32, subject: u64) {
        let id = Id::new(subject as u32, (subject >> 32) as u32);
        match change {
            bindings::CN_ID_REGISTERED => watcher.changed(id, Change::Registered),
            bindings::CN_ID_UNREGISTERED => watcher.changed(id, Change::Unregistered),
            _ => watcher.missed(),
        }
    }
}

struct OfSockets;

impl<W: SocketWatcher> Kind<W> for OfSockets {
    const WHAT: u32 = bindings::CN_WATCH_SOCKETS;

    fn call(watcher: &W, change: u32, subject: u64) {
        watcher.changed(match change {
            bindings::CN_SOCKET_CLOSED => SocketChange::Closed(SocketId::from_number(subject)),
            bindings::CN_SOCKET_JOINS => SocketChange::Joins(subject as u32),
            _ => SocketChange::Left(subject as u32),
        });
    }
}

/// A watcher that the core calls, until this is dropped.
struct Watching {
    what: u32,
    serial: u64,
}

impl Watching {
    fn new<W: Send + Sync + 'static, K: Kind<W>>(watcher: Arc<W>) -> Result<Self> {
        Ok(Self {
            what: K::WHAT,
            serial: callbacks::watch::<W, K>(watcher)?,
        })
    }
}

impl Drop for Watching {
    #[inline]
    fn drop(&mut self) {
        callbacks::unwatch(self.what, self.serial);
    }
}
