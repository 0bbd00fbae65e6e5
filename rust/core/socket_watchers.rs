// SPDX-License-Identifier: GPL-2.0

//! Watchers of sockets: code in the kernel that is told of sockets that are closed, and of groups
//! that are joined and left.
//!
//! Netlink tells the connector in the context of the program, partly with locks of its own: a
//! watcher that waited there would hold up all netlink sockets of the machine. So each watcher has a
//! queue, and a work item that calls it, in order. A watcher that takes long delays no other one,
//! and no program.
//!
//! C counterpart: none; there `cn_release()` knows of the one client that keeps something for
//! sockets.

use crate::{
    calls::Calls,
    chain::{Chain, Reserved},
    frame::{self, Deferred},
    once::read_once,
};
use connector::bindings::{
    cn_glue_workqueue, sock_diag_save_cookie, CN_SOCKET_CLOSED, CN_SOCKET_JOINS, CN_SOCKET_LEFT,
};
use core::ptr::NonNull;
use kernel::{
    bindings::sock,
    new_condvar, new_spinlock,
    prelude::*,
    sync::{
        atomic::{Atomic, Full},
        Arc, CondVar, SpinLock,
    },
    workqueue::{impl_has_work, new_work, Queue, Work, WorkItem},
};

/// The function of a watcher: its cookie, what has changed, and the socket or group.
pub(crate) type Watch = unsafe extern "C" fn(*mut c_void, u32, u64);

/// What the owner of a watcher has handed over.
///
/// # Invariants
///
/// `watch` may be called with `cookie` until `release` is, once.
pub(crate) struct Functions {
    watch: Watch,
    release: unsafe extern "C" fn(*mut c_void),
    cookie: *mut c_void,
}

impl Functions {
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
            watch,
            release,
            cookie,
        }
    }
}

/// What a watcher is told.
#[derive(Clone, Copy)]
struct Change {
    what: u32,
    subject: u64,
}

/// A watcher.
///
/// # Invariants
///
/// `owner` points to the list that it is in, which outlives its work.
#[pin_data]
struct SocketWatcher {
    serial: u64,
    functions: Functions,
    owner: NonNull<SocketWatchers>,
    calls: Calls,
    /// Last change first.
    #[pin]
    changes: SpinLock<Chain<Change>>,
    #[pin]
    work: Work<SocketWatcher>,
    deferred: Deferred,
}

// SAFETY: Who makes a watcher promises that its functions may be called from all tasks.
unsafe impl Send for SocketWatcher {}

// SAFETY: As above.
unsafe impl Sync for SocketWatcher {}

impl_has_work! {
    impl HasWork<Self> for SocketWatcher { self.work }
}

impl WorkItem for SocketWatcher {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        // It may run only once at a time, and is queued anew for what comes meanwhile.
        let changes = this.changes.lock().take();
        for change in changes.reversed().iter() {
            // A watcher that is dead is told nothing any more.
            if !this.calls.try_enter() {
                return;
            }
            let Functions { watch, cookie, .. } = this.functions;
            // SAFETY: A call was entered, so that the cookie is not released.
            frame::call_out(|| unsafe { watch(cookie, change.what, change.subject) });
            this.leave();
        }
    }
}

impl SocketWatcher {
    /// Leaves a call, or ends a watcher that was killed.
    fn leave(&self) {
        if self.calls.leave() {
            // SAFETY: The list keeps the watcher until it is reclaimed, and its calls have all
            // left, which is said once.
            unsafe {
                self.deferred
                    .reclaim(release, NonNull::from(self).cast(), self.owner.cast());
            }
        }
    }
}

/// The list of watchers.
struct List {
    /// Last added first; those that are dead stay until they were reclaimed.
    watchers: Chain<Arc<SocketWatcher>>,
    /// The number of the last watcher; none is used twice.
    last: u64,
}

/// All watchers.
#[pin_data]
pub(crate) struct SocketWatchers {
    #[pin]
    list: SpinLock<List>,
    /// How many there are, so that nothing is locked where there is none.
    count: Atomic<usize>,
    /// Notified when a watcher was reclaimed.
    #[pin]
    reclaimed: CondVar,
}

