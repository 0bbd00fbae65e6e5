// SPDX-License-Identifier: GPL-2.0

//! The kernel's end of all connector sockets.
//!
//! Passes datagrams and group memberships to a [`Protocol`], which decides. This file is also the
//! interface of the folder: [`skb`] has the messages that are received and sent.
//!
//! C counterparts: `netlink_kernel_create()`, `netlink_broadcast_filtered()` and
//! `netlink_unicast()` in `include/linux/netlink.h`; `cn_bind()` and `cn_release()` in
//! `drivers/connector/connector.c`.

#![allow(unsafe_code)]

mod skb;

pub(crate) use skb::{Datagram, RawMessage, Received, SenderParms, Skb, Unwritten};

use crate::sync::read_once;
use connector_base::bindings::{
    cn_glue_is_kernel_socket, cn_glue_joins_outside, cn_glue_outside, cn_glue_unicast_within,
    cn_glue_unwatch_namespaces, cn_glue_user_data, cn_glue_watch_namespaces, sock_diag_save_cookie,
    CN_GFP_DIRECT_RECLAIM, CN_IDX_PROC, CN_WAIT_FOR_EVER, CN_WAIT_NOT,
};
use core::{marker::PhantomData, ptr::NonNull};
use kernel::{
    bindings::{self, gfp_t, net, netlink_filter_fn, netlink_kernel_cfg, sk_buff, sock},
    error::to_result,
    prelude::*,
    sync::{
        atomic::{Atomic, Release},
        barrier::{smp_mb, Read},
    },
};

/// A listener filter in C, with its data: says which listeners do not get a message.
///
/// # Invariants
///
/// The function, if there is one, may be called with the data while a message is being sent.
#[derive(Clone, Copy)]
pub(crate) struct Filter {
    function: netlink_filter_fn,
    data: *mut c_void,
}

impl Filter {
    /// All listeners get the message.
    pub(crate) const NONE: Self = Self {
        function: None,
        data: core::ptr::null_mut(),
    };

    /// # Safety
    ///
    /// `function`, if there is one, must be callable with `data` while a message is being sent with
    /// the result.
    #[inline]
    pub(crate) unsafe fn new(function: netlink_filter_fn, data: *mut c_void) -> Self {
        // INVARIANT: By the safety requirements.
        Self { function, data }
    }
}

/// A pointer to the kernel's socket, to send through it.
///
/// # Invariants
///
/// The socket is there.
#[derive(Clone, Copy)]
pub(crate) struct Handle(NonNull<sock>);

// SAFETY: Netlink sockets may be used by all threads at once.
unsafe impl Send for Handle {}

// SAFETY: As above.
unsafe impl Sync for Handle {}

impl Handle {
    /// Whether `group` has a member, in any network namespace. Context: any.
    ///
    /// A message does not reach every member in another namespace; see [`Self::can_be_heard`].
    #[inline]
    pub(crate) fn has_listeners(self, group: u32) -> bool {
        // SAFETY: By the type invariants this is a kernel socket.
        unsafe { bindings::netlink_has_listeners(self.0.as_ptr(), group) != 0 }
    }

    /// Whether a member can receive a message to `group`. Context: any that `gfp` allows.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: there are members in other network namespaces, and no memory to ask netlink
    /// about them.
    pub(crate) fn can_be_heard(self, group: u32, gfp: gfp_t) -> Result<bool> {
        if !self.has_listeners(group) {
            return Ok(false);
        }
        // A: pairs with the full barrier of `cn_glue_joins_outside()`. If netlink has a member from
        // outside, the count that is read next includes it.
        smp_mb(Read);
        if !has_members_outside() {
            return Ok(true);
        }
        let mut check = ListenerCheck::new(Filter::NONE, false);
        self.visit(group, gfp, check.filter())?;
        Ok(check.found_any)
    }

    /// Sends as [`Self::multicast`] does. Also returns whether any member but `except` can receive
    /// the message.
    #[inline]
    pub(crate) fn offer(
        self,
        buffer: Skb,
        except: u32,
        group: u32,
        gfp: gfp_t,
        filter: Filter,
    ) -> (Result<c_int>, bool) {
        if has_members_outside() {
            let mut check = ListenerCheck::new(filter, true);
            let sent = self.multicast(buffer, except, group, gfp, check.filter());
            return (sent, check.found_any);
        }
        let sent = self.multicast(buffer, except, group, gfp, filter);
        let anybody = sent.is_ok() || self.can_be_heard(group, gfp).unwrap_or(false);
        (sent, anybody)
    }

