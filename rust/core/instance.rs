// SPDX-License-Identifier: GPL-2.0

//! The one connector of the kernel, and the pointer to it for functions that have no argument for
//! it.

#![allow(unsafe_code)]

use crate::{
    frame,
    helpers::{reschedule, trace_register, trace_unregister, zeroed, Workqueues},
    modules::Leaving,
    notify::{Limits, Notifier, SocketChange, WatchList},
    parameters::Groups,
    sync::read_once,
    table::{Callback, Cursor, Entry, Found, Name, Registry},
};
use connector_base::Id;
use core::cell::Cell;
use kernel::{
    new_spinlock,
    prelude::*,
    sync::{
        atomic::{Atomic, Release},
        rcu::Guard,
        SpinLock,
    },
};

/// How many registrations hold each group open.
#[pin_data]
struct OpenGroups {
    #[pin]
    counts: SpinLock<KVVec<u32>>,
}

impl OpenGroups {
    /// All groups closed; they are numbered from 1 to `count`. May sleep.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: no memory.
    fn new(count: u32) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            counts <- new_spinlock!(zeroed(count as usize)?, "cn_open_groups"),
        }? Error)
    }

    fn with_count<R>(&self, group: u32, work: impl FnOnce(&mut u32) -> R) -> Option<R> {
        let place = (group as usize).checked_sub(1)?;
        self.counts.lock().get_mut(place).map(work)
    }

    /// One more registration holds `group` open. A group that doesn't exist is ignored.
    fn open(&self, group: u32) {
        self.with_count(group, |count| *count = count.saturating_add(1));
    }

    /// One registration less holds `group` open.
    fn close(&self, group: u32) {
        self.with_count(group, |count| *count = count.saturating_sub(1));
    }

    /// Whether everyone may join `group`. Context: process.
    fn is_open(&self, group: u32) -> bool {
        self.with_count(group, |count| *count != 0).unwrap_or(false)
    }
}

/// The connector.
#[pin_data]
pub(crate) struct Connector {
    groups: Groups,
    #[pin]
    open_groups: OpenGroups,
    #[pin]
    registry: Registry,
    notifier: Notifier,
    socket_watchers: WatchList<SocketChange>,
    #[pin]
    leaving: Leaving,
}

