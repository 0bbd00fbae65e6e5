// SPDX-License-Identifier: GPL-2.0

//! The functions that other modules call; exported by `glue/cn_glue.c`. Those for the crate have
//! the version of the interface in their exported names, as the header says.
//!
//! Turns raw pointers into references in the first lines, and results into numbers in the last.
//! Each definition is compared with its declaration in C.
//!
//! C counterpart: `include/linux/connector.h`.

#![allow(unsafe_code)]

use crate::{
    calls::Function,
    connector,
    netlink::{socket, Filter, SenderParms, Unwritten},
    send::{has_listeners, post, send, CoreTarget, Failure, Receivers},
    stats::Counter,
    table::{CFunction, Callback, CoreHandler, Name},
};
use connector_base::{
    bindings::{
        self, cb_id, cn_core_handler, cn_core_release_fn, cn_core_target, cn_core_watch_fn, cn_msg,
        CN_NOT_TAKEN, CN_TO_GROUP, CN_TO_PORT, CN_WATCH_IDS, CN_WATCH_SOCKETS,
    },
    wire::{Header, HEADER_LEN},
    Id,
};
use core::{ptr::NonNull, slice};
use kernel::{
    bindings::{gfp_t, netlink_filter_fn, netlink_skb_parms, sk_buff, GFP_KERNEL as GFP_MAY_SLEEP},
    prelude::*,
};

/// Fails to compile if a definition differs from the declaration in the header.
macro_rules! assert_declared {
    ($($name:ident),* $(,)?) => {
        $(const _: () = {
            // Both branches of an `if` have the same type.
            if true {
                bindings::$name
            } else {
                $name
            };
        };)*
    };
}

assert_declared!(
    cn_add_callback,
    cn_del_callback,
    cn_netlink_send,
    cn_netlink_send_mult,
    cn_core_register,
    cn_core_unregister,
    cn_core_send,
    cn_core_alloc,
    cn_core_post,
    cn_core_free,
    cn_core_has_listeners,
    cn_core_capable,
    cn_core_watch,
    cn_core_unwatch,
    cn_core_visit,
);

/// Registers a callback under an id.
///
/// Context: process; may sleep. Returns 0, or:
///
/// - `-EINVAL`: the id is taken, or the callback is null.
/// - `-EAGAIN`: the connector has not started yet.
/// - `-ENODEV`: the module of the callback is being unloaded.
/// - `-ENOMEM`: no memory.
///
/// # Safety
///
/// `id` must point to an id, `name` to a string. `callback` must be callable until it is
/// unregistered.
#[no_mangle]
unsafe extern "C" fn cn_add_callback(
    id: *const cb_id,
    name: *const c_char,
    callback: Option<unsafe extern "C" fn(*mut cn_msg, *mut netlink_skb_parms)>,
) -> c_int {
    let Some(callback) = callback else {
        return EINVAL.to_errno();
    };
    // SAFETY: By the safety requirements of this function.
    let callback = Callback::C(unsafe { CFunction::new(callback) });
    // SAFETY: As above.
    match unsafe { register(id, name, callback) } {
        Ok(_) => 0,
        Err(error) => error.to_errno(),
    }
}

/// Unregisters the callback of an id; does nothing if there is none.
///
/// When this returns, the callback is not running and is not called again, so its module may be
/// unloaded. Inside of a call of the connector (a callback, this or another one; a watcher; a
/// release) it does not wait.
///
/// Context: process; sleeps until the callback has returned.
///
/// # Safety
///
/// `id` must point to an id.
#[no_mangle]
unsafe extern "C" fn cn_del_callback(id: *const cb_id) {
    if let Some(connector) = connector::get() {
        // SAFETY: By the safety requirements of this function.
        connector.unregister(unsafe { read_id(id) }, None);
    }
}

