// SPDX-License-Identifier: GPL-2.0

//! Atomic words.
//!
//! With loom, an operation that is a full barrier in the kernel is an acquiring and releasing one
//! followed by a sequentially consistent fence. That is less than the kernel guarantees (a full barrier
//! on both sides), so a property that holds here holds there. A read of a pointer acquires, in
//! place of the dependency between it and reads through it, which C11 has no word for that
//! compilers honour.

use core::cell::UnsafeCell;
use core::sync::atomic::Ordering;

pub struct Full;
pub struct Acquire;
pub struct Release;
pub struct Relaxed;

/// An order, as one of C11 and perhaps a fence behind it.
pub trait Order {
    const ORDER: Ordering;
    const FENCE: bool = false;
}

impl Order for Full {
    const ORDER: Ordering = Ordering::AcqRel;
    const FENCE: bool = true;
}

impl Order for Acquire {
    const ORDER: Ordering = Ordering::Acquire;
}

impl Order for Release {
    const ORDER: Ordering = Ordering::Release;
}

impl Order for Relaxed {
    const ORDER: Ordering = Ordering::Relaxed;
}

pub fn fence() {
    super::host::sync::atomic::fence(Ordering::SeqCst);
}

fn fence_after<O: Order>() {
    if O::FENCE {
        fence();
    }
}

/// A word that can be atomic.
pub trait AtomicType: Copy {
    /// Whether it leads somewhere.
    const IS_POINTER: bool = false;
    fn into_word(self) -> usize;
    fn from_word(word: usize) -> Self;
}

impl AtomicType for usize {
    fn into_word(self) -> usize {
        self
    }
    fn from_word(word: usize) -> Self {
        word
    }
}

impl AtomicType for bool {
    fn into_word(self) -> usize {
        self.into()
    }
    fn from_word(word: usize) -> Self {
        word != 0
    }
}

impl AtomicType for u32 {
    fn into_word(self) -> usize {
        self as usize
    }
    fn from_word(word: usize) -> Self {
        word as u32
    }
}

impl AtomicType for u64 {
    fn into_word(self) -> usize {
        self as usize
    }
    fn from_word(word: usize) -> Self {
        word as u64
    }
}

impl<T> AtomicType for *mut T {
    const IS_POINTER: bool = true;
    fn into_word(self) -> usize {
        self.expose_provenance()
    }
    fn from_word(word: usize) -> Self {
        core::ptr::with_exposed_provenance_mut(word)
    }
}

/// Without loom there is one thread, and a plain word does.
#[cfg(not(feature = "loom"))]
pub struct Atomic<T>(UnsafeCell<T>);

#[cfg(feature = "loom")]
pub struct Atomic<T> {
    word: loom::sync::atomic::AtomicUsize,
    _kind: core::marker::PhantomData<UnsafeCell<T>>,
}

unsafe impl<T: AtomicType> Sync for Atomic<T> {}
unsafe impl<T: AtomicType> Send for Atomic<T> {}

#[cfg(not(feature = "loom"))]
impl<T: AtomicType + PartialEq> Atomic<T> {
    fn get(&self) -> T {
        // SAFETY: There is one thread, and no reference to the word.
        unsafe { *self.0.get() }
    }

    pub fn cmpxchg(&self, old: T, new: T, _: impl Order) -> Result<T, T> {
        if self.get() == old {
            Ok(self.swap(new))
        } else {
            Err(self.get())
        }
    }

    pub fn load(&self, _: impl Order) -> T {
        self.get()
    }

    pub fn store(&self, value: T, _: impl Order) {
        self.swap(value);
    }

    pub fn xchg(&self, value: T, _: impl Order) -> T {
        self.swap(value)
    }

    fn swap(&self, value: T) -> T {
        // SAFETY: As in `get`.
        unsafe { core::ptr::replace(self.0.get(), value) }
    }

    pub fn fetch_add(&self, value: T, _: impl Order) -> T {
        let sum = self.get().into_word().wrapping_add(value.into_word());
        self.swap(T::from_word(sum))
    }

    pub fn fetch_sub(&self, value: T, _: impl Order) -> T {
        let sum = self.get().into_word().wrapping_sub(value.into_word());
        self.swap(T::from_word(sum))
    }

    pub fn add(&self, value: T, order: impl Order) {
        self.fetch_add(value, order);
    }
}

#[cfg(not(feature = "loom"))]
impl<T> Atomic<T> {
    pub const fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    pub const fn as_ptr(&self) -> *mut T {
        self.0.get()
    }
}

#[cfg(feature = "loom")]
impl<T: AtomicType> Atomic<T> {
    pub fn new(value: T) -> Self {
        Self {
            word: loom::sync::atomic::AtomicUsize::new(value.into_word()),
            _kind: core::marker::PhantomData,
        }
    }

    pub fn cmpxchg<O: Order>(&self, old: T, new: T, _: O) -> Result<T, T> {
        let result = self.word.compare_exchange(
            old.into_word(),
            new.into_word(),
            O::ORDER,
            Ordering::Relaxed,
        );
        // One that fails orders nothing.
        if result.is_ok() {
            fence_after::<O>();
        }
        result.map(T::from_word).map_err(T::from_word)
    }

    pub fn load<O: Order>(&self, _: O) -> T {
        T::from_word(self.word.load(O::ORDER))
    }

    pub fn store<O: Order>(&self, value: T, _: O) {
        self.word.store(value.into_word(), O::ORDER);
    }

    pub fn xchg<O: Order>(&self, value: T, _: O) -> T {
        let old = self.word.swap(value.into_word(), O::ORDER);
        fence_after::<O>();
        T::from_word(old)
    }

    pub fn fetch_add<O: Order>(&self, value: T, _: O) -> T {
        let old = self.word.fetch_add(value.into_word(), O::ORDER);
        fence_after::<O>();
        T::from_word(old)
    }

    pub fn fetch_sub<O: Order>(&self, value: T, _: O) -> T {
        let old = self.word.fetch_sub(value.into_word(), O::ORDER);
        fence_after::<O>();
        T::from_word(old)
    }

    pub fn add<O: Order>(&self, value: T, order: O) {
        self.fetch_add(value, order);
    }

    pub fn read_once(&self) -> T {
        if T::IS_POINTER {
            self.load(Acquire)
        } else {
            self.load(Relaxed)
        }
    }

    pub fn write_once(&self, value: T) {
        self.store(value, Relaxed);
    }
}
