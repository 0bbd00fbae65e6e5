// SPDX-License-Identifier: GPL-2.0

//! The functions that the crate calls; exported by `glue/cn_glue.c` under names with the version of
//! the interface, as the header says. Those for modules in C are in `carrier/own.rs`.
//!
//! Turns raw pointers into references in the first lines, and results into numbers in the last.
//! Each definition is compared with its declaration in C.
//!
//! C counterpart: none; `glue/cn_glue.h` has the declarations.

#![allow(unsafe_code)]

use crate::{
    calls::Function,
    carrier::FEATURES,
    connector,
    helpers::assert_declared,
    netlink::{Filter, SenderParms, Unwritten},
    send::{has_listeners, post, send, visit, CoreTarget, Failure, Receivers},
    stats::Counter,
    table::{Callback, CoreHandler, Name},
};
use connector_base::{
    bindings::{
        cb_id, cn_core_handler, cn_core_release_fn, cn_core_target, cn_core_watch_fn, cn_msg,
        CN_NOT_TAKEN, CN_TO_GROUP, CN_TO_PORT, CN_WATCH_IDS, CN_WATCH_SOCKETS,
    },
    wire::Header,
    Id,
};
use core::{ptr::NonNull, slice};
use kernel::{
    bindings::{gfp_t, netlink_filter_fn, netlink_skb_parms, sk_buff, GFP_KERNEL as GFP_MAY_SLEEP},
    prelude::*,
};

assert_declared!(
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
    cn_core_features,
);

/// Registers a handler, and writes the number of the registration to `serial`.
///
/// Context: process; may sleep. Returns 0, or:
///
/// - `-EINVAL`: the id is taken, or a function is null.
/// - `-EAGAIN`: the connector has not started yet.
/// - `-ENODEV`: the module of the handler is being unloaded.
/// - `-ENOMEM`: no memory.
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
/// When this returns, the handler is not running and is not called again, so its module may be
/// unloaded; also if another task has unregistered it. Inside of a call of the connector (a
/// handler, this or another one; a watcher; a release) it does not wait.
///
/// Context: process; sleeps until the handler has returned.
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
/// Context: any that `gfp_mask` allows. Returns 0 for success, an error of [`send`], and
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
/// Context: process; may sleep; CPU hotplug is not locked. Returns 0, `-EAGAIN`, `-ENODEV` (the
/// module is being unloaded), `-EINVAL` (there is nothing of that kind) or `-ENOMEM`. On failure,
/// the cookie is not released.
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

/// Calls `function` with `data` for each socket that is in `group`, which returns 1.
///
/// Context: process; may sleep, but not in `function`. Returns 0, `-EAGAIN` or `-ENOMEM`.
///
/// # Safety
///
/// `function` must be callable with `data`.
#[export_name = concat!("cn_core_", env!("CN_CORE_VERSION"), "_visit")]
unsafe extern "C" fn cn_core_visit(
    group: u32,
    function: netlink_filter_fn,
    data: *mut c_void,
) -> c_int {
    // SAFETY: By the safety requirements of this function.
    let filter = unsafe { Filter::new(function, data) };
    into_int(visit(group, filter, GFP_MAY_SLEEP).map(|()| 0))
}

/// Returns what the connector can do (`CN_NATIVE` and others), and writes the number of its groups
/// to `groups`: 0 before it has started.
///
/// Context: any.
///
/// # Safety
///
/// `groups` must point to where a number can be written.
#[export_name = concat!("cn_core_", env!("CN_CORE_VERSION"), "_features")]
unsafe extern "C" fn cn_core_features(groups: *mut u32) -> u32 {
    let count = connector::get().map_or(0, |connector| connector.groups().count());
    // SAFETY: By the safety requirements of this function.
    unsafe { groups.write(count) };
    FEATURES
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
pub(crate) unsafe fn register(
    id: *const cb_id,
    name: *const c_char,
    callback: Callback,
) -> Result<u64> {
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
pub(crate) unsafe fn read_id(id: *const cb_id) -> Id {
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

pub(crate) fn into_int(result: Result<c_int>) -> c_int {
    result.unwrap_or_else(|error| error.to_errno())
}