    /// Sends to all listeners of `group` except `portid`, and returns 0.
    ///
    /// # Errors
    ///
    /// - [`ESRCH`]: no listener got the message.
    /// - `ENOBUFS`: a listener that requested this error did not get the message.
    #[inline]
    pub(crate) fn multicast(
        self,
        buffer: Skb,
        portid: u32,
        group: u32,
        gfp: gfp_t,
        filter: Filter,
    ) -> Result<c_int> {
        // SAFETY: By the type invariants this is a kernel socket; the buffer is given away. The
        // filter can be called with its data by its invariants.
        sent(unsafe {
            bindings::netlink_broadcast_filtered(
                self.0.as_ptr(),
                buffer.into_raw(),
                portid,
                group,
                gfp,
                filter.function,
                filter.data,
            )
        })
    }

    /// Sets the error `ENOBUFS` for all listeners of `group`, as for a message that they missed.
    /// Context: process.
    pub(crate) fn report_loss(self, group: u32) {
        // SAFETY: By the type invariants this is a kernel socket.
        unsafe {
            bindings::netlink_set_err(self.0.as_ptr(), 0, group, ENOBUFS.to_errno());
        }
    }

    /// Calls `filter` with each socket in `group`; nothing is sent. Context: any that `gfp` allows.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: no memory.
    pub(crate) fn visit(self, group: u32, gfp: gfp_t, filter: Filter) -> Result {
        let buffer = Skb::new(0, [&[]], gfp)?;
        // If the filter refuses every listener, netlink returns the error for no listeners.
        match self.multicast(buffer, 0, group, gfp, filter) {
            Err(error) if error != ESRCH => Err(error),
            _ => Ok(()),
        }
    }

    /// Sends to the socket with port `portid`, and returns the number of bytes. Waits while its
    /// receive buffer is full, if `gfp` allows it: for `wait_ms` milliseconds at most, if that is
    /// not [`CN_WAIT_FOR_EVER`] or [`CN_WAIT_NOT`].
    ///
    /// # Errors
    ///
    /// - [`ECONNREFUSED`]: there is no such socket.
    /// - [`EAGAIN`]: its receive buffer is full, and waiting (any longer) is not allowed.
    /// - [`EINTR`] or `ERESTARTSYS`: a signal came while waiting.
    #[inline]
    pub(crate) fn unicast(
        self,
        buffer: Skb,
        portid: u32,
        gfp: gfp_t,
        wait_ms: u32,
    ) -> Result<c_int> {
        let may_wait = gfp & CN_GFP_DIRECT_RECLAIM != 0 && wait_ms != CN_WAIT_NOT;
        let skb = buffer.into_raw();
        sent(if may_wait && wait_ms != CN_WAIT_FOR_EVER {
            // SAFETY: The buffer is given away.
            unsafe { cn_glue_unicast_within(skb, portid, wait_ms) }
        } else {
            // SAFETY: By the type invariants this is a kernel socket; the buffer is given away.
            unsafe {
                bindings::netlink_unicast(self.0.as_ptr(), skb, portid, c_int::from(!may_wait))
            }
        })
    }
}

/// The state of a pass of netlink over the listeners that can receive a message. Netlink calls the
/// filter for each of them, and for no other.
struct ListenerCheck {
    next: Filter,
    /// Whether the listeners that `next` does not refuse get the message.
    sends: bool,
    found_any: bool,
}

impl ListenerCheck {
    fn new(next: Filter, sends: bool) -> Self {
        Self {
            next,
            sends,
            found_any: false,
        }
    }

    /// To be used before `self` is looked at, and not afterwards.
    fn filter(&mut self) -> Filter {
        Filter {
            function: Some(check_callback),
            data: core::ptr::from_mut(self).cast(),
        }
    }
}

/// Notes that there is a listener; returns 0 if it gets the message.
///
/// # Safety
///
/// `data` must point to a [`ListenerCheck`] that nobody else uses meanwhile; its filter must be
/// callable with its data and the other arguments.
unsafe extern "C" fn check_callback(
    socket: *mut sock,
    skb: *mut sk_buff,
    data: *mut c_void,
) -> c_int {
    // SAFETY: By the safety requirements.
    let check = unsafe { &mut *data.cast::<ListenerCheck>() };
    check.found_any = true;
    match check.next.function {
        _ if !check.sends => 1,
        // SAFETY: By the safety requirements.
        Some(next) => unsafe { next(socket, skb, check.next.data) },
        None => 0,
    }
}

/// Whether sockets of other network namespaces are, or were, members of groups. If not, all members
/// can receive a message.
#[inline]
fn has_members_outside() -> bool {
    // SAFETY: The glue's counter is always there, and changed by atomic operations.
    let count = unsafe { Atomic::from_ptr(&raw mut cn_glue_outside.counter) };
    read_once(count) != 0
}

