// SPDX-License-Identifier: GPL-2.0

//! What differs between the versions of the kernel's crates.
//!
//! The folder has a file for each version that differs, with the same items in all of them. kbuild
//! chooses one (`Makefile`). Nothing else in the sources depends on the version.

#[cfg_attr(CN_LINUX_7_2, path = "kernel_compat/linux_7_2.rs")]
#[cfg_attr(not(CN_LINUX_7_2), path = "kernel_compat/newest.rs")]
mod version;

pub use version::{nlmsg_free, proc_net, smp_rmb, user_ns, ECONNREFUSED, ENOBUFS};

use core::borrow::Borrow;
use kernel::module_param::ModuleParamAccess;

/// The value of a module parameter. Linux 7.2 gives a reference to it, later versions a copy.
#[inline]
pub fn parameter<T: Copy>(parameter: &ModuleParamAccess<T>) -> T {
    *Borrow::<T>::borrow(&parameter.value())
}
