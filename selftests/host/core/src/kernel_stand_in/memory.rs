// SPDX-License-Identifier: GPL-2.0

//! Memory: boxes, arrays, allocations that fail on demand, and freeing after a grace
//! period.
//!
//! Each allocation is recorded. A double free panics, and so does a function that may sleep when it
//! is called under RCU. With loom, memory is kept until the end of a run so that a late use can be
//! noticed, and each use is reported to loom. A grace period is as short as possible: memory is
//! freed when the last reader ends that existed at the request.

use super::prelude::*;
use core::{
    cell::{Cell, RefCell},
    ops::{Deref, DerefMut},
    ptr::NonNull,
};
use std::{alloc::Layout, collections::BTreeMap};

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
    static ALLOCATIONS: RefCell<BTreeMap<usize, Allocation>> = RefCell::default();
    static FAIL_IN: Cell<u64> = const { Cell::new(u64::MAX) };
    /// The readers under RCU, by the order in which they began.
    static READERS: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
    static LAST_READER: Cell<u64> = const { Cell::new(0) };
}

/// Makes the allocation after `count` ones fail, once.
pub fn fail_after(count: u64) {
    FAIL_IN.set(count);
}

/// How many allocations there are.
pub fn allocations() -> usize {
    ALLOCATIONS.with_borrow(BTreeMap::len)
}

/// A reader under RCU.
pub struct Reader(u64);

impl Reader {
    pub fn new() -> Self {
        #[cfg(feature = "loom")]
        grace::begin();
        LAST_READER.set(LAST_READER.get() + 1);
        READERS.with_borrow_mut(|readers| readers.push(LAST_READER.get()));
        Self(LAST_READER.get())
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        #[cfg(feature = "loom")]
        grace::end();
        READERS.with_borrow_mut(|readers| readers.retain(|reader| *reader != self.0));
        #[cfg(feature = "loom")]
        grace::free_what_is_due();
    }
}

/// Grace periods, reported to loom. All accesses of a reader precede the free that waits for it. A
/// reader that begins later sees all changes before the grace period. Readers order nothing among
/// each other.
#[cfg(feature = "loom")]
mod grace {
    use super::{free, READERS};
    use core::cell::RefCell;
    use loom::sync::atomic::{AtomicUsize, Ordering};

    loom::lazy_static! {
        static ref ENDED: AtomicUsize = AtomicUsize::new(0);
        static ref BEGUN: AtomicUsize = AtomicUsize::new(0);
    }

    std::thread_local! {
        /// Memory, and the readers that are waited for.
        static DUE: RefCell<Vec<(*mut u8, Vec<u64>)>> = const { RefCell::new(Vec::new()) };
    }

    pub fn begin() {
        BEGUN.fetch_add(0, Ordering::Acquire);
    }

    pub fn end() {
        ENDED.fetch_add(1, Ordering::Release);
    }

    /// # Safety
    ///
    /// As `free`.
    pub unsafe fn free_later(memory: *mut u8) {
        // Later readers, and the task that frees, see all earlier unlinking.
        BEGUN.fetch_add(1, Ordering::Release);
        ENDED.fetch_add(1, Ordering::Release);
        let readers = READERS.with_borrow(Vec::clone);
        DUE.with_borrow_mut(|due| due.push((memory, readers)));
        free_what_is_due();
    }

    pub fn free_what_is_due() {
        let now = READERS.with_borrow(Vec::clone);
        let is_due = |readers: &[u64]| !readers.iter().any(|reader| now.contains(reader));
        let (ripe, later) = DUE
            .take()
            .into_iter()
            .partition(|(_, readers)| is_due(readers));
        DUE.set(later);
        let ripe: Vec<(*mut u8, Vec<u64>)> = ripe;
        for (memory, _) in ripe {
            ENDED.fetch_add(0, Ordering::Acquire);
            // SAFETY: As `free_later` requires it.
            unsafe { free(memory) };
        }
    }

    pub fn forget_all() {
        DUE.take();
        READERS.take();
    }
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
    // No other thread uses it at the same time, and all uses precede.
    uses.with_mut(|_| ());
}

/// Frees memory when all current readers have ended. May sleep.
///
/// # Safety
///
/// It was allocated here.
pub unsafe fn free_deferred<T>(memory: *mut T) {
    // SAFETY: By the safety requirements.
    #[cfg(feature = "loom")]
    unsafe {
        grace::free_later(memory.cast())
    };
    #[cfg(not(feature = "loom"))]
    {
        assert!(
            READERS.with_borrow(Vec::is_empty),
            "something that sleeps is called under the RCU read lock"
        );
        // SAFETY: By the safety requirements.
        unsafe { free(memory.cast()) };
    }
}

/// Frees memory without a grace period, which is a bug.
///
/// # Safety
///
/// It was allocated here.
#[cfg(feature = "loom")]
pub unsafe fn free_now<T>(memory: *mut T) {
    // SAFETY: By the safety requirements.
    unsafe { free(memory.cast()) };
}

/// Reports the use of an object, or of a part of one, to loom. It must not have been freed.
pub fn touch<T>(_object: *const T) {
    #[cfg(feature = "loom")]
    {
        let uses = ALLOCATIONS.with_borrow(|all| {
            let (_, allocation) = all
                .range(..=_object.addr())
                .next_back()
                .filter(|(start, one)| _object.addr() < *start + one.layout.size())
                .expect("use of something that is not allocated");
            assert!(!allocation.is_freed, "use after free");
            allocation.uses.clone()
        });
        uses.with(|_| ());
    }
}

/// Discards the records of a run of loom.
#[cfg(feature = "loom")]
pub fn forget_all() -> usize {
    grace::forget_all();
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

/// Types that can start as zeroes.
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

/// As in the kernel, for objects that are not counted here.
pub struct Arc<T: ?Sized>(std::sync::Arc<T>);

impl<T> Arc<T> {
    pub fn into_raw(this: Self) -> *const T {
        std::sync::Arc::into_raw(this.0)
    }

    /// # Safety
    ///
    /// As in the kernel.
    pub unsafe fn from_raw(pointer: *const T) -> Self {
        // SAFETY: By the safety requirements.
        Self(unsafe { std::sync::Arc::from_raw(pointer) })
    }
}

impl<T> Deref for Arc<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
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
