// SPDX-License-Identifier: GPL-2.0

//! Words and pointers that several processors use at the same time.
//!
//! - [`read_once`], [`write_once`], [`add`], [`fetch_add`]: what [`Atomic`] does, in line: without
//!   the call of a C function that each of them costs where `CONFIG_RUST_INLINE_HELPERS` is off.
//! - [`RcuPointer`], [`RcuSlot`], [`RcuArrayPointer`]: read by a [`Reader`] without a lock.
//! - [`ListPointer`]: read and changed under a lock, whose holder has the [`Changes`].
//! - [`StackList`]: values on the stacks of tasks, which all tasks can see.
//! - [`race_delay`]: makes races more likely, on kernels with checks.
//!
//! Following a pointer is safe: its target is freed a grace period after the last pointer to it was
//! removed, at the earliest. Freeing is unsafe.
//!
//! C counterparts: `include/asm-generic/rwonce.h`, `include/linux/rcupdate.h`,
//! `atomic64_fetch_add()` and `atomic64_add()`.

#![allow(unsafe_code)]

use connector_base::bindings;
use core::{cell::Cell, marker::PhantomData};
use kernel::{
    new_spinlock,
    prelude::*,
    sync::{
        atomic::{Atomic, AtomicType, Full, Relaxed, Release},
        rcu::Guard,
        SpinLock,
    },
    time::{delay::udelay, Delta},
    types::NotThreadSafe,
};

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

/// A count, which may start as memory that is all zeroes.
#[repr(transparent)]
pub(crate) struct Count(Atomic<u64>);

// SAFETY: All zeroes is the count 0.
unsafe impl Zeroable for Count {}

impl Count {
    /// Adds one. A full barrier.
    pub(crate) fn increment(&self) {
        self.0.fetch_add(1u64, Full);
    }

    /// Takes one off. A full barrier.
    pub(crate) fn decrement(&self) {
        self.0.fetch_sub(1u64, Full);
    }

    pub(crate) fn is_zero(&self) -> bool {
        read_once(&self.0) == 0
    }
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

/// A proof that pointers can be followed.
///
/// # Safety
///
/// The target of a pointer that was read is not freed while this lives.
pub(crate) unsafe trait Reader {}

// SAFETY: A removed target is freed a grace period later at the earliest, which this holds off.
unsafe impl Reader for Guard {}

/// Keeps the running task on its processor. RCU waits for that as for the RCU read lock. It takes a
/// third of the instructions of that lock, and is for the fast path.
pub(crate) struct Preemption(NotThreadSafe);

impl Preemption {
    /// Turns preemption off until the result is dropped. Context: any.
    #[inline(always)]
    pub(crate) fn disable() -> Self {
        // SAFETY: In any context; the drop turns it on again.
        unsafe { bindings::cn_glue_preempt_disable() };
        Self(NotThreadSafe)
    }
}

impl Drop for Preemption {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: `disable` has turned it off.
        unsafe { bindings::cn_glue_preempt_enable() };
    }
}

// SAFETY: As for the guard: a grace period ends only after all processors were preemptible.
unsafe impl Reader for Preemption {}

/// The proof that no other task changes what is protected by a lock; there is one, under that lock.
pub(crate) struct Changes(PhantomData<Cell<()>>);

impl Changes {
    /// # Safety
    ///
    /// The result must become a part of the data of a new spin lock, and stay there. It must be
    /// used with the pointers that this lock protects, and they with no other.
    pub(crate) const unsafe fn new() -> Self {
        Self(PhantomData)
    }
}

// SAFETY: This is under a spin lock. RCU waits for the holder as for a reader.
unsafe impl Reader for Changes {}

/// A type whose shared values readers may find.
///
/// # Safety
///
/// A value that was published must be freed by [`free_deferred`] alone, after no pointer leads to
/// it any more. References to it may be used by all tasks.
pub(crate) unsafe trait RcuFreed: Send + Sync {}

/// A pointer which is read without a lock, or null.
///
/// # Invariants
///
/// What it leads to is freed at least a grace period after it was taken out of the structure: after
/// the last pointer that leads to it from what new readers find was changed. A reader that found
/// the value with this pointer earlier may follow it as well.
#[repr(transparent)]
pub(crate) struct RcuPointer<T>(Atomic<*mut T>);

impl<T: RcuFreed> RcuPointer<T> {
    /// Leads nowhere.
    pub(crate) const fn null() -> Self {
        Self(Atomic::new(core::ptr::null_mut()))
    }

    /// Follows the pointer. What was written before [`Self::set`] is visible through the result.
    #[inline]
    pub(crate) fn read<'a>(&self, _reader: &'a impl Reader) -> Option<&'a T> {
        // SAFETY: By the type invariants; the reader holds off that it is freed.
        unsafe { read_once(&self.0).as_ref() }
    }

    /// Publishes `new`, which is freed as the invariants say.
    #[inline]
    pub(crate) fn set(&self, new: Option<&T>) {
        // INVARIANT: The owner of `new` frees it as the invariants say.
        self.0.store(as_ptr(new), Release);
    }
}

