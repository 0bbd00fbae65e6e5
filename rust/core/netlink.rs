// SPDX-License-Identifier: GPL-2.0

//! The kernel's end of all connector sockets.
//!
//! A [carrier](crate::carrier) has the socket, and passes datagrams and group memberships to a
//! [`Protocol`], which decides. This file has what it is sent through, and is the interface of the
//! folder: [`skb`] has the messages that are received and sent.
//!
//! C counterparts: `netlink_broadcast_filtered()` and `netlink_unicast()` in
//! `include/linux/netlink.h`.

#![allow(unsafe_code)]

mod skb;

pub(crate) use skb::{Datagram, RawMessage, Received, SenderParms, Skb, Unwritten};

use crate::sync::read_once;
use connector_base::{
    bindings::{
        cn_glue_file, cn_glue_unicast_within, sock_diag_save_cookie, CN_GFP_DIRECT_RECLAIM,
        CN_WAIT_FOR_EVER, CN_WAIT_NOT,
    },
    kernel_compat::smp_rmb,
};
use core::{marker::PhantomData, ptr::NonNull};
use kernel::{
    bindings::{self, gfp_t, netlink_filter_fn, sk_buff, sock},
    error::to_result,
    prelude::*,
    sync::atomic::{Atomic, Release},
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
    /// [`ENOMEM`]: netlink has to be asked about the members, and there is no memory for that.
    pub(crate) fn can_be_heard(
        self,
        group: u32,
        gfp: gfp_t,
        hearing: impl FnOnce() -> Hearing,
    ) -> Result<bool> {
        if !self.has_listeners(group) {
            return Ok(false);
        }
        // A: pairs with the full barrier of `cn_glue_joins_outside()`. If netlink has a member from
        // outside, the count that is read next includes it.
        smp_rmb();
        let hearing = hearing();
        if let Hearing::All = hearing {
            return Ok(true);
        }
        let mut check = ListenerCheck::new(Filter::NONE, hearing, false);
        self.visit_all(group, gfp, check.filter())?;
        Ok(check.found_any)
    }

    /// Sends as [`Self::multicast`] does, to the members that can receive the message. Also returns
    /// whether there is any but `except`.
    #[inline(always)]
    pub(crate) fn offer(
        self,
        buffer: Skb,
        except: u32,
        group: u32,
        gfp: gfp_t,
        filter: Filter,
        hearing: impl Fn() -> Hearing,
    ) -> (Result<c_int>, bool) {
        match hearing() {
            Hearing::All => {
                let sent = self.multicast(buffer, except, group, gfp, filter);
                let anybody =
                    sent.is_ok() || self.can_be_heard(group, gfp, hearing).unwrap_or(false);
                (sent, anybody)
            }
            hearing => {
                let mut check = ListenerCheck::new(filter, hearing, true);
                let sent = self.multicast(buffer, except, group, gfp, check.filter());
                (sent, check.found_any)
            }
        }
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
        let error = -(bindings::ENOBUFS as c_int);
        // SAFETY: By the type invariants this is a kernel socket.
        unsafe { bindings::netlink_set_err(self.0.as_ptr(), 0, group, error) };
    }

    /// Calls `filter`, which refuses it, with each socket that can receive a message to `group`;
    /// nothing is sent. Context: any that `gfp` allows.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: no memory.
    pub(crate) fn visit(self, group: u32, gfp: gfp_t, filter: Filter, hearing: Hearing) -> Result {
        match hearing {
            Hearing::Privileged => {
                let mut check = ListenerCheck::new(filter, hearing, true);
                self.visit_all(group, gfp, check.filter())
            }
            Hearing::All | Hearing::Asked => self.visit_all(group, gfp, filter),
        }
    }

    fn visit_all(self, group: u32, gfp: gfp_t, filter: Filter) -> Result {
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
    /// - With a limit of its own also those of opening a socket, as [`ENOMEM`]: no memory.
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

/// Which members of a group can receive a message.
#[derive(Clone, Copy)]
pub(crate) enum Hearing {
    /// All of them.
    All,
    /// Those for which netlink calls the filter: it knows which members in other network namespaces
    /// can.
    Asked,
    /// Of those, the ones that were opened with the capability `CAP_NET_ADMIN` in the initial user
    /// namespace.
    #[allow(dead_code, reason = "for a guest alone")]
    Privileged,
}

/// The state of a pass of netlink over the listeners that can receive a message. Netlink calls the
/// filter for each of them, and for no other.
struct ListenerCheck {
    next: Filter,
    hearing: Hearing,
    /// Whether the listeners that `next` does not refuse get the message.
    sends: bool,
    found_any: bool,
}

impl ListenerCheck {
    fn new(next: Filter, hearing: Hearing, sends: bool) -> Self {
        Self {
            next,
            hearing,
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
/// callable with its data and the other arguments. `socket` must be a socket in netlink's table,
/// which is locked.
unsafe extern "C" fn check_callback(
    socket: *mut sock,
    skb: *mut sk_buff,
    data: *mut c_void,
) -> c_int {
    // SAFETY: By the safety requirements.
    let check = unsafe { &mut *data.cast::<ListenerCheck>() };
    // SAFETY: By the safety requirements.
    if matches!(check.hearing, Hearing::Privileged) && !unsafe { is_privileged(socket) } {
        return 1;
    }
    check.found_any = true;
    match check.next.function {
        _ if !check.sends => 1,
        // SAFETY: By the safety requirements.
        Some(next) => unsafe { next(socket, skb, check.next.data) },
        None => 0,
    }
}

/// Whether a socket was opened with the capability that joining a closed group needs. One that the
/// kernel opened has no file, and all rights.
///
/// # Safety
///
/// `socket` must be a socket in netlink's table, which is locked, so that it keeps its file.
unsafe fn is_privileged(socket: *mut sock) -> bool {
    // SAFETY: By the safety requirements.
    let file = unsafe { cn_glue_file(socket) };
    let namespace = &raw mut bindings::init_user_ns;
    let capability = bindings::CAP_NET_ADMIN as c_int;
    // SAFETY: As above; the initial user namespace lives for ever.
    file.is_null() || unsafe { bindings::file_ns_capable(file, namespace, capability) }
}

/// The kernel's socket while it exists, else null.
static SOCKET: Atomic<*mut sock> = Atomic::new(core::ptr::null_mut());

/// Lets [`socket`] find the kernel's socket.
///
/// # Safety
///
/// It must be a kernel socket, and stay until a grace period of RCU after [`retract`]. Then only
/// the work item for messages to programs may still send, which looks and sends in one
/// [`SendSection`](crate::helpers::SendSection).
pub(crate) unsafe fn publish(socket: NonNull<sock>) {
    SOCKET.store(socket.as_ptr(), Release);
}

/// Ends what [`publish`] began.
pub(crate) fn retract() {
    SOCKET.store(core::ptr::null_mut(), Release);
}

/// To send through the kernel's socket; [`None`] before it exists. Context: any, in this module or
/// one that uses its symbols, so that the socket stays; in a work item, a section of RCU.
#[inline]
pub(crate) fn socket() -> Option<Handle> {
    // INVARIANT: The socket is released when this module is unloaded, with RCU for the work item.
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
    /// Context: process; must not wait for programs or modules.
    fn is_open(group: u32) -> bool;

    /// A program was permitted to join a group. Context: as [`Self::is_open`].
    fn joins(group: u32);

    /// A socket has left a group. Context: as [`Self::is_open`]; after a failed `bind()` with
    /// netlink's table locked, where nothing may sleep.
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
    /// # Safety
    ///
    /// The invariants of the type must hold for the lifetime of the result.
    pub(crate) unsafe fn from_raw(socket: NonNull<sock>) -> Self {
        // INVARIANT: By the safety requirements.
        Self {
            socket,
            _lifetime: PhantomData,
        }
    }

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
