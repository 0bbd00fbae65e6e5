// SPDX-License-Identifier: GPL-2.0

//! The functions of `include/linux/connector.h`, for modules in C. A guest has none of them: those
//! of the built-in connector are there.
//!
//! `glue/cn_own.c` exports them, and compares each definition with its declaration.
//!
//! C counterparts: `drivers/connector/connector.c`, `drivers/connector/cn_queue.c`.

#![allow(unsafe_code)]

use crate::{
    c_abi::{into_int, read_id, register},
    connector,
    helpers::assert_declared,
    netlink::Filter,
    send::{send, CoreTarget},
    table::{CFunction, Callback},
};
use connector_base::{
    bindings::{cb_id, cn_msg},
    wire::{Header, HEADER_LEN},
};
use core::slice;
use kernel::{
    bindings::{gfp_t, netlink_filter_fn, netlink_skb_parms},
    prelude::*,
};

assert_declared!(
    cn_add_callback,
    cn_del_callback,
    cn_netlink_send,
    cn_netlink_send_mult,
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
