// SPDX-License-Identifier: GPL-2.0

//! What differs between the versions of the kernel's crates.
//!
//! An item that exists twice is for Linux 7.2, and for 7.3 and, as far as is known, later versions.
//! Nothing else in the sources depends on the version.

#![forbid(unsafe_code)]

#[cfg(CN_LINUX_7_2)]
pub use kernel::sync::barrier::smp_rmb;

use core::borrow::Borrow;
use kernel::module_param::ModuleParamAccess;

/// A barrier between loads before it and loads behind it.
#[cfg(not(CN_LINUX_7_2))]
#[inline(always)]
pub fn smp_rmb() {
    use kernel::sync::barrier::{smp_mb, Read};

    smp_mb(Read);
}

/// The value of a module parameter. Linux 7.2 gives a reference to it, later versions a copy.
#[inline]
pub fn parameter<T: Copy>(parameter: &ModuleParamAccess<T>) -> T {
    *Borrow::<T>::borrow(&parameter.value())
}

/// The module that a crate is, of the type that it gave `module!`.
#[cfg(CN_LINUX_7_2)]
#[macro_export]
macro_rules! this_module {
    ($module:ty) => {
        &crate::THIS_MODULE
    };
}

/// The module that a crate is, of the type that it gave `module!`.
#[cfg(not(CN_LINUX_7_2))]
#[macro_export]
macro_rules! this_module {
    ($module:ty) => {
        ::kernel::module::this_module::<$module>()
    };
}
