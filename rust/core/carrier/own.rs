// SPDX-License-Identifier: GPL-2.0

//! The carrier of a connector that has the netlink protocol to itself: a kernel socket of its own,
//! and the functions of `include/linux/connector.h` for modules in C.
//!
//! The other one is `guest.rs`. Both have the same items, so that nothing else of the core knows
//! which of them was compiled: [`Carrier`], [`Socket`], [`Attachments`], [`hearing`] and constants.
//! For modules in C, a guest has nothing: the functions of the built-in connector are there. Those
//! here are exported by `glue/cn_own.c`, which compares each definition with its declaration.
//!
//! C counterparts: `netlink_kernel_create()` in `include/linux/netlink.h`; `cn_bind()` and
//! `cn_release()` in `drivers/connector/connector.c`.

#![allow(unsafe_code)]

use crate::{
    c_abi::{into_int, read_id, register},
    connector,
    helpers::assert_declared,
    netlink::{publish, retract, ClosedSocket, Datagram, Filter, Hearing, Protocol},
    parameters::MAX_GROUPS,
    send::{send, CoreTarget},
    sync::read_once,
    table::{CFunction, Callback, Name},
};
use connector_base::{
    bindings::{
        cb_id, cn_glue_is_administrator, cn_glue_is_kernel_socket, cn_glue_joins_outside,
        cn_glue_outside, cn_glue_unwatch_namespaces, cn_glue_user_data, cn_glue_watch_namespaces,
        cn_msg, CN_ALL_GROUPS, CN_ALL_IDS, CN_GROUP_CHANGES, CN_IDX_PROC, CN_NATIVE,
    },
    wire::{Header, HEADER_LEN},
    Id,
};
use core::{ptr::NonNull, slice};
use kernel::{
    bindings::{
        self, gfp_t, net, netlink_filter_fn, netlink_kernel_cfg, netlink_skb_parms, sk_buff, sock,
    },
    error::to_result,
    prelude::*,
    sync::atomic::Atomic,
};

/// What this carrier can do, as modules read it.
pub(crate) const FEATURES: u32 = CN_NATIVE | CN_ALL_IDS | CN_ALL_GROUPS | CN_GROUP_CHANGES;

/// The largest value of the parameter `groups`.
pub(crate) const MOST_GROUPS: u32 = MAX_GROUPS;

/// What must exist as long as there are ids: here, the counter of network namespaces with members.
pub(crate) struct Carrier(());

impl Carrier {
    /// Prepares the protocol.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: no memory.
    pub(crate) fn new<P: Protocol>() -> Result<Self> {
        // SAFETY: There is only one of this type, since there is only one connector.
        to_result(unsafe { cn_glue_watch_namespaces() })?;
        Ok(Self(()))
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        // SAFETY: It was done when this was made.
        unsafe { cn_glue_unwatch_namespaces() };
    }
}

/// Attaches ids to the carrier. The socket of its own gets the messages to all of them.
pub(crate) struct Attachments(());

impl Attachments {
    pub(crate) fn new() -> impl PinInit<Self> {
        Self(())
    }

    /// Lets messages to an id come.
    #[inline]
    pub(crate) fn attach(&self, _: Id, _: &Name) -> Result<Attaching> {
        Ok(Attaching(()))
    }

    /// Lets no more messages to an id come.
    #[inline]
    pub(crate) fn detach(&self, _: Id) {}
}

/// An id that is being registered. The table alone decides which are taken.
pub(crate) struct Attaching(());

/// Which members of a group can receive a message. If no socket of another network namespace is, or
/// was, a member of any, all can.
#[inline]
pub(crate) fn hearing(_is_open: impl FnOnce() -> bool) -> Hearing {
    // SAFETY: The glue's counter is always there, and changed by atomic operations.
    let count = unsafe { Atomic::from_ptr(&raw mut cn_glue_outside.counter) };
    if read_once(count) == 0 {
        Hearing::All
    } else {
        Hearing::Asked
    }
}

/// The kernel's socket; as long as it exists, programs can open theirs.
///
/// # Invariants
///
/// The socket is owned by this.
pub(crate) struct Socket(NonNull<sock>);

// SAFETY: Netlink sockets may be used by all threads at once.
unsafe impl Send for Socket {}

// SAFETY: As above.
unsafe impl Sync for Socket {}

