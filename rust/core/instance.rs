// SPDX-License-Identifier: GPL-2.0

//! The one connector of the kernel, and how C functions without an argument for it find it.

use crate::{once::read_once, parameters::Groups, registry::Registry, socket::Handle};
use kernel::{
    prelude::*,
    sync::{
        atomic::{Atomic, Release},
        SetOnce,
    },
};

/// The connector.
#[pin_data]
pub(crate) struct Connector {
    groups: Groups,
    /// Set once messages can be sent.
    socket: SetOnce<Handle>,
    #[pin]
    registry: Registry,
}

impl Connector {
    /// Makes a connector without a socket.
    fn new(groups: Groups) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            groups,
            socket: SetOnce::new(),
            registry <- Registry::new(),
        }? Error)
    }

    /// Which groups there are.
    pub(crate) fn groups(&self) -> &Groups {
        &self.groups
    }

    /// The registered callbacks.
    #[inline]
    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The socket to send through; [`None`] before it exists.
    #[inline]
    pub(crate) fn socket(&self) -> Option<Handle> {
        self.socket.copy()
    }

    /// Lets messages be sent.
    pub(crate) fn set_socket(&self, socket: Handle) {
        self.socket.populate(socket);
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
    pub(crate) fn start(groups: Groups) -> Result<Self> {
        let connector = KBox::pin_init(Connector::new(groups), GFP_KERNEL)?;
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
        self.0.registry().unregister_all(
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
