// SPDX-License-Identifier: GPL-2.0

//! Linux 7.3 and, as far as is known, later versions.

#![allow(unsafe_code)]

pub use kernel::{
    bindings::nlmsg_free,
    error::code::{ECONNREFUSED, ENOBUFS},
};

use kernel::{
    bindings::{init_net, net, proc_dir_entry, user_namespace},
    sync::barrier::{smp_mb, Read},
};

/// The folder `/proc/net` of the first network namespace.
#[inline]
pub fn proc_net() -> *mut proc_dir_entry {
    // SAFETY: It is always there, and does not change.
    unsafe { init_net.proc_net }
}

/// The user namespace that has made a network namespace.
///
/// # Safety
///
/// `net` must be there.
#[inline]
pub unsafe fn user_ns(net: *const net) -> *mut user_namespace {
    // SAFETY: By the safety requirements. The field does not change.
    unsafe { (*net).user_ns }
}

/// A barrier between loads before it and loads behind it.
#[inline(always)]
pub fn smp_rmb() {
    smp_mb(Read);
}

/// The module that a crate is, of the type that it gave `module!`.
#[macro_export]
macro_rules! this_module {
    ($module:ty) => {
        ::kernel::module::this_module::<$module>()
    };
}
