// SPDX-License-Identifier: GPL-2.0

//! Operations on shared words, in line.
//!
//! What those of [`Atomic`] are, without the call of a C function that each of them costs where
//! `CONFIG_RUST_INLINE_HELPERS` is off. Those that change a word are done by the instruction that C
//! uses where that is known (x86-64), else by [`Atomic`].
//!
//! C counterparts: `READ_ONCE()` and `WRITE_ONCE()` in `include/asm-generic/rwonce.h`,
//! `atomic64_fetch_add()` and `atomic64_add()`.

use kernel::sync::atomic::{Atomic, AtomicType};

/// Loads a word once.
///
/// As with `READ_ONCE()`, what is loaded through a pointer that came out of this is loaded later:
/// no architecture for which the kernel can be built with Rust reorders dependent loads.
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

pub(crate) use words::{add, fetch_add};

/// On x86-64, an instruction with a lock prefix is a full barrier for the processor, and an `asm!`
/// that may touch memory is one for the compiler.
#[cfg(all(target_arch = "x86_64", not(CONFIG_RUST_INLINE_HELPERS)))]
mod words {
    use core::arch::asm;
    use kernel::sync::atomic::Atomic;

    /// Adds to a word, and returns what it was. A full barrier.
    #[inline(always)]
    pub(crate) fn fetch_add(word: &Atomic<u64>, number: u64) -> u64 {
        let old: u64;
        // SAFETY: The pointer is that of a word which exists.
        unsafe {
            asm!(
                "lock xadd qword ptr [{word}], {number}",
                word = in(reg) word.as_ptr(),
                number = inout(reg) number => old,
                options(nostack),
            );
        }
        old
    }

    /// Adds to a word. Orders nothing.
    #[inline(always)]
    pub(crate) fn add(word: &Atomic<u64>, number: u64) {
        // SAFETY: As in `fetch_add`.
        unsafe {
            asm!(
                "lock add qword ptr [{word}], {number}",
                word = in(reg) word.as_ptr(),
                number = in(reg) number,
                options(nostack),
            );
        }
    }
}

#[cfg(not(all(target_arch = "x86_64", not(CONFIG_RUST_INLINE_HELPERS))))]
mod words {
    use kernel::sync::atomic::{Atomic, Full, Relaxed};

    /// Adds to a word, and returns what it was. A full barrier.
    #[inline(always)]
    pub(crate) fn fetch_add(word: &Atomic<u64>, number: u64) -> u64 {
        word.fetch_add(number, Full)
    }

    /// Adds to a word. Orders nothing.
    #[inline(always)]
    pub(crate) fn add(word: &Atomic<u64>, number: u64) {
        word.add(number, Relaxed);
    }
}
