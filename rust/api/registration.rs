// SPDX-License-Identifier: GPL-2.0

//! Receiving: handlers and their registration.
//!
//! Guarantees that a handler is alive whenever it is called, whoever unregisters it and from
//! where.
//!
//! C counterparts: `cn_add_callback()` and `cn_del_callback()` in `include/linux/connector.h`.

use crate::{bindings, Id, Message, Options, Sender};
use core::marker::PhantomData;
use kernel::{
    bindings::netlink_skb_parms,
    error::{from_result, to_result},
    prelude::*,
    sync::Arc,
    types::ForeignOwnable,
};

/// What receives the messages of an id.
pub trait Handler: Send + Sync + 'static {
    /// Looks at one message.
    ///
    /// Called in the context of the program that sends, while it is in `sendmsg()`: may sleep, and
    /// may be called by several programs at once. The next message of the same program comes after
    /// this call has returned.
    ///
    /// # Errors
    ///
    /// What is returned becomes the answer for those who set `NLM_F_ACK`; others never see it.
    fn receive(&self, message: &Message<'_>, sender: &Sender<'_>) -> Result;

    /// Whether the handler wants to hear of a sender that its [`Access`](crate::Access) lets
    /// through; yes, if not said otherwise.
    ///
    /// Called before [`Self::receive`], in the same context. A message from a sender that is
    /// refused is counted, and answered with `-EPERM` if the program asked for an acknowledgment.
    ///
    /// # Examples
    ///
    /// Everyone may send who is the owner or privileged; with
    /// [`Access::Public`](crate::Access::Public):
    ///
    /// ```
    /// use connector::{Capability, Handler, Message, Sender};
    /// # use kernel::prelude::*;
    ///
    /// struct Owned {
    ///     owner: u32,
    /// }
    ///
    /// impl Handler for Owned {
    ///     fn receive(&self, _message: &Message<'_>, _sender: &Sender<'_>) -> Result {
    ///         Ok(())
    ///     }
    ///
    ///     fn permits(&self, sender: &Sender<'_>) -> bool {
    ///         sender.uid() == self.owner || sender.capable(Capability::NET_ADMIN)
    ///     }
    /// }
    /// ```
    #[inline]
    fn permits(&self, sender: &Sender<'_>) -> bool {
        let _ = sender;
        true
    }
}

/// A handler that is registered under an id, until this is dropped.
///
/// The core shares the handler: it is alive until nothing calls it any more. One handler may be
/// registered under several ids, by a clone of the [`Arc`] for each; it tells them apart by
/// [`Message::id`].
///
/// A registration can be a part of anything: of a module, of an object per device, of a list.
///
/// # Dropping
///
/// When the drop returns, the handler is not running and will not be called again. To this end the
/// drop sleeps until the calls of this handler that are under way have returned; it does not wait
/// for a grace period when there are none.
///
/// Where the drop happens inside of a call of the connector (of a handler, this one or another; of
/// a watcher; of the drop of one of them), waiting could mean to wait for itself. There it returns
/// at once: new messages don't reach the handler any more, and the core drops its [`Arc`] when the
/// last call has returned; if nothing was running, before the outermost of these calls returns. A
/// module is not unloaded before.
///
/// The last call may be that of a program, in whose context the handler is dropped then.
///
/// A handler may own its own registration, or two each other's: they end with their module.
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
    pub fn with_options(id: Id, name: &CStr, handler: Arc<H>, options: Options) -> Result<Self> {
        let name_bytes = name.to_bytes();
        if name_bytes.is_empty() || name_bytes.iter().any(u8::is_ascii_control) {
            return Err(EINVAL);
        }
        let raw_id = raw_id(id);
        let cookie = handler.into_foreign();
        let raw_handler = bindings::cn_core_handler {
            flags: options.flags(),
            capability: options.access.as_raw(),
            receive: Some(receive_callback::<H>),
            release: Some(release_callback::<H>),
            cookie,
            description: options
                .description
                .map_or(core::ptr::null(), |text| text.as_char_ptr()),
        };
        let mut serial = 0;
        // SAFETY: `raw_id`, `raw_handler` and the name live as long as the call. The functions
        // expect a cookie that came from `Arc<H>::into_foreign`, as this one does. The description
        // is `'static`: it stays as long as the module that it is in, whose memory is freed a grace
        // period after the last handler of the module was released, as `struct cn_core_handler`
        // requires it.
        let registered = to_result(unsafe {
            bindings::cn_core_register(&raw_id, name.as_char_ptr(), &raw_handler, &mut serial)
        });
        if let Err(error) = registered {
            // SAFETY: The registration failed, so the core does not have the cookie.
            drop(unsafe { Arc::<H>::from_foreign(cookie) });
            return Err(error);
        }
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
/// For those who keep registrations of several types in one place.
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
        // SAFETY: `raw_id` gives a valid id; the core knows which registration of the id is meant
        // by the serial number, and does nothing if it is gone.
        unsafe { bindings::cn_core_unregister(&raw_id(self.id), self.serial) };
    }
}

#[inline]
pub(crate) fn raw_id(id: Id) -> bindings::cb_id {
    bindings::cb_id {
        idx: id.idx(),
        val: id.val(),
    }
}

/// Hands a message of the core to the handler, if that permits it. Both in one call, so that a
/// handler which permits everyone does not pay for the question.
///
/// # Safety
///
/// `cookie` must come from `Arc<H>::into_foreign` and not have been released. For the time of the
/// call, `message` must point to a message that is followed by as many bytes as it says, `parms` to
/// the sender's data, and nobody may write to either.
unsafe extern "C" fn receive_callback<H: Handler>(
    cookie: *mut c_void,
    message: *mut bindings::cn_msg,
    parms: *mut netlink_skb_parms,
) -> c_int {
    // SAFETY: By the safety requirements the cookie came from `into_foreign` of the same type, and
    // the core releases it after this call has returned at the earliest.
    let handler = unsafe { Arc::<H>::borrow(cookie) };
    // SAFETY: By the safety requirements the message is there for the time of the call, and nobody
    // writes to it.
    let message = unsafe { Message::from_raw(message) };
    // SAFETY: By the safety requirements the sender's data are there for the time of the call, and
    // nobody writes to them.
    let sender = unsafe { Sender::from_raw(parms) };
    if !handler.permits(&sender) {
        return bindings::CN_REFUSED as c_int;
    }
    from_result(|| handler.receive(&message, &sender).map(|()| 0))
}

/// Releases the handler.
///
/// # Safety
///
/// `cookie` must come from `Arc<H>::into_foreign`; it must not be used afterwards.
unsafe extern "C" fn release_callback<H: Handler>(cookie: *mut c_void) {
    // SAFETY: By the safety requirements the cookie came from `into_foreign` of the same type, and
    // this reference, which the core had, is given back once.
    drop(unsafe { Arc::<H>::from_foreign(cookie) });
}
