// SPDX-License-Identifier: GPL-2.0

//! The common module: handlers and their ids, and nothing else.

#![forbid(unsafe_code)]

use crate::{AnyRegistration, Handler, Id, Options, Registration};
use kernel::{prelude::*, sync::Arc};

/// Declares a kernel module that registers handlers when it is loaded, and nothing else.
///
/// Takes what [`module!`](kernel::prelude::module) takes, without the type and with the list of
/// handlers. Each one has the ids under which it is registered, the name that `/proc/net/connector`
/// shows, and the [`Options`], if the defaults (privileged senders and listeners) are not meant.
/// `handler` is the handler, or an initialiser of it as `pin_init!` makes them.
///
/// When one registration fails, the module is not loaded: with `EINVAL` if an id is taken, or if a
/// name is empty or has control characters.
///
/// # Examples
///
/// ```
/// use connector::{Access, Handler, Id, Message, Options, Sender};
/// use kernel::prelude::*;
///
/// struct Echo;
///
/// impl Handler for Echo {
///     fn receive(&self, message: &Message<'_>, sender: &Sender<'_>) -> Result {
///         sender.reply(message, message.payload())
///     }
/// }
///
/// connector::module_connector! {
///     name: "my_echo",
///     authors: ["Me"],
///     description: "Replies to all programs with the payload of the request",
///     license: "GPL",
///     handlers: [
///         {
///             ids: [Id::new(20, 1), Id::new(20, 2)],
///             name: c"my_echo",
///             handler: Echo,
///             options: Options::new().access(Access::Public),
///         },
///     ],
/// }
/// ```
#[macro_export]
macro_rules! module_connector {
    (@one $id:expr) => { 1 };

    (@options) => { $crate::Options::new() };
    (@options $options:expr) => { $options };

    (
        name: $module:tt,
        authors: $authors:tt,
        description: $description:tt,
        license: $license:tt,
        handlers: [
            $({
                ids: [$($id:expr),+ $(,)?],
                name: $name:expr,
                handler: $handler:expr
                $(, options: $options:expr)?
                $(,)?
            }),+ $(,)?
        ] $(,)?
    ) => {
        ::kernel::prelude::module! {
            type: ConnectorModule,
            name: $module,
            authors: $authors,
            description: $description,
            license: $license,
            imports_ns: ["CONNECTOR"],
        }

        /// The registrations of the module.
        struct ConnectorModule {
            _registrations: $crate::Registrations<
                { 0 $($(+ $crate::module_connector!(@one $id))+)+ },
            >,
        }

        impl ::kernel::Module for ConnectorModule {
            fn init(_module: &'static ::kernel::ThisModule) -> ::kernel::error::Result<Self> {
                let mut registrations = $crate::Registrations::new();
                $(
                    registrations.register(
                        &[$($id),+],
                        $name,
                        $handler,
                        $crate::module_connector!(@options $($options)?),
                    )?;
                )+
                Ok(Self {
                    _registrations: registrations,
                })
            }
        }
    };
}

/// The registrations of a module, unregistered in the order in which they were made.
///
/// For [`module_connector!`](crate::module_connector!) only.
pub struct Registrations<const N: usize>([Option<AnyRegistration>; N]);

impl<const N: usize> Registrations<N> {
    /// None yet.
    #[inline]
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self([const { None }; N])
    }

    /// Registers a handler under all `ids`.
    ///
    /// # Errors
    ///
    /// As [`Registration::with_options`], and the error of the initialiser.
    pub fn register<H: Handler, E>(
        &mut self,
        ids: &[Id],
        name: &CStr,
        handler: impl PinInit<H, E>,
        options: Options,
    ) -> Result
    where
        Error: From<E>,
    {
        let handler = Arc::pin_init(handler, GFP_KERNEL)?;
        for &id in ids {
            let registration = Registration::with_options(id, name, handler.clone(), options)?;
            if let Some(free) = self.0.iter_mut().find(|slot| slot.is_none()) {
                *free = Some(registration.into());
            }
        }
        Ok(())
    }
}