/// Sends a message of `msg->len` bytes; see [`cn_netlink_send_mult`].
///
/// # Safety
///
/// `msg` must point to a message with as many bytes behind it as it says.
#[no_mangle]
unsafe extern "C" fn cn_netlink_send(
    msg: *mut cn_msg,
    portid: u32,
    group: u32,
    gfp_mask: gfp_t,
) -> c_int {
    // SAFETY: By the safety requirements of this function.
    let len = unsafe { (*msg).len };
    // SAFETY: As above.
    unsafe { send_c(msg, len, portid, group, gfp_mask, Filter::NONE) }
}

/// Sends `msg` and what follows it, `len` bytes in all behind the first header, to the port if only
/// that is given; to the group without the port if a group is given; else to the group of the
/// callback that is registered under the message's id.
///
/// Context: any that `gfp_mask` allows. Returns 0 or the number of bytes sent to the port, or:
///
/// - `-ENODEV`: neither port nor group, and nothing is registered under the id.
/// - `-ESRCH`: the group has no listener, or the receive buffers of all listeners are full.
/// - `-ENOMEM`: no memory.
/// - `-ECONNREFUSED`: there is no such port.
/// - `-EAGAIN`: the port's receive buffer is full, and `gfp_mask` does not allow to wait; or the
///   connector has not started yet.
/// - `-ENOBUFS`: a listener that asked for this error missed the message.
///
/// # Safety
///
/// `msg` must point to a header with `len` bytes behind it. `filter`, if not null, must be callable
/// with `filter_data`.
#[no_mangle]
unsafe extern "C" fn cn_netlink_send_mult(
    msg: *mut cn_msg,
    len: u16,
    portid: u32,
    group: u32,
    gfp_mask: gfp_t,
    filter: netlink_filter_fn,
    filter_data: *mut c_void,
) -> c_int {
    // SAFETY: By the safety requirements of this function.
    let filter = unsafe { Filter::new(filter, filter_data) };
    // SAFETY: As above.
    unsafe { send_c(msg, len, portid, group, gfp_mask, filter) }
}

/// Does what [`cn_netlink_send_mult`] says; in line, so that each caller pays for what it needs.
///
/// # Safety
///
/// As for [`cn_netlink_send_mult`].
#[inline(always)]
unsafe fn send_c(
    msg: *const cn_msg,
    len: u16,
    portid: u32,
    group: u32,
    gfp_mask: gfp_t,
    filter: Filter,
) -> c_int {
    let len = HEADER_LEN.saturating_add(len.into());
    // SAFETY: By the safety requirements of this function.
    let message = unsafe { slice::from_raw_parts(msg.cast::<u8>(), len) };
    // SAFETY: By the safety requirements of this function; `Header` has the layout of `cn_msg`.
    let header = unsafe { &*msg.cast::<Header>() };
    let to = CoreTarget::from_c(portid, group, filter);
    into_int(send(header, [message], to, gfp_mask).map_err(Error::from))
}

/// Registers a handler, and writes the number of the registration to `serial`.
///
/// Context and errors as for [`cn_add_callback`].
///
/// # Safety
///
/// `id` must point to an id, `name` to a string, `serial` to where a number can be written, and
/// `handler` to a handler. On success, its functions must be callable with its cookie by all tasks
/// until `release` was called, and its description stay as `struct cn_core_handler` requires.
#[export_name = concat!("cn_core_", env!("CN_CORE_VERSION"), "_register")]
unsafe extern "C" fn cn_core_register(
    id: *const cb_id,
    name: *const c_char,
    handler: *const cn_core_handler,
    serial: *mut u64,
) -> c_int {
    // SAFETY: By the safety requirements of this function.
    let raw = unsafe { &*handler };
    // SAFETY: As above.
    let Some(handler) = (unsafe { CoreHandler::new(raw) }) else {
        return EINVAL.to_errno();
    };
    let Ok(handler) = KBox::new(handler, GFP_KERNEL) else {
        return ENOMEM.to_errno();
    };
    // SAFETY: By the safety requirements of this function.
    match unsafe { register(id, name, Callback::Handler(handler)) } {
        Ok(number) => {
            // SAFETY: By the safety requirements of this function.
            unsafe { serial.write(number) };
            0
        }
        Err(error) => error.to_errno(),
    }
}

