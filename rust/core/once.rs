// SPDX-License-Identifier: GPL-2.0

//! Operations on shared words, in line.
//!
//! What those of [`Atomic`] are, without the call of a C function that each of them costs where
//! `CONFIG_RUST_INLINE_HELPERS` is off. Those that change a word are done by the instruction that C
//! uses where that is known (x86-64), else by [`Atomic`].
//!
//! C counterparts: `READ_ONCE()` and `WRITE_ONCE()` in `include/asm-generic/rwonce.h`,
//! `atomic_long_try_cmpxchg()`, `atomic_long_xchg()` and `atomic64_add()`.

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

pub(crate) use words::{add, replace, take};

/// On x86-64, an instruction with a lock prefix (which `xchg` has by itself) is a full barrier for
/// the processor, and an `asm!` that may touch memory is one for the compiler.
#[cfg(all(target_arch = "x86_64", not(CONFIG_RUST_INLINE_HELPERS)))]
mod words {
    use core::arch::asm;
    use kernel::sync::atomic::Atomic;

    /// Sets a word to `new` if it is 0, and returns whether it was. A full barrier if so.
    #[inline(always)]
    pub(crate) fn take(word: &Atomic<usize>, new: usize) -> bool {
        let old: usize;
        // SAFETY: The pointer is that of a word which exists.
        unsafe {
            asm!(
                "lock cmpxchg qword ptr [{word}], {new}",
                word = in(reg) word.as_ptr(),
                new = in(reg) new,
                inout("rax") 0usize => old,
                options(nostack),
            );
        }
        old == 0
    }

    /// Sets a word to `new`. A full barrier.
    #[inline(always)]
    pub(crate) fn replace(word: &Atomic<usize>, new: usize) {
        // SAFETY: As in `take`.
        unsafe {
            asm!(
                "xchg qword ptr [{word}], {new}",
                word = in(reg) word.as_ptr(),
                new = inout(reg) new => _,
                options(nostack, preserves_flags),
            );
        }
    }

    /// Adds to a word. Orders nothing.
    #[inline(always)]
    pub(crate) fn add(word: &Atomic<u64>, number: u64) {
        // SAFETY: As in `take`.
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

    /// Sets a word to `new` if it is 0, and returns whether it was. A full barrier if so.
    #[inline(always)]
    pub(crate) fn take(word: &Atomic<usize>, new: usize) -> bool {
        word.cmpxchg(0, new, Full).is_ok()
    }

    /// Sets a word to `new`. A full barrier.
    #[inline(always)]
    pub(crate) fn replace(word: &Atomic<usize>, new: usize) {
        word.xchg(new, Full);
    }

    /// Adds to a word. Orders nothing.
    #[inline(always)]
    pub(crate) fn add(word: &Atomic<u64>, number: u64) {
        word.add(number, Relaxed);
    }
}
