// SPDX-License-Identifier: GPL-2.0

//! Receiving: handlers and their registration.
//!
//! Guarantees that a handler is alive whenever it is called, whoever unregisters it and from
//! where.
//!
//! C counterparts: `cn_add_callback()` and `cn_del_callback()` in `include/linux/connector.h`.

use crate::{bindings, Id, Message, Sender};
use core::marker::PhantomData;
use kernel::{
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
}

/// A handler that is registered under an id, until this is dropped.
///
/// The core shares the handler: it is alive until nothing calls it any more. One handler may be
/// registered under several ids, by a clone of the [`Arc`] for each.
///
/// # Dropping
///
/// When the drop returns, the handler is not running and will not be called again. To this end the
/// drop sleeps until the calls that are under way have returned; it does not wait for a grace
/// period when there are none.
///
/// Where the drop happens inside a handler (its own or that of another id), waiting could mean to
/// wait for itself. There it returns at once: new messages don't reach the handler any more, and
/// the core lets go of the [`Arc`] when the last call has returned. A module is not unloaded before.
pub struct Registration<H: Handler> {
    id: Id,
    serial: u64,
    _handler: PhantomData<Arc<H>>,
}

impl<H: Handler> Registration<H> {
    /// Registers `handler` under `id`.
    ///
    /// `name` is shown in `/proc/net/connector`; it is cut after 31 bytes. The group of the id is
    /// its index. May sleep.
    ///
    /// # Errors
    ///
    /// - [`EINVAL`]: the id is taken.
    /// - [`EAGAIN`]: the connector has not started yet.
    /// - [`ENOMEM`]: no memory.
    pub fn new(id: Id, name: &CStr, handler: Arc<H>) -> Result<Self> {
        let raw_id = as_raw(id);
        let cookie = handler.into_foreign();
        let mut serial = 0;
        // SAFETY: `raw_id` and `name` live as long as the call; the two functions expect a cookie
        // that came from `Arc<H>::into_foreign`, as this one does.
        let raw_handler = bindings::cn_core_handler {
            version: bindings::CN_CORE_VERSION,
            flags: 0,
            capability: bindings::CN_ANYONE,
            receive: Some(receive_callback::<H>),
            permit: None,
            release: Some(release_callback::<H>),
            cookie,
            description: core::ptr::null(),
        };
        let registered = to_result(unsafe {
            bindings::cn_core_register(
                &raw_id,
                kernel::str::CStrExt::as_char_ptr(name),
                &raw_handler,
                &mut serial,
            )
        });
        if let Err(error) = registered {
            // SAFETY: The registration failed, so the core does not have the cookie.
            drop(unsafe { Arc::<H>::from_foreign(cookie) });
            return Err(error);
        }
        Ok(Self {
            id,
            serial,
            _handler: PhantomData,
        })
    }

    /// The id.
    #[inline]
    pub fn id(&self) -> Id {
        self.id
    }
}

impl<H: Handler> Drop for Registration<H> {
    fn drop(&mut self) {
        // SAFETY: `as_raw` gives a valid id; the core knows which registration of the id is meant
        // by the serial number, and does nothing if it is gone.
        unsafe { bindings::cn_core_unregister(&as_raw(self.id), self.serial) };
    }
}

#[inline]
fn as_raw(id: Id) -> bindings::cb_id {
    bindings::cb_id {
        idx: id.idx(),
        val: id.val(),
    }
}

/// Hands a message of the core to the handler.
///
/// # Safety
///
/// `cookie` must come from `Arc<H>::into_foreign` and not have been released. For the time of the
/// call, `message` must point to a message that is followed by as many bytes as it says, `parms` to
/// the sender's data, and nobody may write to either.
unsafe extern "C" fn receive_callback<H: Handler>(
    cookie: *mut c_void,
    message: *mut bindings::cn_msg,
    parms: *mut kernel::bindings::netlink_skb_parms,
) -> c_int {
    // SAFETY: By the safety requirements of this function.
    let handler = unsafe { Arc::<H>::borrow(cookie) };
    // SAFETY: By the safety requirements of this function.
    let message = unsafe { Message::from_raw(message) };
    // SAFETY: By the safety requirements of this function.
    let sender = Sender::new(unsafe { &*parms });
    from_result(|| handler.receive(&message, &sender).map(|()| 0))
}

/// Lets go of the handler.
///
/// # Safety
///
/// `cookie` must come from `Arc<H>::into_foreign`; it must not be used afterwards.
unsafe extern "C" fn release_callback<H: Handler>(cookie: *mut c_void) {
    // SAFETY: By the safety requirements of this function.
    drop(unsafe { Arc::<H>::from_foreign(cookie) });
}