/// The content of a slot.
pub(crate) enum Slot<'a, T> {
    Empty,
    /// An element was removed; a search continues behind it.
    Removed,
    Taken(&'a T),
}

/// A slot which is read without a lock. All zeroes is an empty one.
///
/// # Invariants
///
/// As for [`RcuPointer`].
#[repr(transparent)]
pub(crate) struct RcuSlot<T>(Atomic<*mut T>);

// SAFETY: All zeroes is a null pointer.
unsafe impl<T> Zeroable for RcuSlot<T> {}

impl<T: RcuFreed> RcuSlot<T> {
    /// Stands in a slot from which something was removed.
    const REMOVED: *mut T = core::ptr::dangling_mut();

    /// Reads the slot. What was written before [`Self::set`] is visible through the result.
    #[inline]
    pub(crate) fn read<'a>(&self, _reader: &'a impl Reader) -> Slot<'a, T> {
        let pointer = read_once(&self.0);
        if pointer.addr() <= Self::REMOVED.addr() {
            return if pointer.is_null() {
                Slot::Empty
            } else {
                Slot::Removed
            };
        }
        // SAFETY: By the type invariants; the reader holds off that it is freed.
        Slot::Taken(unsafe { &*pointer })
    }

    /// Publishes `new`, which is freed as the invariants say.
    #[inline]
    pub(crate) fn set(&self, new: &T) {
        // INVARIANT: The owner of `new` frees it as the invariants say.
        self.0.store(as_ptr(Some(new)), Release);
    }

    /// Removes what is in the slot.
    pub(crate) fn remove(&self) {
        self.0.store(Self::REMOVED, Release);
    }
}

/// A pointer, or null, that only the holder of the [`Changes`] reads and changes.
///
/// # Invariants
///
/// As for [`RcuPointer`].
pub(crate) struct ListPointer<T>(Cell<*mut T>);

impl<T: RcuFreed> ListPointer<T> {
    /// Leads nowhere.
    pub(crate) const fn null() -> Self {
        Self(Cell::new(core::ptr::null_mut()))
    }

    /// Follows the pointer.
    pub(crate) fn read<'a>(&self, _changes: &'a Changes) -> Option<&'a T> {
        // SAFETY: By the type invariants; no other task removes the target meanwhile.
        unsafe { self.0.get().as_ref() }
    }

    /// Changes the pointer.
    pub(crate) fn set(&self, new: Option<&T>, _changes: &Changes) {
        // INVARIANT: The owner of `new` frees it as the invariants say.
        self.0.set(as_ptr(new));
    }
}

// SAFETY: Only the holder of the `Changes` accesses the cell. There is one at a time, since they
// are not `Sync`.
unsafe impl<T: RcuFreed> Send for ListPointer<T> {}

// SAFETY: As above.
unsafe impl<T: RcuFreed> Sync for ListPointer<T> {}

fn as_ptr<T>(reference: Option<&T>) -> *mut T {
    reference.map_or(core::ptr::null_mut(), |reference| {
        core::ptr::from_ref(reference).cast_mut()
    })
}

/// An array, and a number that belongs to it.
pub(crate) struct RcuArray<T> {
    pub(crate) elements: KVVec<T>,
    pub(crate) number: u32,
}

/// A pointer to an array that is replaced as a whole.
///
/// # Invariants
///
/// Owns an array in a [`KBox`], which readers may be using.
#[repr(transparent)]
pub(crate) struct RcuArrayPointer<T>(Atomic<*mut RcuArray<T>>);

impl<T> RcuArrayPointer<T> {
    /// Leads to `array`.
    pub(crate) fn new(array: KBox<RcuArray<T>>) -> Self {
        // INVARIANT: Owns what was given away.
        Self(Atomic::new(KBox::into_raw(array)))
    }

    /// Follows the pointer.
    #[inline]
    pub(crate) fn read<'a>(&self, _reader: &'a impl Reader) -> &'a RcuArray<T> {
        // SAFETY: By the type invariants; it is freed a grace period after it was replaced, which
        // the reader holds off.
        unsafe { &*read_once(&self.0) }
    }

    /// Publishes `new`, and returns the previous array. The [`Changes`] exclude other writers.
    pub(crate) fn replace(&self, new: KBox<RcuArray<T>>, _changes: &Changes) -> RetiredArray<T> {
        let old = read_once(&self.0);
        // INVARIANT: Owns what was given away.
        self.0.store(KBox::into_raw(new), Release);
        // INVARIANT: It was owned by this, and new readers do not find it any more.
        RetiredArray(old)
    }
}

impl<T> Drop for RcuArrayPointer<T> {
    fn drop(&mut self) {
        // INVARIANT: It was owned by this, which is gone.
        drop(RetiredArray(read_once(&self.0)));
    }
}

// SAFETY: Readers of all threads may use what it leads to.
unsafe impl<T: Send + Sync> Send for RcuArrayPointer<T> {}