impl Socket {
    /// Starts the protocol with so many groups. Messages can come, and be sent, from here on.
    ///
    /// # Errors
    ///
    /// [`EIO`]: another connector runs, or there is no memory.
    pub(crate) fn open<P: Protocol>(_: &Carrier, module: &ThisModule, groups: u32) -> Result<Self> {
        let mut config = netlink_kernel_cfg {
            groups,
            flags: bindings::NL_CFG_F_NONROOT_RECV,
            input: Some(input_callback::<P>),
            bind: Some(bind_callback::<P>),
            unbind: Some(unbind_callback::<P>),
            release: Some(release_callback::<P>),
        };
        // SAFETY: The initial network namespace and the module outlive the socket; the callbacks do
        // what netlink expects. The configuration is copied.
        let socket = unsafe {
            bindings::__netlink_kernel_create(
                &raw mut bindings::init_net,
                bindings::NETLINK_CONNECTOR as c_int,
                module.as_ptr(),
                &raw mut config,
            )
        };
        let Some(socket) = NonNull::new(socket) else {
            pr_err!("cannot create the netlink socket; is another connector running?\n");
            return Err(EIO);
        };
        // SAFETY: The socket is retracted before it is released, and netlink frees it with RCU.
        unsafe { publish(socket) };
        // INVARIANT: The socket was just made for us.
        Ok(Self(socket))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        retract();
        // SAFETY: By the type invariants the socket is ours.
        unsafe { bindings::netlink_kernel_release(self.0.as_ptr()) };
    }
}

/// Handles a datagram that a program sent.
///
/// # Safety
///
/// `skb` must be a datagram from netlink, for the connector, in process context.
unsafe extern "C" fn input_callback<P: Protocol>(skb: *mut sk_buff) {
    // SAFETY: By the safety requirements.
    let skb = unsafe { NonNull::new_unchecked(skb) };
    // SAFETY: By the safety requirements; netlink passes linear buffers of which it is the only
    // owner, and keeps the sockets.
    P::receive(unsafe { Datagram::from_raw(skb) });
}

/// Decides whether the running program may join a group.
///
/// # Safety
///
/// `net` must be the network namespace of the program's socket.
unsafe extern "C" fn bind_callback<P: Protocol>(net: *mut net, group: c_int) -> c_int {
    let group = u32::try_from(group).unwrap_or(0);
    // SAFETY: By the safety requirements; a network namespace holds its user namespace.
    let may_join = P::is_open(group) || unsafe { cn_glue_is_administrator(net) };
    if !may_join {
        return EPERM.to_errno();
    }
    if !core::ptr::eq(net, &raw const bindings::init_net) {
        // SAFETY: By the safety requirements; its socket keeps the namespace.
        unsafe { cn_glue_joins_outside(net) };
    }
    P::joins(group);
    0
}

/// A socket has left a group.
///
/// # Safety
///
/// None.
unsafe extern "C" fn unbind_callback<P: Protocol>(_: *mut net, group: c_int) {
    P::left(u32::try_from(group).unwrap_or(0));
}

/// A socket is being closed. Frees what the provider of process events has attached to it, if it is
/// in their group.
///
/// # Safety
///
/// `socket` must be a socket that is being closed; `groups` must be null or a bitmap of the groups
/// that it was in.
unsafe extern "C" fn release_callback<P: Protocol>(socket: *mut sock, groups: *mut c_ulong) {
    const PROCESS_EVENTS: c_ulong = 1 << (CN_IDX_PROC - 1);

    // SAFETY: By the safety requirements.
    if unsafe { cn_glue_is_kernel_socket(socket) } {
        // Opened by a send with a time limit, possibly inside of a watcher.
        return;
    }
    // SAFETY: By the safety requirements, for the time of this call.
    P::closed(unsafe { ClosedSocket::from_raw(NonNull::new_unchecked(socket)) });
    // SAFETY: By the safety requirements; a bitmap has at least one word.
    let is_member = unsafe { groups.as_ref() }.is_some_and(|groups| groups & PROCESS_EVENTS != 0);
    if is_member {
        // SAFETY: The socket is being closed, so nobody else looks at its data any more.
        let data = unsafe { &mut *cn_glue_user_data(socket) };
        // SAFETY: What is there, if anything, came from `kmalloc()`.
        unsafe { bindings::kfree(*data) };
        *data = core::ptr::null_mut();
    }
}

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
