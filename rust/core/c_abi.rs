// SPDX-License-Identifier: GPL-2.0

//! The functions that other modules call; exported by `glue/cn_glue.c`.
//!
//! Turns raw pointers into references in the first lines, and results into numbers in the last.
//! Each definition is compared with its declaration in C.
//!
//! C counterpart: `include/linux/connector.h`.

use crate::{
    entry::{Callback, Name},
    instance,
    send::{send, Destination},
    socket::Filter,
};
use connector::{
    bindings::{self, cb_id, cn_core_receive_fn, cn_core_release_fn, cn_msg},
    wire::{Header, HEADER_LEN},
    Id,
};
use core::slice;
use kernel::{
    bindings::{gfp_t, netlink_filter_fn, netlink_skb_parms},
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
);

/// Registers a callback under an id.
///
/// Context: process; may sleep. Returns 0, or:
///
/// - `-EINVAL`: the id is taken, or the callback is null.
/// - `-EAGAIN`: the connector has not started yet.
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
    match unsafe { register(id, name, Callback::C(callback)) } {
        Ok(_) => 0,
        Err(error) => error.to_errno(),
    }
}

/// Unregisters the callback of an id; does nothing if there is none.
///
/// When this returns, the callback is not running and will not be called again, so that its module
/// may go. Inside a callback (this or another one) it does not wait.
///
/// Context: process; sleeps until the callback has returned.
///
/// # Safety
///
/// `id` must point to an id.
#[no_mangle]
unsafe extern "C" fn cn_del_callback(id: *const cb_id) {
    if let Some(connector) = instance::get() {
        // SAFETY: By the safety requirements of this function.
        connector
            .registry()
            .unregister(unsafe { read_id(id) }, None);
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
    // SAFETY: As above; without a filter.
    unsafe {
        cn_netlink_send_mult(
            msg,
            len,
            portid,
            group,
            gfp_mask,
            None,
            core::ptr::null_mut(),
        )
    }
}

/// Sends `msg` and what follows it, `len` bytes in all behind the first header, to the port if only
/// that is given; to the group without the port if a group is given; else to the group of the
/// callback that is registered under the message's id.
///
/// Context: any that `gfp_mask` allows. Returns 0 or the number of bytes sent to the port, or:
///
/// - `-ENODEV`: neither port nor group, and nothing is registered under the id.
/// - `-ESRCH`: nobody listens to the group, or all who do have full receive buffers.
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
    let Some(connector) = instance::get() else {
        return EAGAIN.to_errno();
    };
    // SAFETY: By the safety requirements of this function.
    let message =
        unsafe { slice::from_raw_parts(msg.cast::<u8>(), HEADER_LEN.saturating_add(len.into())) };
    // SAFETY: By the safety requirements of this function; `Header` has the layout of `cn_msg`.
    let header = unsafe { &*msg.cast::<Header>() };
    let to = Destination {
        portid,
        group,
        filter: Filter {
            function: filter,
            data: filter_data,
        },
    };
    into_int(send(
        connector,
        header.id,
        header.seq,
        [message, &[]],
        to,
        gfp_mask,
    ))
}

/// Registers a callback with a cookie, and writes the number of the registration to `serial`.
///
/// Context and errors as for [`cn_add_callback`].
///
/// # Safety
///
/// `id` must point to an id, `name` to a string, `serial` to where a number can be written.
/// `receive` must be callable with `cookie` until `release` is called, once, on success.
#[no_mangle]
unsafe extern "C" fn cn_core_register(
    id: *const cb_id,
    name: *const c_char,
    receive: cn_core_receive_fn,
    release: cn_core_release_fn,
    cookie: *mut c_void,
    serial: *mut u64,
) -> c_int {
    let (Some(receive), Some(release)) = (receive, release) else {
        return EINVAL.to_errno();
    };
    let callback = Callback::WithCookie {
        receive,
        release,
        cookie,
    };
    // SAFETY: By the safety requirements of this function.
    match unsafe { register(id, name, callback) } {
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
/// Waits as [`cn_del_callback`] does, also where somebody else has unregistered it already.
///
/// # Safety
///
/// `id` must point to an id.
#[no_mangle]
unsafe extern "C" fn cn_core_unregister(id: *const cb_id, serial: u64) {
    if let Some(connector) = instance::get() {
        connector
            .registry()
            // SAFETY: By the safety requirements of this function.
            .unregister(unsafe { read_id(id) }, Some(serial));
    }
}

/// Sends a message whose payload is elsewhere than its header; else as [`cn_netlink_send`], but
/// returns 0 for success.
///
/// # Safety
///
/// `header` must point to a header, `payload` to as many bytes as it says.
#[no_mangle]
unsafe extern "C" fn cn_core_send(
    header: *const cn_msg,
    payload: *const c_void,
    portid: u32,
    group: u32,
    gfp_mask: gfp_t,
) -> c_int {
    let Some(connector) = instance::get() else {
        return EAGAIN.to_errno();
    };
    // SAFETY: By the safety requirements of this function; `Header` has the layout of `cn_msg`.
    let header = unsafe { &*header.cast::<Header>() };
    // SAFETY: By the safety requirements of this function.
    let payload = unsafe { slice::from_raw_parts(payload.cast::<u8>(), header.len.into()) };
    let to = Destination {
        portid,
        group,
        filter: Filter {
            function: None,
            data: core::ptr::null_mut(),
        },
    };
    let parts = [header.as_bytes(), payload];
    into_int(send(connector, header.id, header.seq, parts, to, gfp_mask).map(|_| 0))
}

/// # Safety
///
/// `id` must point to an id, `name` to a string or be null; what `callback` holds must be as
/// [`cn_add_callback`] and [`cn_core_register`] require it.
unsafe fn register(id: *const cb_id, name: *const c_char, callback: Callback) -> Result<u64> {
    let connector = instance::get().ok_or(EAGAIN)?;
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
    connector.registry().register(id, name, callback)
}

/// # Safety
///
/// `id` must point to an id.
unsafe fn read_id(id: *const cb_id) -> Id {
    // SAFETY: By the safety requirements of this function; `Id` has the layout of `cb_id`.
    unsafe { id.cast::<Id>().read() }
}

fn into_int(result: Result<c_int>) -> c_int {
    result.unwrap_or_else(|error| error.to_errno())
}
