// SPDX-License-Identifier: GPL-2.0

//! Functions that the core calls: handlers, watchers, and filters of listeners.
//!
//! Guarantees that each function gets the data that belong to it, and that a message, a sender or a
//! listener is valid during the call that gets it. With [`raw`](crate::raw), this is the only file
//! of the crate that says `unsafe`.
//!
//! C counterpart: `glue/cn_glue.h`, the types `cn_core_*_fn`.

#![allow(unsafe_code)]

use crate::{
    bindings,
    raw::{Credentials, Destination, Socket},
    wire::Header,
    Handler, Id, Message, Options, Sender, SocketId,
};
use kernel::{
    bindings::{netlink_skb_parms, sk_buff, sock},
    error::{from_result, to_result},
    prelude::*,
    sync::Arc,
    types::ForeignOwnable,
};

/// Registers a handler, and returns the number of the registration. May sleep.
///
/// # Errors
///
/// As [`Registration::with_options`](crate::Registration::with_options).
pub(crate) fn register<H: Handler>(
    id: Id,
    name: &CStr,
    handler: Arc<H>,
    options: Options,
) -> Result<u64> {
    let raw_id = id.into();
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
    // SAFETY: `raw_id`, `raw_handler` and the name live as long as the call. The functions expect a
    // cookie that came from `Arc<H>::into_foreign`, as this one does. The description is `'static`:
    // it stays as long as the module that it is in, whose memory is freed a grace period after the
    // last handler of the module was released, as `struct cn_core_handler` requires it.
    let registered = to_result(unsafe {
        bindings::cn_core_register(&raw_id, name.as_char_ptr(), &raw_handler, &mut serial)
    });
    if let Err(error) = registered {
        // SAFETY: The registration failed, so the core does not have the cookie.
        drop(unsafe { Arc::<H>::from_foreign(cookie) });
        return Err(error);
    }
    Ok(serial)
}

/// Ends the registration of an id with this number, if it is still there.
#[inline]
pub(crate) fn unregister(id: Id, serial: u64) {
    // SAFETY: The id is converted to one of C; the number says which registration of the id is
    // meant, and the core does nothing if it is gone.
    unsafe { bindings::cn_core_unregister(&id.into(), serial) };
}

/// Passes a message of the core to the handler, if the handler permits its sender. Both happen in
/// one call, so that a handler which permits all senders does not pay for the check.
///
/// # Safety
///
/// `cookie` must come from `Arc<H>::into_foreign` and not have been released. For the time of the
/// call, `message` must point to a message that is followed by as many bytes as it says, `parms` to
/// the sender's data, and neither may be written to.
unsafe extern "C" fn receive_callback<H: Handler>(
    cookie: *mut c_void,
    message: *mut bindings::cn_msg,
    parms: *mut netlink_skb_parms,
) -> c_int {
    // SAFETY: By the safety requirements the cookie came from `into_foreign` of the same type, and
    // the core releases it after this call has returned at the earliest.
    let handler = unsafe { Arc::<H>::borrow(cookie) };
    // SAFETY: By the safety requirements the message is there for the time of the call, and is not
    // written to.
    let message = unsafe { view_message(message) };
    // SAFETY: By the safety requirements the sender's data are there for the time of the call, and
    // are not written to. The core calls this in the context of the sender.
    let sender = Sender::new(unsafe { Credentials::from_raw(parms) });
    if !handler.permits(&sender) {
        return bindings::CN_REFUSED as c_int;
    }
    from_result(|| handler.receive(&message, &sender).map(|()| 0))
}

/// Makes a view of a message of the core.
///
/// # Safety
///
/// For `'a`, `message` must point to a `cn_msg` that is followed by as many bytes as it says, and
/// these must not be written to.
#[inline]
unsafe fn view_message<'a>(message: *const bindings::cn_msg) -> Message<'a> {
    // SAFETY: The caller guarantees that the header is there; `Header` has its layout.
    let header = unsafe { message.cast::<Header>().read() };
    // SAFETY: The caller guarantees that the payload follows the header, which is 20 bytes long
    // without padding behind it.
    let payload = unsafe { message.cast::<u8>().add(size_of::<Header>()) };
    // SAFETY: The caller guarantees that there are as many bytes, and that they don't change.
    let payload = unsafe { core::slice::from_raw_parts(payload, usize::from(header.len)) };
    Message::new(header, payload)
}

/// A kind of watcher, and how it is called.
pub(crate) trait Kind<W> {
    /// The constant of the interface.
    const WHAT: u32;

    /// Calls a watcher with a notification of the core.
    fn call(watcher: &W, change: u32, subject: u64);
}

/// Has the core call a watcher, and returns the number of the watch. May sleep.
///
/// # Errors
///
/// As [`Watch::new`](crate::Watch::new).
pub(crate) fn watch<W: Send + Sync + 'static, K: Kind<W>>(watcher: Arc<W>) -> Result<u64> {
    let cookie = watcher.into_foreign();
    let mut serial = 0;
    // SAFETY: The two functions expect a cookie that came from `Arc<W>::into_foreign`, as this one
    // does, and which all tasks may use; `serial` can be written to.
    let watched = to_result(unsafe {
        bindings::cn_core_watch(
            K::WHAT,
            Some(watch_callback::<W, K>),
            Some(release_callback::<W>),
            cookie,
            &mut serial,
        )
    });
    if let Err(error) = watched {
        // SAFETY: The core does not have the cookie.
        drop(unsafe { Arc::<W>::from_foreign(cookie) });
        return Err(error);
    }
    Ok(serial)
}

