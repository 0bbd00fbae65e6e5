// SPDX-License-Identifier: GPL-2.0

//! The connector: everything that a registration concerns; and the pointer to the one connector
//! of the kernel, for functions that have no argument for it.
//!
//! It removes the callbacks and watchers that modules leave behind when they are unloaded. A module
//! which is unloaded, or whose start fails, may have left callbacks behind. The next message to one
//! of them would run freed code. The connector removes and reports them. It also waits for
//! callbacks of the module that were unregistered inside of a call and have not returned yet. Code
//! of the module that still runs cannot register anything meanwhile. So nothing of the module is
//! left when its memory is freed.
//!
//! The kernel calls this for every module that is unloaded, also for those that have nothing to do
//! with the connector. Symbols do not identify its users: `symbol_get()` leaves no dependency, and
//! a module may register a function of another one. So each module is searched for: in the
//! callbacks under RCU, section by section, with the table locked only for a moment; in the
//! watchers under their locks. A module without callbacks and watchers waits for nothing, whichever
//! modules are unloaded at the same time.
//!
//! For a module with a call that has not returned, this sleeps with the rwsem of the notifier chain
//! held for reading. Other modules are loaded and unloaded meanwhile, since the chain is called by
//! readers. A task that registers or unregisters a module notifier has to wait, though, and readers
//! that come after that task wait behind it. It ends when the calls that were entered before have
//! returned: no new ones are entered.
//!
//! C counterpart: `struct cn_dev` in `include/linux/connector.h`; none of what removes callbacks,
//! since the C connector calls into the freed module.

#![forbid(unsafe_code)]

use crate::{
    calls,
    carrier::{hearing, Attachments, Carrier},
    helpers::{
        reschedule, trace_register, trace_unregister, zeroed, InstanceOwner, Leave, Module,
        OneInstance, Workqueue,
    },
    modules::Leaving,
    netlink::{Hearing, Protocol},
    notify::{Limits, Notifier, SocketChange, WatchList},
    parameters::Groups,
    sync::Count,
    table::{self, Callback, Cursor, Entry, Found, Name, Registry},
};
use connector_base::Id;
use core::cell::Cell;
use kernel::{prelude::*, sync::rcu::Guard};

/// How many registrations hold each group open.
struct OpenGroups(KVVec<Count>);

impl OpenGroups {
    /// All groups closed; they are numbered from 1 to `count`. May sleep.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: no memory.
    fn new(count: u32) -> Result<Self> {
        Ok(Self(zeroed(count as usize)?))
    }

    fn count(&self, group: u32) -> Option<&Count> {
        self.0.get((group as usize).checked_sub(1)?)
    }

    /// One more registration holds `group` open. A group that doesn't exist is ignored.
    fn open(&self, group: u32) {
        if let Some(count) = self.count(group) {
            count.increment();
        }
    }

    /// One registration less holds `group` open.
    fn close(&self, group: u32) {
        if let Some(count) = self.count(group) {
            count.decrement();
        }
    }

    /// Whether everyone may join `group`.
    fn is_open(&self, group: u32) -> bool {
        self.count(group).is_some_and(|count| !count.is_zero())
    }
}

