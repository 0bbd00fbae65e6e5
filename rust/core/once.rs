// SPDX-License-Identifier: GPL-2.0

//! Single loads and stores of shared words.
//!
//! What a relaxed load or store of [`Atomic`] is, without the call of a C function that it costs
//! where `CONFIG_RUST_INLINE_HELPERS` is off.
//!
//! C counterparts: `READ_ONCE()` and `WRITE_ONCE()` in `include/asm-generic/rwonce.h`.

use kernel::sync::atomic::{Atomic, AtomicType};

/// Loads a word once.
///
/// As with `READ_ONCE()`, what is loaded through a pointer that came out of this is loaded later: no
/// architecture for which the kernel can be built with Rust reorders dependent loads.
#[inline(always)]
pub(crate) fn read_once<T: AtomicType>(word: &Atomic<T>) -> T {
    // SAFETY: The pointer is that of a word which exists; other accesses are atomic, and in the
    // kernel's memory model a volatile access of a word is too.
    unsafe { word.as_ptr().read_volatile() }
}

/// Stores a word once.
#[inline(always)]
pub(crate) fn write_once<T: AtomicType>(word: &Atomic<T>, value: T) {
    // SAFETY: As in `read_once`.
    unsafe { word.as_ptr().write_volatile(value) };
}