/// Ends the watch of ids or sockets with this number.
#[inline]
pub(crate) fn unwatch(what: u32, serial: u64) {
    // SAFETY: The number, which is never used again, says which watcher is meant.
    unsafe { bindings::cn_core_unwatch(what, serial) };
}

/// Calls the watcher.
///
/// # Safety
///
/// `cookie` must come from `Arc<W>::into_foreign` and not have been released.
unsafe extern "C" fn watch_callback<W: 'static, K: Kind<W>>(
    cookie: *mut c_void,
    change: u32,
    subject: u64,
) {
    // SAFETY: By the safety requirements of this function.
    let watcher = unsafe { Arc::<W>::borrow(cookie) };
    K::call(&watcher, change, subject);
}

/// Releases a handler or a watcher.
///
/// # Safety
///
/// `cookie` must come from `Arc<T>::into_foreign`; it must not be used afterwards.
unsafe extern "C" fn release_callback<T: 'static>(cookie: *mut c_void) {
    // SAFETY: By the safety requirements the cookie came from `into_foreign` of the same type, and
    // this reference, which the core had, is given back once.
    drop(unsafe { Arc::<T>::from_foreign(cookie) });
}

/// A socket that listens to the group of a message which is being sent.
///
/// Netlink does not say which port, user or rights the socket has. If a module needs them, the
/// program has to send a message first. The [`Sender`] of that message has the same [`SocketId`].
pub struct Listener<'a> {
    socket: Socket<'a>,
}

impl Listener<'_> {
    /// Which socket it is.
    #[inline]
    pub fn socket(&self) -> SocketId {
        self.socket.id()
    }

    /// How many messages the socket has missed since it was opened because its receive buffer was
    /// full. The program reads the same number by `SO_MEMINFO`, and `/proc/net/netlink` shows it.
    #[inline]
    pub fn drops(&self) -> u32 {
        self.socket.drops()
    }
}

/// A filter of listeners.
///
/// Not `dyn FnMut`: through that the compiler calls a closure which changes nothing, and so is an
/// `Fn`, by another signature than it gave its code, which a kernel with kCFI takes for an attack.
pub(crate) trait Choose {
    /// Whether a listener gets the message.
    fn chooses(&mut self, listener: &Listener<'_>) -> bool;
}

impl<F> Choose for F
where
    F: FnMut(&Listener<'_>) -> bool,
{
    #[inline]
    fn chooses(&mut self, listener: &Listener<'_>) -> bool {
        self(listener)
    }
}

/// Chooses the listeners that get a message, and remembers whether any was chosen.
pub(crate) struct Choice<'f> {
    filter: Option<&'f mut (dyn Choose + 'f)>,
    has_chosen: bool,
}

impl<'f> Choice<'f> {
    /// Chooses what `filter` chooses; without one, every listener.
    #[inline]
    pub(crate) fn new(filter: Option<&'f mut (dyn Choose + 'f)>) -> Self {
        Self {
            filter,
            has_chosen: false,
        }
    }

    /// Calls `send` with the destination, of whose listeners this chooses.
    #[inline]
    pub(crate) fn send(
        &mut self,
        destination: Destination<'_>,
        send: impl FnOnce(&Destination<'_>) -> c_int,
    ) -> c_int {
        // SAFETY: The function expects a `Choice`, which is borrowed until `send` returns. The core
        // calls it with sockets that netlink keeps meanwhile.
        let chosen = unsafe {
            destination.with_filter(Some(filter_callback), core::ptr::from_mut(self).cast())
        };
        send(&chosen)
    }

    /// Offers the socket of each listener to a group, which is not 0. Returns 0 or a negative
    /// error.
    #[inline]
    pub(crate) fn visit(&mut self, group: u32) -> c_int {
        // SAFETY: The function expects a `Choice`, which is borrowed during the call.
        unsafe {
            bindings::cn_core_visit(
                group,
                Some(filter_callback),
                core::ptr::from_mut(self).cast(),
            )
        }
    }

    /// Whether any listener was chosen.
    #[inline]
    pub(crate) fn has_chosen(&self) -> bool {
        self.has_chosen
    }
}

/// Asks the filter about one listener; returns 0 for yes.
///
/// # Safety
///
/// `socket` must be a socket that is kept during the call, and `data` a [`Choice`] that nothing
/// else uses meanwhile.
#[inline]
unsafe extern "C" fn filter_callback(
    socket: *mut sock,
    _skb: *mut sk_buff,
    data: *mut c_void,
) -> c_int {
    // SAFETY: By the safety requirements.
    let choice = unsafe { &mut *data.cast::<Choice<'_>>() };
    // SAFETY: By the safety requirements.
    let socket = unsafe { Socket::from_raw(socket) };
    let listener = Listener { socket };
    let yes = match &mut choice.filter {
        Some(filter) => filter.chooses(&listener),
        None => true,
    };
    choice.has_chosen |= yes;
    c_int::from(!yes)
}
