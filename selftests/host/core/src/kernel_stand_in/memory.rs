// SPDX-License-Identifier: GPL-2.0

//! Memory: boxes, arrays, allocations that fail when they are told to, and freeing after a grace
//! period.
//!
//! Each allocation is written down. What is freed twice, or freed while a reader under RCU lives, panics.
//! With loom, memory is kept until the end of a run so that a late use can be noticed, each use is told
//! to loom, and an object is freed at once: the models have no readers under RCU, but such with seats,
//! for whom it is the least patient grace period that there is.

use super::prelude::*;
use core::{
    cell::{Cell, RefCell},
    ops::{Deref, DerefMut},
    ptr::NonNull,
};
use std::{alloc::Layout, collections::HashMap};

#[derive(Clone, Copy)]
pub struct Flags(u32);

pub const GFP_KERNEL: Flags = Flags(1);
pub const GFP_ATOMIC: Flags = Flags(2);
pub const __GFP_ZERO: Flags = Flags(4);

impl core::ops::BitOr for Flags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

struct Allocation {
    layout: Layout,
    #[cfg(feature = "loom")]
    uses: std::rc::Rc<loom::cell::UnsafeCell<()>>,
    #[cfg(feature = "loom")]
    is_freed: bool,
}

// loom runs its threads in turn, in one thread of the host.
std::thread_local! {
    static ALLOCATIONS: RefCell<HashMap<usize, Allocation>> = RefCell::default();
    static FAIL_IN: Cell<u64> = const { Cell::new(u64::MAX) };
    static READERS: Cell<isize> = const { Cell::new(0) };
}

/// Makes the allocation after `count` ones fail, once.
pub fn fail_after(count: u64) {
    FAIL_IN.set(count);
}

/// How many allocations there are.
pub fn allocations() -> usize {
    ALLOCATIONS.with_borrow(HashMap::len)
}

pub fn readers(change: isize) {
    READERS.set(READERS.get() + change);
}

fn allocate(layout: Layout) -> Result<NonNull<u8>> {
    FAIL_IN.set(FAIL_IN.get().wrapping_sub(1));
    if FAIL_IN.get() == u64::MAX {
        return Err(ENOMEM);
    }
    // SAFETY: Nothing that is allocated here is empty.
    let memory = NonNull::new(unsafe { std::alloc::alloc_zeroed(layout) }).ok_or(ENOMEM)?;
    let allocation = Allocation {
        layout,
        #[cfg(feature = "loom")]
        uses: std::rc::Rc::new(loom::cell::UnsafeCell::new(())),
        #[cfg(feature = "loom")]
        is_freed: false,
    };
    #[cfg(feature = "loom")]
    allocation.uses.with_mut(|_| ());
    ALLOCATIONS.with_borrow_mut(|all| all.insert(memory.addr().get(), allocation));
    Ok(memory)
}

#[cfg(not(feature = "loom"))]
unsafe fn free(memory: *mut u8) {
    let allocation = ALLOCATIONS.with_borrow_mut(|all| all.remove(&memory.addr()));
    let allocation = allocation.expect("something is freed that is not allocated");
    // SAFETY: It was allocated with this layout.
    unsafe { std::alloc::dealloc(memory, allocation.layout) };
}

#[cfg(feature = "loom")]
unsafe fn free(memory: *mut u8) {
    let uses = ALLOCATIONS.with_borrow_mut(|all| {
        let allocation = all
            .get_mut(&memory.addr())
            .expect("something is freed that is not allocated");
        assert!(!allocation.is_freed, "something is freed twice");
        allocation.is_freed = true;
        allocation.uses.clone()
    });
    // Nobody uses it at the same time, and all uses come before.
    uses.with_mut(|_| ());
}

/// Frees memory when the readers that there are now are gone. May sleep.
///
/// # Safety
///
/// It was allocated here.
pub unsafe fn free_deferred<T>(memory: *mut T) {
    #[cfg(not(feature = "loom"))]
    assert_eq!(
        READERS.get(),
        0,
        "something that sleeps is called under the RCU read lock"
    );
    // SAFETY: By the safety requirements.
    unsafe { free(memory.cast()) };
}