/// Unregisters the registration of an id that has the number `serial`.
///
/// Waits as [`cn_del_callback`] does, also if another task has unregistered it already.
///
/// # Safety
///
/// `id` must point to an id.
#[export_name = concat!("cn_core_", env!("CN_CORE_VERSION"), "_unregister")]
unsafe extern "C" fn cn_core_unregister(id: *const cb_id, serial: u64) {
    if let Some(connector) = connector::get() {
        // SAFETY: By the safety requirements of this function.
        connector.unregister(unsafe { read_id(id) }, Some(serial));
    }
}

/// Sends a message whose payload is elsewhere than its header.
///
/// Context and errors as for [`cn_netlink_send_mult`], but returns 0 for success, and
/// [`CN_NOT_TAKEN`] if the group has listeners and none of them took the message.
///
/// # Safety
///
/// `header` must point to a header, `payload` to as many bytes as it says, and `to` to a target
/// whose filter, if not null, is callable with its data.
#[export_name = concat!("cn_core_", env!("CN_CORE_VERSION"), "_send")]
unsafe extern "C" fn cn_core_send(
    header: *const cn_msg,
    payload: *const c_void,
    to: *const cn_core_target,
    gfp_mask: gfp_t,
) -> c_int {
    // SAFETY: By the safety requirements of this function; `Header` has the layout of `cn_msg`.
    let header = unsafe { &*header.cast::<Header>() };
    // SAFETY: By the safety requirements of this function.
    let payload = unsafe { slice::from_raw_parts(payload.cast::<u8>(), header.len.into()) };
    // SAFETY: By the safety requirements of this function.
    let to = unsafe { destination(&*to) };
    let parts = [header.as_bytes(), payload];
    taken(send(header, parts, to, gfp_mask))
}

/// Makes a buffer for a netlink payload of `len` bytes, to be written by the caller, and writes the
/// address of the payload to `data`. It is given to [`cn_core_post`] or [`cn_core_free`].
///
/// Context: any that `gfp_mask` allows. Returns null if there is no memory.
///
/// # Safety
///
/// `data` must point to where a pointer can be written.
#[export_name = concat!("cn_core_", env!("CN_CORE_VERSION"), "_alloc")]
unsafe extern "C" fn cn_core_alloc(
    len: u32,
    seq: u32,
    gfp_mask: gfp_t,
    data: *mut *mut c_void,
) -> *mut sk_buff {
    let Ok(buffer) = Unwritten::new(seq, len as usize, gfp_mask) else {
        Counter::SendNoMemory.count();
        return core::ptr::null_mut();
    };
    // SAFETY: By the safety requirements of this function.
    unsafe { data.write(buffer.payload().cast()) };
    buffer.into_raw()
}

/// Sends a buffer of [`cn_core_alloc`] with the first `len` bytes of its payload.
///
/// Return values as for [`cn_core_send`]; also `-EMSGSIZE` if the payload is not that long.
/// Consumes the buffer in any case.
///
/// # Safety
///
/// `skb` must come from [`cn_core_alloc`], with `len` bytes written; `id` must point to an id, and
/// `to` to a target whose filter, if not null, is callable with its data.
#[export_name = concat!("cn_core_", env!("CN_CORE_VERSION"), "_post")]
unsafe extern "C" fn cn_core_post(
    skb: *mut sk_buff,
    len: u32,
    id: *const cb_id,
    to: *const cn_core_target,
    gfp_mask: gfp_t,
) -> c_int {
    let Some(skb) = NonNull::new(skb) else {
        return ENOMEM.to_errno();
    };
    // SAFETY: By the safety requirements of this function.
    let (buffer, id) = unsafe { (Unwritten::from_raw(skb), read_id(id)) };
    // SAFETY: By the safety requirements of this function.
    let to = unsafe { destination(&*to) };
    // SAFETY: As above.
    match unsafe { buffer.written_up_to(len as usize) } {
        Ok(buffer) => taken(post(id, buffer, to, gfp_mask)),
        Err(error) => error.to_errno(),
    }
}