impl SocketWatchers {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            list <- new_spinlock!(List { watchers: Chain::new(), last: 0 }, "cn_socket_watchers"),
            count: Atomic::new(0),
            reclaimed <- new_condvar!("cn_socket_watchers"),
        })
    }

    /// Adds a watcher, and returns its number.
    ///
    /// With the list locked, `permit` is asked whether it may be added.
    ///
    /// Context: process; may sleep.
    ///
    /// # Errors
    ///
    /// - [`ENOMEM`]: no memory.
    /// - What `permit` returns.
    ///
    /// The cookie is not released then.
    pub(crate) fn add(
        &self,
        functions: Functions,
        permit: impl FnOnce(*const c_void) -> Result,
    ) -> Result<u64> {
        let address = functions.watch as *const c_void;
        let owner = NonNull::from(self);
        let reserved = Chain::reserve()?;
        // INVARIANT: The connector stops after all work was done.
        let watcher = Arc::pin_init(
            pin_init!(SocketWatcher {
                serial: 0,
                functions,
                owner,
                calls: Calls::new(),
                changes <- new_spinlock!(Chain::new(), "cn_socket_changes"),
                work <- new_work!("cn_socket_watcher"),
                deferred: Deferred::new(),
            }),
            GFP_KERNEL,
        )?;
        // Nobody else knows it yet.
        let mut watcher = Arc::into_unique_or_drop(watcher).ok_or(ENOMEM)?;
        let mut list = self.list.lock();
        permit(address)?;
        list.last = list.last.wrapping_add(1);
        let serial = list.last;
        *watcher.as_mut().project().serial = serial;
        list.watchers.push_reserved(reserved, watcher.into());
        self.count.fetch_add(1usize, Full);
        Ok(serial)
    }

    /// Removes the watcher with this number. Waits until it has returned, except inside of a call.
    ///
    /// Context: process; may sleep.
    pub(crate) fn remove(&self, serial: u64) {
        self.kill(|watcher| watcher.serial == serial);
        if !frame::is_inside() {
            self.wait_until_reclaimed(|watcher| watcher.serial == serial);
        }
    }

    /// Removes the watchers for whose code `predicate` holds, waits until they have returned, and
    /// returns how many there were. Those that others have removed are waited for as well.
    ///
    /// Context: process, not inside of a call; may sleep.
    pub(crate) fn remove_all(&self, predicate: impl Fn(*const c_void) -> bool) -> usize {
        let of_code = |watcher: &SocketWatcher| predicate(watcher.functions.watch as *const c_void);
        let removed = self.kill(of_code);
        self.wait_until_reclaimed(of_code);
        removed
    }

    fn kill(&self, predicate: impl Fn(&SocketWatcher) -> bool) -> usize {
        let mut count = 0usize;
        loop {
            let list = self.list.lock();
            let found = {
                let mut live = list.watchers.iter().filter(|one| !one.calls.is_dead());
                live.find(|one| predicate(one)).cloned()
            };
            let Some(watcher) = found else {
                return count;
            };
            // Under the lock, so that it is done once.
            watcher.calls.kill();
            drop(list);
            watcher.leave();
            count = count.saturating_add(1);
        }
    }

    fn wait_until_reclaimed(&self, predicate: impl Fn(&SocketWatcher) -> bool) {
        let mut list = self.list.lock();
        while list.watchers.iter().any(|one| predicate(one)) {
            self.reclaimed.wait(&mut list);
        }
    }

    /// Has watchers told that a program joins `group`.
    pub(crate) fn tell_joins(&self, group: u32) {
        self.tell(CN_SOCKET_JOINS, || group.into());
    }

    /// Has watchers told that a socket has left `group`.
    pub(crate) fn tell_left(&self, group: u32) {
        self.tell(CN_SOCKET_LEFT, || group.into());
    }

    /// Has watchers told that a socket was closed.
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

    /// Queues a change for each watcher. Waits for nothing but memory, which is charged to the
    /// program whose socket it is.
    fn tell(&self, what: u32, subject: impl FnOnce() -> u64) {
        if read_once(&self.count) == 0 {
            return;
        }
        let change = Change {
            what,
            subject: subject(),
        };
        let mut last = 0;
        while let Some(watcher) = self.next_after(last) {
            last = watcher.serial;
            let reserved = Reserved::certain();
            watcher.changes.lock().push_reserved(reserved, change);
            // SAFETY: The queue exists as long as the connector does.
            let queue = unsafe { Queue::from_raw(cn_glue_workqueue()) };
            // It is queued already: its work will find the change.
            let _ = queue.enqueue(watcher);
        }
    }

    fn next_after(&self, last: u64) -> Option<Arc<SocketWatcher>> {
        let list = self.list.lock();
        let later = list
            .watchers
            .iter()
            .filter(|one| one.serial > last && !one.calls.is_dead());
        later.min_by_key(|one| one.serial).cloned()
    }
}

/// Releases the cookie of a watcher, and takes it out of the list.
///
/// # Safety
///
/// `watchers` must be the [`SocketWatchers`] that `watcher` is in; nothing else may be called with
/// its cookie any more. To be called once.
unsafe fn release(watcher: NonNull<()>, watchers: NonNull<()>) {
    // SAFETY: By the safety requirements it is in the list.
    let watcher = unsafe { watcher.cast::<SocketWatcher>().as_ref() };
    let Functions {
        release, cookie, ..
    } = watcher.functions;
    // SAFETY: By the safety requirements.
    unsafe { release(cookie) };
    // SAFETY: By the safety requirements.
    let watchers = unsafe { watchers.cast::<SocketWatchers>().as_ref() };
    let serial = watcher.serial;
    let mut list = watchers.list.lock();
    let removed = list.watchers.extract(|one| one.serial == serial);
    watchers.count.fetch_sub(1usize, Full);
    watchers.reclaimed.notify_all();
    drop(list);
    drop(removed);
}
