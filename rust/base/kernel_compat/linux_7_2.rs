// SPDX-License-Identifier: GPL-2.0

//! Linux 7.2.

#![allow(unsafe_code)]

pub use kernel::sync::barrier::smp_rmb;

use crate::bindings::{CN_OFFSET_OF_PROC_NET, CN_OFFSET_OF_USER_NS};
use kernel::{
    bindings::{self, init_net, net, proc_dir_entry, sk_buff, user_namespace},
    prelude::*,
};

/// An error that the crate `kernel` has no name for.
const fn error(errno: u32) -> Error {
    static_assert!(size_of::<Error>() == size_of::<i32>());
    assert!(errno != 0 && errno <= bindings::MAX_ERRNO);
    // SAFETY: An `Error` of this version is nothing but a negative number in the range that was
    // checked, as large as a C `int`. The crate has no constant function that makes one.
    unsafe { core::mem::transmute::<i32, Error>(-(errno as i32)) }
}

/// No buffer space available.
pub const ENOBUFS: Error = error(bindings::ENOBUFS);

/// Connection refused.
pub const ECONNREFUSED: Error = error(bindings::ECONNREFUSED);

/// Frees a buffer.
///
/// # Safety
///
/// It must be the caller's.
#[inline]
pub unsafe fn nlmsg_free(skb: *mut sk_buff) {
    let no_reason = bindings::skb_drop_reason_SKB_DROP_REASON_NOT_SPECIFIED;
    // SAFETY: By the safety requirements. This is what the inline function of that name calls.
    unsafe { bindings::sk_skb_reason_drop(core::ptr::null_mut(), skb, no_reason) };
}

/// A pointer in a network namespace, by its offset: `bindings::net` has no fields.
///
/// # Safety
///
/// `net` must be there, and have a pointer to `T` at `offset` that does not change.
#[inline]
unsafe fn pointer_in<T>(net: *const net, offset: u32) -> *mut T {
    // SAFETY: By the safety requirements.
    unsafe { net.byte_add(offset as usize).cast::<*mut T>().read() }
}

/// The folder `/proc/net` of the first network namespace.
#[inline]
pub fn proc_net() -> *mut proc_dir_entry {
    // SAFETY: It is always there. C says where the field is.
    unsafe { pointer_in(&raw const init_net, CN_OFFSET_OF_PROC_NET) }
}

/// The user namespace that has made a network namespace.
///
/// # Safety
///
/// `net` must be there.
#[inline]
pub unsafe fn user_ns(net: *const net) -> *mut user_namespace {
    // SAFETY: By the safety requirements. C says where the field is.
    unsafe { pointer_in(net, CN_OFFSET_OF_USER_NS) }
}

/// The module that a crate is, of the type that it gave `module!`.
#[macro_export]
macro_rules! this_module {
    ($module:ty) => {
        &crate::THIS_MODULE
    };
}
