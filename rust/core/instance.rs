// SPDX-License-Identifier: GPL-2.0

//! The one connector of the kernel, and how C functions without an argument for it find it.

use crate::{
    entry::{Callback, Entry, Name},
    notifier::{Limits, Notifier},
    once::read_once,
    open_groups::OpenGroups,
    parameters::Groups,
    registry::Registry,
    socket_watchers::SocketWatchers,
    trace,
};
use connector::Id;
use kernel::{
    prelude::*,
    sync::atomic::{Atomic, Release},
};

/// The connector.
#[pin_data]
pub(crate) struct Connector {
    groups: Groups,
    #[pin]
    open_groups: OpenGroups,
    #[pin]
    registry: Registry,
    #[pin]
    notifier: Notifier,
    #[pin]
    socket_watchers: SocketWatchers,
}

impl Connector {
    /// Makes a connector without a socket.
    fn new(groups: Groups, limits: Limits) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            groups,
            open_groups <- OpenGroups::new(groups.count()),
            registry <- Registry::new(),
            notifier <- Notifier::new(limits),
            socket_watchers <- SocketWatchers::new(),
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

    /// Who is told of ids that come and go.
    pub(crate) fn notifier(&self) -> &Notifier {
        &self.notifier
    }

    /// Who is told of sockets.
    pub(crate) fn socket_watchers(&self) -> &SocketWatchers {
        &self.socket_watchers
    }

    /// Registers a callback and returns the number of the registration.
    ///
    /// Context: process; may sleep.
    ///
    /// # Errors
    ///
    /// - [`EINVAL`]: the id is taken. A handler is not released then.
    /// - [`ENOMEM`]: no memory.
    pub(crate) fn register(&self, id: Id, name: Name, callback: Callback) -> Result<u64> {
        let serial = self.registry.register(id, name, callback, |entry| {
            if entry.opens_group() {
                self.open_groups.open(entry.group());
            }
            trace::register(id, entry.name());
            self.notifier.note(id, true);
        })?;
        self.notifier.tell();
        Ok(serial)
    }

    /// Unregisters the callback of an id; does nothing if there is none.
    ///
    /// With `serial`, only the registration with this number is meant: one that somebody else has
    /// unregistered already is still waited for.
    ///
    /// Context: process; sleeps until the callback has returned, except inside of a callback or a
    /// watcher.
    pub(crate) fn unregister(&self, id: Id, serial: Option<u64>) {
        let serial = self.registry.remove(id, serial, |entry| {
            if entry.opens_group() {
                self.open_groups.close(entry.group());
            }
            trace::unregister(id, entry.name());
            self.notifier.note(id, false);
        });
        self.notifier.tell();
        if let Some(serial) = serial {
            if !self.notifier.is_teller() {
                self.registry.wait(serial);
            }
        }
    }

    /// Unregisters all callbacks for which `predicate` holds, and waits until they and those that
    /// were unregistered before are let go of. `report` is called with each of the former.
    ///
    /// Context: process, not inside a callback; sleeps until the callbacks have returned.
    pub(crate) fn unregister_all(
        &self,
        predicate: impl Fn(&Entry) -> bool,
        report: impl Fn(&Entry),
    ) {
        loop {
            let mut found = None;
            for entry in self.registry.lock().entries() {
                if predicate(entry) {
                    report(entry);
                    found = Some((entry.id(), entry.serial()));
                    break;
                }
            }
            let Some((id, serial)) = found else {
                break;
            };
            self.unregister(id, Some(serial));
        }
        self.registry.wait_for_all(predicate);
    }
}

/// The connector while it runs, else null.
static INSTANCE: Atomic<*mut Connector> = Atomic::new(core::ptr::null_mut());

/// The connector; [`None`] before it has started and after it has stopped.
#[inline]
pub(crate) fn get() -> Option<&'static Connector> {
    let connector = read_once(&INSTANCE);
    // SAFETY: The connector is freed when this module is unloaded, after its socket was closed and
    // its files removed. Whoever else calls is in a module that uses symbols of this one, so that
    // it cannot be unloaded meanwhile.
    unsafe { connector.as_ref() }
}

/// Runs the connector for as long as it exists.
pub(crate) struct Instance(Pin<KBox<Connector>>);

impl Instance {
    /// Makes the connector and lets [`get`] find it.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: no memory.
    pub(crate) fn start(groups: Groups, limits: Limits) -> Result<Self> {
        let connector = KBox::pin_init(Connector::new(groups, limits), GFP_KERNEL)?;
        INSTANCE.store(
            core::ptr::from_ref(connector.as_ref().get_ref()).cast_mut(),
            Release,
        );
        Ok(Self(connector))
    }

    /// The connector.
    pub(crate) fn connector(&self) -> &Connector {
        &self.0
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.0.unregister_all(
            |_| true,
            |entry| {
                pr_warn!(
                    "callback {}:{} ({}) was still registered at unload; removed\n",
                    entry.id().idx(),
                    entry.id().val(),
                    entry.name(),
                );
            },
        );
        INSTANCE.store(core::ptr::null_mut(), Release);
    }
}
