// SPDX-License-Identifier: GPL-2.0

//! Watching sockets of user space.
//!
//! For modules that keep something for each socket, or that have work to do only while somebody
//! listens.
//!
//! C counterpart: `netlink_bind`, `netlink_unbind` and `netlink_release` of a netlink protocol,
//! which only the protocol itself can have.

use crate::{bindings, SocketId};
use core::marker::PhantomData;
use kernel::{error::to_result, prelude::*, sync::Arc, types::ForeignOwnable};

/// What happened to a socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SocketChange {
    /// This socket was closed: by its program, or because that has died. It is in no group any
    /// more.
    Closed(SocketId),
    /// A program was let into this group. It joins at about the time when this is told, or fails
    /// to for another reason. Which of its sockets, netlink does not say.
    Joins(u32),
    /// A socket has left this group. A socket that leaves by `bind(2)` is not told of.
    Left(u32),
}

/// What is told of sockets.
pub trait SocketWatcher: Send + Sync + 'static {
    /// Looks at one change.
    ///
    /// Called by a work item, shortly after the change, and may sleep; no lock is held, so that it
    /// may send, register, unregister and watch. It is called by one task at a time. Programs don't
    /// wait for this, so that the socket that it is told of may be in another state by now.
    ///
    /// Sockets that were closed are told in order, and none is left out. Of a group, what happened
    /// last is told, once, if more has happened since the watcher was called before; and in another
    /// order than what happened to other groups and sockets.
    ///
    /// A watcher that is slower than programs close sockets uses memory for those that it was not
    /// told of yet; that is charged to their memory control groups, and freed one by one.
    fn changed(&self, change: SocketChange);
}

/// A watcher that is told of sockets, until this is dropped.
///
/// # Dropping
///
/// When the drop returns, the watcher is not running and will not be called again. Inside of a call
/// of the connector the drop does not wait; there the watcher lives on until its call has returned.
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
    serial: u64,
    _watcher: PhantomData<Arc<W>>,
}

impl<W: SocketWatcher> SocketWatch<W> {
    /// Starts to tell `watcher`. May sleep.
    ///
    /// # Errors
    ///
    /// - [`EAGAIN`]: the connector has not started yet.
    /// - [`ENODEV`]: the module is being unloaded.
    /// - [`ENOMEM`]: no memory.
    pub fn new(watcher: Arc<W>) -> Result<Self> {
        let cookie = watcher.into_foreign();
        let mut serial = 0;
        // SAFETY: The two functions expect a cookie that came from `Arc<W>::into_foreign`, as this
        // one does; `serial` can be written to.
        let watched = to_result(unsafe {
            bindings::cn_core_watch_sockets(
                Some(watch_callback::<W>),
                Some(release_callback::<W>),
                cookie,
                &mut serial,
            )
        });
        if let Err(error) = watched {
            // SAFETY: The core does not have the cookie.
            drop(unsafe { Arc::<W>::from_foreign(cookie) });
            return Err(error);
        }
        Ok(Self {
            serial,
            _watcher: PhantomData,
        })
    }
}

impl<W: SocketWatcher> Drop for SocketWatch<W> {
    fn drop(&mut self) {
        // SAFETY: The core knows which watch is meant by the number.
        unsafe { bindings::cn_core_unwatch_sockets(self.serial) };
    }
}

/// Tells the watcher.
///
/// # Safety
///
/// `cookie` must come from `Arc<W>::into_foreign` and not have been released.
unsafe extern "C" fn watch_callback<W: SocketWatcher>(
    cookie: *mut c_void,
    change: u32,
    subject: u64,
) {
    // SAFETY: By the safety requirements of this function.
    let watcher = unsafe { Arc::<W>::borrow(cookie) };
    let change = match change {
        bindings::CN_SOCKET_CLOSED => SocketChange::Closed(SocketId::from_number(subject)),
        bindings::CN_SOCKET_JOINS => SocketChange::Joins(subject as u32),
        _ => SocketChange::Left(subject as u32),
    };
    watcher.changed(change);
}

/// Releases the watcher.
///
/// # Safety
///
/// `cookie` must come from `Arc<W>::into_foreign`; it must not be used afterwards.
unsafe extern "C" fn release_callback<W: SocketWatcher>(cookie: *mut c_void) {
    // SAFETY: By the safety requirements of this function.
    drop(unsafe { Arc::<W>::from_foreign(cookie) });
}
