// SPDX-License-Identifier: GPL-2.0

//! The registration of handlers.
//!
//! Guarantees that a handler is alive whenever it is called, whichever task unregisters it, and
//! from whichever context.
//!
//! C counterparts: `cn_add_callback()` and `cn_del_callback()` in `include/linux/connector.h`.

#![forbid(unsafe_code)]

use crate::{callbacks, Handler, Id, Options};
use core::marker::PhantomData;
use kernel::{prelude::*, sync::Arc};

/// A handler that is registered under an id, until this is dropped.
///
/// The core shares the handler: it is alive until nothing calls it any more. One handler may be
/// registered under several ids, by a clone of the [`Arc`] for each;
/// [`Message::id`](crate::Message::id) says which one a message is for.
///
/// A registration can be a part of anything: of a module, of an object per device, of a list.
///
/// # Dropping
///
/// When the drop returns, the handler is not running and is not called again. The drop sleeps until
/// the running calls of this handler have returned; it does not wait for a grace period when there
/// are none.
///
/// A drop inside of a call of the connector (of a handler, this one or another; of a watcher; of
/// the drop of one of them) could wait for itself. There it returns at once. New messages do not
/// reach the handler any more, and the core drops its [`Arc`] when the last call has returned; if
/// none was running, before the outermost of these calls returns. The module is not unloaded
/// before.
///
/// The last call may be that of a program, in whose context the handler is dropped then.
///
/// A handler may own its own registration, and two handlers may own each other's. Such
/// registrations end with their module.
#[must_use = "a registration ends when it is dropped"]
pub struct Registration<H: Handler> {
    registered: AnyRegistration,
    _handler: PhantomData<Arc<H>>,
}

impl<H: Handler> Registration<H> {
    /// Registers `handler` under `id` for privileged senders and listeners.
    ///
    /// The short form of [`Self::with_options`] with [`Options::new`].
    ///
    /// # Errors
    ///
    /// As [`Self::with_options`].
    pub fn new(id: Id, name: &CStr, handler: Arc<H>) -> Result<Self> {
        Self::with_options(id, name, handler, Options::new())
    }

    /// Registers `handler` under `id`.
    ///
    /// `name` is shown in `/proc/net/connector`, on one line with others; it is cut after 31 bytes.
    /// The group of the id is its index. May sleep.
    ///
    /// # Errors
    ///
    /// - [`EINVAL`]: the id is taken; or `name` is empty or has control characters (bytes below
    ///   0x20, and 0x7f).
    /// - [`EAGAIN`]: the connector has not started yet.
    /// - [`ENODEV`]: the module is being unloaded.
    /// - [`ENOMEM`]: no memory.
    /// - [`EINTR`]: a signal came while another task registered the same id, on a kernel with a
    ///   built-in C connector.
    pub fn with_options(id: Id, name: &CStr, handler: Arc<H>, options: Options) -> Result<Self> {
        let name_bytes = name.to_bytes();
        if name_bytes.is_empty() || name_bytes.iter().any(u8::is_ascii_control) {
            return Err(EINVAL);
        }
        let serial = callbacks::register(id, name, handler, options)?;
        Ok(Self {
            registered: AnyRegistration { id, serial },
            _handler: PhantomData,
        })
    }

    /// The id.
    #[inline]
    pub fn id(&self) -> Id {
        self.registered.id
    }
}

/// A registration of a handler of any type; dropping it is as dropping [`Registration`].
///
/// To keep registrations of several types in one place.
///
/// # Examples
///
/// ```
/// # use connector::{AnyRegistration, Handler, Id, Registration};
/// # use kernel::{prelude::*, sync::Arc};
/// fn both<A: Handler, B: Handler>(a: Arc<A>, b: Arc<B>) -> Result<[AnyRegistration; 2]> {
///     Ok([
///         Registration::new(Id::new(20, 1), c"a", a)?.into(),
///         Registration::new(Id::new(20, 2), c"b", b)?.into(),
///     ])
/// }
/// ```
#[must_use = "a registration ends when it is dropped"]
pub struct AnyRegistration {
    id: Id,
    serial: u64,
}

impl AnyRegistration {
    /// The id.
    #[inline]
    pub fn id(&self) -> Id {
        self.id
    }
}

impl<H: Handler> From<Registration<H>> for AnyRegistration {
    #[inline]
    fn from(registration: Registration<H>) -> Self {
        registration.registered
    }
}

impl Drop for AnyRegistration {
    #[inline]
    fn drop(&mut self) {
        callbacks::unregister(self.id, self.serial);
    }
}