/// Tells loom that an object is used, which must not have been freed.
pub fn touch<T>(_object: *const T) {
    #[cfg(feature = "loom")]
    {
        let uses = ALLOCATIONS.with_borrow(|all| {
            let allocation = all
                .get(&_object.addr())
                .expect("use of something that is not allocated");
            assert!(!allocation.is_freed, "use after free");
            allocation.uses.clone()
        });
        uses.with(|_| ());
    }
}

/// Forgets what a run of loom has left.
#[cfg(feature = "loom")]
pub fn forget_all() -> usize {
    let all = ALLOCATIONS.take();
    for (address, allocation) in &all {
        // SAFETY: The run is over.
        unsafe {
            std::alloc::dealloc(
                core::ptr::with_exposed_provenance_mut(*address),
                allocation.layout,
            )
        };
    }
    all.values()
        .filter(|allocation| !allocation.is_freed)
        .count()
}

/// What can start as zeroes.
///
/// # Safety
///
/// All zeroes is a value, unless `zeroed` makes another one.
pub unsafe trait Zeroable: Sized {
    fn zeroed() -> Self {
        // SAFETY: By the safety requirements.
        unsafe { core::mem::zeroed() }
    }
}

pub struct KBox<T>(NonNull<T>);

unsafe impl<T: Send> Send for KBox<T> {}
unsafe impl<T: Sync> Sync for KBox<T> {}

impl<T> KBox<T> {
    pub fn new(value: T, _: Flags) -> Result<Self> {
        let memory = allocate(Layout::new::<T>())?.cast();
        // SAFETY: There is room for it.
        unsafe { memory.write(value) };
        memory.as_ptr().expose_provenance();
        Ok(Self(memory))
    }

    pub fn pin_init<E>(init: impl PinInit<T, E>, flags: Flags) -> Result<Pin<Self>>
    where
        Error: From<E>,
    {
        // SAFETY: The box owns the value, which is not moved out of it.
        Ok(unsafe { Pin::new_unchecked(Self::new(init.make()?, flags)?) })
    }

    pub fn leak<'a>(this: Self) -> &'a mut T {
        // SAFETY: The value is given up.
        unsafe { &mut *Self::into_raw(this) }
    }

    pub fn into_raw(this: Self) -> *mut T {
        core::mem::ManuallyDrop::new(this).0.as_ptr()
    }
}

impl<T> Deref for KBox<T> {
    type Target = T;

    fn deref(&self) -> &T {
        touch(self.0.as_ptr());
        // SAFETY: The box owns it.
        unsafe { self.0.as_ref() }
    }
}

impl<T> DerefMut for KBox<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: The box owns it.
        unsafe { self.0.as_mut() }
    }
}

impl<T> Drop for KBox<T> {
    fn drop(&mut self) {
        // SAFETY: The box owns it.
        unsafe {
            self.0.drop_in_place();
            free(self.0.as_ptr().cast());
        }
    }
}

pub struct KVVec<T> {
    array: *mut T,
    len: usize,
    capacity: usize,
}

impl<T> KVVec<T> {
    pub fn with_capacity(capacity: usize, _: Flags) -> Result<Self> {
        let layout = Layout::array::<T>(capacity).map_err(|_| ENOMEM)?;
        let array = allocate(layout)?.as_ptr().cast();
        Ok(Self {
            array,
            len: 0,
            capacity,
        })
    }

    pub fn into_raw_parts(self) -> (*mut T, usize, usize) {
        let this = core::mem::ManuallyDrop::new(self);
        (this.array, this.len, this.capacity)
    }

    /// # Safety
    ///
    /// As in the kernel.
    pub unsafe fn from_raw_parts(array: *mut T, len: usize, capacity: usize) -> Self {
        Self {
            array,
            len,
            capacity,
        }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn get(&self, index: usize) -> Option<&T> {
        touch(self.array);
        // SAFETY: It is inside.
        (index < self.len).then(|| unsafe { &*self.array.add(index) })
    }
}

impl<T> Drop for KVVec<T> {
    fn drop(&mut self) {
        // SAFETY: The array is not used any more; its elements need no destructor.
        unsafe { free(self.array.cast()) };
    }
}
