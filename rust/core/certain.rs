// SPDX-License-Identifier: GPL-2.0

//! Memory that is certain to be there, for what must not fail.

use connector_base::bindings::cn_glue_alloc_certain;
use core::mem::MaybeUninit;
use kernel::prelude::*;

/// Memory for a small value, charged to the running program. Where there is none at once, not even
/// of what is kept for those who cannot wait, this sleeps until there is.
///
/// Context: process.
pub(crate) fn certain<T>() -> KBox<MaybeUninit<T>> {
    // SAFETY: Any size will do.
    let memory = unsafe { cn_glue_alloc_certain(size_of::<T>()) };
    // SAFETY: The glue asks `kmalloc()` with `__GFP_NOFAIL` in the end, so that this is not null.
    // `kmalloc()` aligns memory for any type of this size, which is not aligned to more than that.
    unsafe { KBox::from_raw(memory.cast()) }
}