impl Connector {
    /// Makes a connector without a socket.
    fn new(groups: Groups, limits: Limits) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            groups,
            open_groups <- OpenGroups::new(groups.count()),
            registry <- Registry::new(),
            notifier: Notifier::new(limits)?,
            socket_watchers: WatchList::new()?,
            leaving <- Leaving::new(),
        }? Error)
    }

    /// Which groups there are.
    pub(crate) fn groups(&self) -> &Groups {
        &self.groups
    }

    /// Whether everyone may join `group`: by a module parameter, or because a registration says so.
    ///
    /// Context: process.
    pub(crate) fn is_open(&self, group: u32) -> bool {
        self.groups.is_open(group) || self.open_groups.is_open(group)
    }

    /// The registered callbacks.
    #[inline]
    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Delivers events about ids.
    pub(crate) fn notifier(&self) -> &Notifier {
        &self.notifier
    }

    /// Watchers of sockets.
    pub(crate) fn socket_watchers(&self) -> &WatchList<SocketChange> {
        &self.socket_watchers
    }

    /// Modules that are being unloaded.
    pub(crate) fn leaving(&self) -> &Leaving {
        &self.leaving
    }

    /// Registers a callback and returns the number of the registration.
    ///
    /// Context: process; may sleep.
    ///
    /// # Errors
    ///
    /// - [`EINVAL`]: the id is taken. A handler is not released then.
    /// - [`ENODEV`]: the module of the callback is being unloaded; likewise.
    /// - [`ENOMEM`]: no memory; likewise.
    pub(crate) fn register(&self, id: Id, name: Name, callback: Callback) -> Result<u64> {
        let blank = self.notifier.prepare();
        let serial = self.registry.register(
            id,
            name,
            callback,
            |entry| self.leaving.permit(entry.callback().address()),
            |entry| {
                if entry.opens_group() {
                    self.open_groups.open(entry.group());
                }
                trace_register(id, entry.name());
                self.notifier.append(blank, id, true);
            },
        )?;
        self.notifier.deliver();
        Ok(serial)
    }

    /// Unregisters the callback of an id; does nothing if there is none.
    ///
    /// With `serial`, only the registration with this number is unregistered. If another task has
    /// unregistered it already, this still waits for it.
    ///
    /// Context: process; sleeps until the callback has returned, except inside of a call.
    pub(crate) fn unregister(&self, id: Id, serial: Option<u64>) {
        let blank = self.notifier.prepare();
        let serial = self.registry.remove(
            id,
            serial,
            |entry| {
                if entry.opens_group() {
                    self.open_groups.close(entry.group());
                }
                trace_unregister(id, entry.name());
                self.notifier.append(blank, id, false);
            },
            || self.notifier.deliver(),
        );
        if let Some(serial) = serial {
            self.registry.wait(serial);
        }
    }

    /// Unregisters all callbacks for whose code `predicate` holds, and waits until they and those
    /// that were unregistered before are reclaimed. `report` is called with each of the former.
    /// Returns whether there was anything.
    ///
    /// Context: process, not inside of a call; sleeps until the callbacks have returned.
    pub(crate) fn unregister_all(
        &self,
        predicate: impl Fn(*const c_void) -> bool,
        report: impl Fn(Id, &CStr),
    ) -> bool {
        let of_code = |entry: &Entry| predicate(entry.callback().address());
        let mut found_any = self.registry.lock().dying().any(of_code);
        // The last entry that stays, from which the walk goes on.
        let stays = Cell::new(Cursor::START);
        let is_next = |entry: &Entry| {
            let is_meant = of_code(entry);
            if !is_meant {
                stays.set(Cursor::at(entry));
            }
            is_meant
        };
        loop {
            let mut cursor = stays.get();
            // By itself, so that the RCU read lock is released before anything is unregistered.
            let found = match cursor.seek(self.registry.table(), &Guard::new(), is_next) {
                Found::Entry(entry) => Some((entry.id(), entry.serial(), *entry.full_name())),
                Found::End => break,
                Found::Pause => None,
            };
            if let Some((id, serial, name)) = found {
                found_any = true;
                report(id, name.as_c_str());
                self.unregister(id, Some(serial));
            } else {
                reschedule();
            }
        }
        self.registry.wait_until_reclaimed(of_code);
        found_any
    }
}

/// The connector while it runs, else null.
static INSTANCE: Atomic<*mut Connector> = Atomic::new(core::ptr::null_mut());

/// The connector; [`None`] before it has started and after it has stopped.
#[inline]
pub(crate) fn get() -> Option<&'static Connector> {
    let connector = read_once(&INSTANCE);
    // SAFETY: The connector is freed when this module is unloaded, after its socket, its files, its
    // module notifier and its work items have ended. Every other caller is in a module that uses
    // symbols of this one, so that this one cannot be unloaded meanwhile.
    unsafe { connector.as_ref() }
}

/// Runs the connector for as long as it exists.
pub(crate) struct Instance {
    // Dropped first, since its work uses the connector.
    _workqueues: Workqueues,
    connector: Pin<KBox<Connector>>,
}

impl Instance {
    /// Makes the connector and lets [`get`] find it.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: no memory.
    pub(crate) fn start(groups: Groups, limits: Limits) -> Result<Self> {
        frame::init();
        let workqueues = Workqueues::new()?;
        let connector = KBox::pin_init(Connector::new(groups, limits), GFP_KERNEL)?;
        INSTANCE.store(
            core::ptr::from_ref(connector.as_ref().get_ref()).cast_mut(),
            Release,
        );
        Ok(Self {
            _workqueues: workqueues,
            connector,
        })
    }

    /// The connector.
    pub(crate) fn connector(&self) -> &Connector {
        &self.connector
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.connector.unregister_all(
            |_| true,
            |id, name| {
                let (idx, val) = (id.idx(), id.val());
                pr_warn!("callback {idx}:{val} ({name}) was still registered at unload; removed\n");
            },
        );
        INSTANCE.store(core::ptr::null_mut(), Release);
    }
}
