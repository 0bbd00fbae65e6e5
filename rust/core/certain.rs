// SPDX-License-Identifier: GPL-2.0

//! Memory that is certain to be there, for what must not fail.

use connector::bindings::cn_glue_alloc_certain;
use core::mem::MaybeUninit;
use kernel::prelude::*;

/// Memory for a small value, charged to the running program. Sleeps until there is some.
///
/// Context: process.
pub(crate) fn certain<T>() -> KBox<MaybeUninit<T>> {
    // SAFETY: Any size will do.
    let memory = unsafe { cn_glue_alloc_certain(size_of::<T>()) };
    // SAFETY: The memory came from `kmalloc()`, which has not failed, and which aligns it enough.
    // It need not be initialized.
    unsafe { KBox::from_raw(memory.cast()) }
}