/// Follows which network namespaces have members, until this is dropped.
struct Namespaces(());

impl Namespaces {
    fn new() -> Result<Self> {
        // SAFETY: There is only one of this type, since there is only one socket.
        to_result(unsafe { cn_glue_watch_namespaces() })?;
        Ok(Self(()))
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        // SAFETY: It was done when this was made.
        unsafe { cn_glue_unwatch_namespaces() };
    }
}

/// The kernel's socket while it exists, else null.
static SOCKET: Atomic<*mut sock> = Atomic::new(core::ptr::null_mut());

/// To send through the kernel's socket; [`None`] before it exists. Context: any, in this module or
/// one that uses its symbols, so that the socket stays.
#[inline]
pub(crate) fn socket() -> Option<Handle> {
    // INVARIANT: The socket is released when this module is unloaded.
    NonNull::new(read_once(&SOCKET)).map(Handle)
}

/// The result of netlink for a message: the number of bytes, 0, or an error.
#[inline]
fn sent(returned: c_int) -> Result<c_int> {
    if returned >= 0 {
        Ok(returned)
    } else {
        to_result(returned).map(|()| 0)
    }
}

/// The decisions at the kernel's end of the sockets.
pub(crate) trait Protocol {
    /// Handles a datagram that a program sent.
    ///
    /// Context: process, that of the program; may sleep.
    fn receive(datagram: Datagram<'_>);

    /// Whether every program may join a group. Otherwise a program needs `CAP_NET_ADMIN`.
    ///
    /// Context: process, with locks of netlink held.
    fn is_open(group: u32) -> bool;

    /// A program was permitted to join a group. Context: as [`Self::is_open`].
    fn joins(group: u32);

    /// A socket has left a group. Context: as [`Self::is_open`].
    fn left(group: u32);

    /// A program's socket is being closed.
    ///
    /// Context: process, nothing of netlink locked; must not wait for programs or modules.
    fn closed(socket: ClosedSocket<'_>);
}

/// A program's socket that is being closed.
///
/// # Invariants
///
/// The socket is kept for `'a`.
#[derive(Clone, Copy)]
pub(crate) struct ClosedSocket<'a> {
    socket: NonNull<sock>,
    _lifetime: PhantomData<&'a sock>,
}

impl ClosedSocket<'_> {
    /// The socket, to be compared and not looked into.
    pub(crate) fn as_ptr(self) -> *const sock {
        self.socket.as_ptr()
    }

    /// The number of the socket (`SO_COOKIE`).
    pub(crate) fn number(self) -> u64 {
        let mut cookie = [0u32; 2];
        // SAFETY: By the type invariants; two numbers are written, the lower half first.
        unsafe { sock_diag_save_cookie(self.socket.as_ptr(), cookie.as_mut_ptr()) };
        let [low, high] = cookie;
        u64::from(high) << 32 | u64::from(low)
    }
}

/// The kernel's socket; as long as it exists, programs can open theirs.
///
/// # Invariants
///
/// The socket is owned by this.
pub(crate) struct Socket {
    socket: NonNull<sock>,
    /// As long as programs can have sockets.
    _namespaces: Namespaces,
}

// SAFETY: Netlink sockets may be used by all threads at once.
unsafe impl Send for Socket {}

// SAFETY: As above.
unsafe impl Sync for Socket {}

impl Socket {
    /// Starts the protocol with so many groups. Messages can come, and be sent, from here on.
    ///
    /// # Errors
    ///
    /// - [`EIO`]: another connector runs, or there is no memory.
    /// - [`ENOMEM`]: no memory.
    pub(crate) fn new<P: Protocol>(module: &ThisModule, groups: u32) -> Result<Self> {
        let namespaces = Namespaces::new()?;
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
        let socket = NonNull::new(socket).ok_or(EIO)?;
        SOCKET.store(socket.as_ptr(), Release);
        // INVARIANT: The socket was just made for us.
        Ok(Self {
            socket,
            _namespaces: namespaces,
        })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        SOCKET.store(core::ptr::null_mut(), Release);
        // SAFETY: By the type invariants the socket is ours.
        unsafe { bindings::netlink_kernel_release(self.socket.as_ptr()) };
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
    let may_join = P::is_open(group)
        || unsafe { bindings::ns_capable((*net).user_ns, bindings::CAP_NET_ADMIN as c_int) };
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
    P::closed(ClosedSocket {
        // SAFETY: By the safety requirements.
        // INVARIANT: The socket is there for the time of this call.
        socket: unsafe { NonNull::new_unchecked(socket) },
        _lifetime: PhantomData,
    });
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
