// SPDX-License-Identifier: GPL-2.0

//! Who is told, inside the kernel, of sockets that are closed, and that join and leave groups.
//!
//! C counterpart: none; there `cn_release()` knows of the one client that keeps something for
//! sockets.

use crate::{chain::Chain, once::read_once};
use connector::bindings::{
    sock_diag_save_cookie, CN_SOCKET_CLOSED, CN_SOCKET_JOINS, CN_SOCKET_LEFT,
};
use kernel::{
    bindings::sock,
    new_mutex,
    prelude::*,
    sync::{
        atomic::{Atomic, Full},
        Mutex,
    },
};

/// The function of a watcher: its cookie, what has changed, and the socket or group.
pub(crate) type Watch = unsafe extern "C" fn(*mut c_void, u32, u64);

/// A watcher; its cookie is released when this is dropped.
///
/// # Invariants
///
/// The functions may be called with `cookie` by all tasks; `release` is, once, in the drop.
pub(crate) struct SocketWatcher {
    serial: u64,
    watch: Watch,
    release: unsafe extern "C" fn(*mut c_void),
    cookie: *mut c_void,
}

// SAFETY: Who makes a watcher promises that its functions may be called from all tasks.
unsafe impl Send for SocketWatcher {}

impl SocketWatcher {
    /// A watcher without a number.
    ///
    /// # Safety
    ///
    /// `watch` must be callable with `cookie` by all tasks until `release` is called, once.
    pub(crate) unsafe fn new(
        watch: Watch,
        release: unsafe extern "C" fn(*mut c_void),
        cookie: *mut c_void,
    ) -> Self {
        // INVARIANT: By the safety requirements.
        Self {
            serial: 0,
            watch,
            release,
            cookie,
        }
    }

    /// The address of the code that is called.
    pub(crate) fn address(&self) -> *const c_void {
        self.watch as *const c_void
    }
}

impl Drop for SocketWatcher {
    fn drop(&mut self) {
        // SAFETY: By the type invariants.
        unsafe { (self.release)(self.cookie) };
    }
}

/// All watchers.
#[pin_data]
pub(crate) struct SocketWatchers {
    /// Held while watchers are called, so that none is after it was removed.
    #[pin]
    list: Mutex<Chain<SocketWatcher>>,
    /// How many there are, so that nothing is locked where there is none.
    count: Atomic<usize>,
}

impl SocketWatchers {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            list <- new_mutex!(Chain::new(), "cn_socket_watchers"),
            count: Atomic::new(0),
        })
    }

    /// Adds a watcher, and returns its number.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: no memory; the watcher is not made.
    pub(crate) fn add(&self, make: impl FnOnce() -> SocketWatcher) -> Result<u64> {
        let mut list = self.list.lock();
        let last = list.iter().next().map_or(0, |last| last.serial);
        let serial = last.wrapping_add(1);
        list.push_with(|| {
            let mut watcher = make();
            watcher.serial = serial;
            watcher
        })?;
        self.count.fetch_add(1usize, Full);
        Ok(serial)
    }

    /// Removes the watcher with this number. When this returns, it is not running.
    pub(crate) fn remove(&self, serial: u64) {
        self.remove_all(|watcher| watcher.serial == serial);
    }

    /// Removes those for which `predicate` holds, and returns how many there were.
    pub(crate) fn remove_all(&self, predicate: impl Fn(&SocketWatcher) -> bool) -> usize {
        let removed = self.list.lock().extract(predicate);
        let count = removed
            .iter()
            .fold(0usize, |count, _| count.saturating_add(1));
        self.count.fetch_sub(count, Full);
        count
    }

    /// Tells that a program joins `group` as soon as this has returned.
    pub(crate) fn tell_joins(&self, group: u32) {
        self.tell(CN_SOCKET_JOINS, || group.into());
    }

    /// Tells that a socket has left `group`.
    pub(crate) fn tell_left(&self, group: u32) {
        self.tell(CN_SOCKET_LEFT, || group.into());
    }

    /// Tells that a socket was closed.
    ///
    /// # Safety
    ///
    /// `socket` must point to a socket that is kept during the call.
    pub(crate) unsafe fn tell_closed(&self, socket: *mut sock) {
        self.tell(CN_SOCKET_CLOSED, || {
            let mut cookie = [0u32; 2];
            // SAFETY: By the safety requirements; two numbers are written, the lower half first.
            unsafe { sock_diag_save_cookie(socket, cookie.as_mut_ptr()) };
            let [low, high] = cookie;
            u64::from(high) << 32 | u64::from(low)
        });
    }

    fn tell(&self, change: u32, subject: impl FnOnce() -> u64) {
        if read_once(&self.count) == 0 {
            return;
        }
        let subject = subject();
        for watcher in self.list.lock().iter() {
            // SAFETY: By the invariants of the watcher, which is not dropped while the list is
            // locked.
            unsafe { (watcher.watch)(watcher.cookie, change, subject) };
        }
    }
}