/// Frees a buffer of [`cn_core_alloc`] that is not sent.
///
/// # Safety
///
/// `skb` must be null or come from [`cn_core_alloc`].
#[export_name = concat!("cn_core_", env!("CN_CORE_VERSION"), "_free")]
unsafe extern "C" fn cn_core_free(skb: *mut sk_buff) {
    if let Some(skb) = NonNull::new(skb) {
        // SAFETY: By the safety requirements of this function.
        drop(unsafe { Unwritten::from_raw(skb) });
    }
}

/// Returns 1 if a listener can receive a message to `group` (0 stands for the group of the id's
/// callback), 0 if none can, `-ENODEV` if nothing is registered under the id, `-ENOMEM`, or
/// `-EAGAIN` before the connector has started.
///
/// Context: any that `gfp_mask` allows.
///
/// # Safety
///
/// `id` must point to an id.
#[export_name = concat!("cn_core_", env!("CN_CORE_VERSION"), "_has_listeners")]
unsafe extern "C" fn cn_core_has_listeners(id: *const cb_id, group: u32, gfp_mask: gfp_t) -> c_int {
    // SAFETY: By the safety requirements of this function.
    into_int(has_listeners(unsafe { read_id(id) }, group, gfp_mask).map(c_int::from))
}

/// Whether both the opener of the socket and the sender have a capability in the initial user
/// namespace.
///
/// # Safety
///
/// `parms` must be the control block of a message that a handler is handling.
#[export_name = concat!("cn_core_", env!("CN_CORE_VERSION"), "_capable")]
unsafe extern "C" fn cn_core_capable(parms: *const netlink_skb_parms, capability: c_int) -> bool {
    // SAFETY: By the safety requirements of this function.
    unsafe { SenderParms::from_raw(parms.cast_mut()) }.is_capable(capability)
}

/// Adds a watcher of ids or sockets (`CN_WATCH_...`), and writes its number to `serial`.
///
/// Context: process; may sleep. Returns 0, `-EAGAIN`, `-ENODEV` (the module is being unloaded),
/// `-EINVAL` (there is nothing of that kind) or `-ENOMEM`. On failure, the cookie is not released.
///
/// # Safety
///
/// `watch` must be callable with `cookie` by all tasks until `release` is called; `serial` must
/// point to where a number can be written.
#[export_name = concat!("cn_core_", env!("CN_CORE_VERSION"), "_watch")]
unsafe extern "C" fn cn_core_watch(
    what: u32,
    watch: cn_core_watch_fn,
    release: cn_core_release_fn,
    cookie: *mut c_void,
    serial: *mut u64,
) -> c_int {
    let (Some(watch), Some(release)) = (watch, release) else {
        return EINVAL.to_errno();
    };
    let result = connector::get().ok_or(EAGAIN).and_then(|connector| {
        // SAFETY: By the safety requirements of this function.
        let function = unsafe { Function::new(watch, release, cookie) };
        match what {
            CN_WATCH_IDS => connector.notifier().watch(function, connector.leaving()),
            CN_WATCH_SOCKETS => {
                let groups = connector.groups().count();
                let watchers = connector.socket_watchers();
                watchers.watch(function, groups, connector.leaving())
            }
            _ => Err(EINVAL),
        }
    });
    match result {
        Ok(number) => {
            // SAFETY: By the safety requirements of this function.
            unsafe { serial.write(number) };
            0
        }
        Err(error) => error.to_errno(),
    }
}