// SAFETY: As above.
unsafe impl<T: Send + Sync> Sync for RcuArrayPointer<T> {}

/// A replaced array, which readers may still use. It is freed a grace period after this is dropped.
/// The drop may sleep. The elements are not dropped.
///
/// # Invariants
///
/// Owns an array in a [`KBox`], which new readers do not find.
pub(crate) struct RetiredArray<T>(*mut RcuArray<T>);

impl<T> Drop for RetiredArray<T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariants. The pointer is read out of the array before that is
        // freed, and the vector is not used afterwards.
        unsafe {
            let (elements, _, _) = core::ptr::read(&raw const (*self.0).elements).into_raw_parts();
            free_deferred(elements);
            free_deferred(self.0);
        }
    }
}

/// Frees memory after a grace period, without running a destructor.
///
/// May sleep; waits for the grace period only where memory is so short that it can't be deferred.
///
/// # Safety
///
/// `memory` must come from `kmalloc()` or `kvmalloc()`, new readers must not be able to find it,
/// and only readers that found it earlier may use it.
pub(crate) unsafe fn free_deferred<T>(memory: *mut T) {
    // SAFETY: By the safety requirements of this function.
    unsafe { bindings::cn_glue_kvfree_rcu(memory.cast::<c_void>()) };
}

/// A value that a task has put into a [`StackList`].
struct Node<T> {
    value: *const T,
    /// The next one, or null; used with the list locked.
    next: Cell<*const Self>,
}

/// The first node of a list, or null.
struct FirstNode<T>(*const Node<T>);

// SAFETY: All tasks may use the values by reference, and whoever has the lock the nodes.
unsafe impl<T: Sync> Send for FirstNode<T> {}

/// Values that tasks have put here, each for the time of a function. The nodes are on the stacks of
/// these tasks. So putting a value here allocates nothing, and cannot fail.
///
/// # Invariants
///
/// The nodes from the first one on form a list that ends with null; it changes with the lock held.
/// A node stays as long as it is in the list, and so does its value.
#[pin_data]
pub(crate) struct StackList<T> {
    #[pin]
    first: SpinLock<FirstNode<T>>,
}

impl<T: Sync> StackList<T> {
    /// An empty list.
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            first <- new_spinlock!(FirstNode(core::ptr::null()), "cn_stack_list"),
        })
    }

    /// Whether `predicate` holds for one of the values. Does not sleep, and `predicate` must not.
    pub(crate) fn any(&self, predicate: impl Fn(&T) -> bool) -> bool {
        // SAFETY: By the type invariants; the list is locked.
        nodes(&self.first.lock()).any(|node| predicate(unsafe { &*node.value }))
    }

    /// Runs `work`, during which `value` is in the list. Sleeps if `work` does.
    pub(crate) fn with<R>(&self, value: &T, work: impl FnOnce() -> R) -> R {
        let node = Node {
            value,
            next: Cell::new(core::ptr::null()),
        };
        let mut first = self.first.lock();
        node.next.set(first.0);
        // INVARIANT: The former first node is behind this one, which is removed below, before it is
        // gone: there is no unwinding in the kernel.
        first.0 = &raw const node;
        drop(first);
        let result = work();
        self.remove(&node);
        result
    }

    /// Removes a node of this list.
    fn remove(&self, node: &Node<T>) {
        let mut first = self.first.lock();
        // INVARIANT: The list goes on behind the node.
        if core::ptr::eq(first.0, node) {
            first.0 = node.next.get();
        } else if let Some(previous) = nodes(&first).find(|one| core::ptr::eq(one.next.get(), node))
        {
            previous.next.set(node.next.get());
        }
    }
}

/// The nodes of a list, which is locked.
fn nodes<T>(first: &FirstNode<T>) -> impl Iterator<Item = &Node<T>> {
    // SAFETY: By the invariants of `StackList`: no node leaves the list while that is locked.
    let first = unsafe { first.0.as_ref() };
    // SAFETY: As above.
    core::iter::successors(first, |node| unsafe { node.next.get().as_ref() })
}

/// Waits for up to 30 microseconds, in one of sixteen calls. It stands between two steps, so that
/// tests meet orders of steps that are rare otherwise. Only in kernels with checks
/// (`CONFIG_RUST_DEBUG_ASSERTIONS`); in others there is no such code.
///
/// Does not sleep. Context: any.
#[inline(always)]
pub(crate) fn race_delay() {
    if cfg!(CONFIG_RUST_DEBUG_ASSERTIONS) {
        wait_now_and_then();
    }
}

#[cold]
fn wait_now_and_then() {
    static CALLS: Atomic<u32> = Atomic::new(0);
    // The upper bits of such a product are as good as random.
    let chance = CALLS.fetch_add(1, Relaxed).wrapping_mul(0x9e37_79b9) >> 24;
    if chance < 16 {
        udelay(Delta::from_micros(i64::from(chance).saturating_mul(2)));
    }
}
