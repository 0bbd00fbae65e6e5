// SPDX-License-Identifier: GPL-2.0

//! The carrier of a connector that has the netlink protocol to itself: a kernel socket of its own.
//!
//! The other one is `guest.rs`. Both have the same items, so that nothing else of the core knows
//! which of them was compiled: [`Carrier`], [`Socket`], [`Attachments`], [`hearing`] and constants.
//!
//! C counterparts: `netlink_kernel_create()` in `include/linux/netlink.h`; `cn_bind()` and
//! `cn_release()` in `drivers/connector/connector.c`.

#![allow(unsafe_code)]

use crate::{
    netlink::{publish, retract, ClosedSocket, Datagram, Hearing, Protocol},
    parameters::MAX_GROUPS,
    sync::read_once,
    table::Name,
};
use connector_base::{
    bindings::{
        cn_glue_is_administrator, cn_glue_is_kernel_socket, cn_glue_joins_outside, cn_glue_outside,
        cn_glue_unwatch_namespaces, cn_glue_user_data, cn_glue_watch_namespaces, CN_ALL_GROUPS,
        CN_ALL_IDS, CN_GROUP_CHANGES, CN_IDX_PROC, CN_NATIVE,
    },
    Id,
};
use core::ptr::NonNull;
use kernel::{
    bindings::{self, net, netlink_kernel_cfg, sk_buff, sock},
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