/// Removes a watcher of ids or sockets; when this returns, it is not running and its cookie is
/// released.
///
/// Context: process; may sleep. Inside of a call of the connector it does not wait.
///
/// # Safety
///
/// None.
#[export_name = concat!("cn_core_", env!("CN_CORE_VERSION"), "_unwatch")]
unsafe extern "C" fn cn_core_unwatch(what: u32, serial: u64) {
    if let Some(connector) = connector::get() {
        if what == CN_WATCH_IDS {
            connector.notifier().unwatch(serial);
        } else {
            connector.socket_watchers().remove(serial);
        }
    }
}

/// Calls `visit` with `data` for each socket that is in `group`, which returns 1.
///
/// Context: process; may sleep, but not in `visit`. Returns 0, `-EAGAIN` or `-ENOMEM`.
///
/// # Safety
///
/// `visit` must be callable with `data`.
#[export_name = concat!("cn_core_", env!("CN_CORE_VERSION"), "_visit")]
unsafe extern "C" fn cn_core_visit(
    group: u32,
    visit: netlink_filter_fn,
    data: *mut c_void,
) -> c_int {
    // SAFETY: By the safety requirements of this function.
    let filter = unsafe { Filter::new(visit, data) };
    into_int(
        socket()
            .ok_or(EAGAIN)
            .and_then(|socket| socket.visit(group, GFP_MAY_SLEEP, filter))
            .map(|()| 0),
    )
}

/// # Safety
///
/// The filter of `target`, if there is one, must be callable with its data.
unsafe fn destination(target: &cn_core_target) -> CoreTarget {
    let (receivers, except) = match target.kind {
        CN_TO_PORT => (Receivers::Port(target.portid), 0),
        CN_TO_GROUP => (Receivers::Group(target.group), target.portid),
        _ => (Receivers::GroupOfId, target.portid),
    };
    CoreTarget {
        receivers,
        except,
        wait_ms: target.wait_ms,
        shown_group: target.shown_group,
        // SAFETY: By the safety requirements of this function.
        filter: unsafe { Filter::new(target.filter, target.filter_data) },
    }
}

/// # Safety
///
/// `id` must point to an id, `name` to a string or be null.
unsafe fn register(id: *const cb_id, name: *const c_char, callback: Callback) -> Result<u64> {
    let connector = connector::get().ok_or(EAGAIN)?;
    let name = if name.is_null() {
        c"(null)".as_char_ptr()
    } else {
        name
    };
    let name = Name::new((0..usize::MAX).map(|offset| {
        // SAFETY: By the safety requirements of this function; `Name::new` stops at the NUL.
        unsafe { name.wrapping_add(offset).read() }
    }));
    // SAFETY: By the safety requirements of this function.
    let id = unsafe { read_id(id) };
    connector.register(id, name, callback)
}

/// # Safety
///
/// `id` must point to an id.
unsafe fn read_id(id: *const cb_id) -> Id {
    // SAFETY: By the safety requirements of this function; `Id` has the layout of `cb_id`.
    unsafe { id.cast::<Id>().read() }
}

/// The result of sending, as the crate reads it.
fn taken(sent: Result<c_int, Failure>) -> c_int {
    match sent {
        Ok(_) => 0,
        Err(Failure::NotTaken) => CN_NOT_TAKEN as c_int,
        Err(Failure::Error(error)) => error.to_errno(),
    }
}

fn into_int(result: Result<c_int>) -> c_int {
    result.unwrap_or_else(|error| error.to_errno())
}

/// Starts the connector; called once, with the subsystems, by `glue/cn_glue.c`.
///
/// Returns 0, `-EINVAL` if a parameter on the kernel's command line is refused, or `-ENOMEM`.
///
/// C counterpart: `subsys_initcall(cn_init)` in `drivers/connector/connector.c`.
#[cfg(not(MODULE))]
#[no_mangle]
unsafe extern "C" fn cn_core_start() -> c_int {
    into_int(crate::start::start_built_in().map(|()| 0))
}

#[cfg(not(MODULE))]
assert_declared!(cn_core_start);