/// The connector.
#[pin_data]
pub(crate) struct Connector {
    groups: Groups,
    open_groups: OpenGroups,
    #[pin]
    attachments: Attachments,
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
            open_groups: OpenGroups::new(groups.count())?,
            attachments <- Attachments::new(),
            registry <- Registry::new(),
            notifier: Notifier::new(limits, hearing_of)?,
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
    /// Context: any.
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
    /// - [`EINTR`]: a guest alone: a signal came while another task registered the same id;
    ///   likewise.
    pub(crate) fn register(&self, id: Id, name: Name, callback: Callback) -> Result<u64> {
        let blank = self.notifier.prepare();
        let serial = {
            // Before the table knows of it. A message that comes meanwhile is one to an unknown id.
            let attach = || self.attachments.attach(id, &name);
            let attached = attach().or_else(|error| {
                if error != EINVAL {
                    return Err(error);
                }
                // A task may have removed the id from the table, and be about to detach it. It does
                // both in one critical section.
                drop(self.registry.lock());
                attach()
            });
            let _attaching = attached?;
            let registered = self.registry.register(
                id,
                name,
                callback,
                |entry| self.leaving.permit(entry.callback().address()),
                |entry| {
                    if entry.opens_group() {
                        self.open_groups.open(entry.group());
                    }
                    trace_register(id, || entry.name());
                    self.notifier.append(blank, id, true);
                },
            );
            registered.inspect_err(|_| self.attachments.detach(id))?
        };
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
                trace_unregister(id, || entry.name());
                self.notifier.append(blank, id, false);
                // With the table locked, so that nobody else has attached the id.
                self.attachments.detach(id);
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

    /// Whether a callback for whose code `is_meant` holds is registered, or was unregistered and is
    /// not reclaimed yet. Such code must not be permitted to register any more.
    ///
    /// Context: process; may sleep.
    fn has_callbacks(&self, is_meant: impl Fn(*const c_void) -> bool) -> bool {
        let is_of_code = |entry: &Entry| is_meant(entry.callback().address());
        // A task that was permitted to register has done so when this lock is acquired: both happen
        // in one critical section.
        drop(self.registry.lock());
        // In this order: what is unregistered while the live ones are passed is among the dying
        // ones then.
        table::any(self.registry.table(), is_of_code)
            || self.registry.lock().dying().any(is_of_code)
    }

    /// Removes everything whose code is meant, waits until it is reclaimed, and returns whether
    /// there was anything.
    fn remove_all(&self, is_meant: impl Fn(*const c_void) -> bool) -> bool {
        let report = |id: Id, name: &CStr| {
            let (idx, val) = (id.idx(), id.val());
            pr_warn!(
                "a module was unloaded without unregistering callback {idx}:{val} ({name}); \
                 removed\n"
            );
        };
        let found = self.has_callbacks(&is_meant) && self.unregister_all(&is_meant, report);
        let watchers = self
            .notifier
            .unwatch_all(&is_meant)
            .saturating_add(self.socket_watchers.remove_all(&is_meant));
        if watchers != 0 {
            pr_warn!("a module was unloaded without removing {watchers} watchers; removed\n");
        }
        found || watchers != 0
    }
}

impl Leave for Connector {
    /// Removes the callbacks and watchers that a module left behind.
    fn leaves(module: &Module) {
        let Some(connector) = get() else {
            return;
        };
        connector.leaving.while_refused(module, || {
            // A release may drop further registrations. The module cannot make new ones.
            while connector.remove_all(|address| module.contains(address)) {}
        });
    }
}

static CONNECTOR: OneInstance<Connector> = OneInstance::new();

/// The connector; [`None`] before it has started and after it has stopped.
#[inline]
pub(crate) fn get() -> Option<&'static Connector> {
    CONNECTOR.get()
}

/// Which members of a group can receive a message. Context: any.
#[inline(always)]
pub(crate) fn hearing_of(group: u32) -> Hearing {
    hearing(|| get().is_some_and(|connector| connector.is_open(group)))
}

/// Runs the connector for as long as it exists.
///
/// What uses the connector is dropped before it: calls of the carrier, which cause work, and work.
/// Without callbacks, which the drop of this unregisters first, nothing causes work any more.
pub(crate) struct RunningConnector {
    carrier: Carrier,
    _workqueue: Workqueue,
    connector: InstanceOwner<Connector>,
}

impl RunningConnector {
    /// Makes the connector and lets [`get`] find it.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: no memory.
    pub(crate) fn start<P: Protocol>(groups: Groups, limits: Limits) -> Result<Self> {
        calls::init();
        let workqueue = Workqueue::new()?;
        let carrier = Carrier::new::<P>()?;
        let connector = Connector::new(groups, limits);
        let connector = KBox::pin_init(connector, GFP_KERNEL)?;
        Ok(Self {
            carrier,
            _workqueue: workqueue,
            connector: CONNECTOR.own(connector),
        })
    }

    /// The connector.
    pub(crate) fn connector(&self) -> &Connector {
        &self.connector
    }

    /// What it is attached to.
    pub(crate) fn carrier(&self) -> &Carrier {
        &self.carrier
    }
}

impl Drop for RunningConnector {
    fn drop(&mut self) {
        self.connector.unregister_all(
            |_| true,
            |id, name| {
                let (idx, val) = (id.idx(), id.val());
                pr_warn!("callback {idx}:{val} ({name}) was still registered at unload; removed\n");
            },
        );
    }
}
