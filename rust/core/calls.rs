// SPDX-License-Identifier: GPL-2.0

//! Calls from the connector into modules: counted, so that unregistering can wait for them; marked
//! on the stack of the running task; and followed by the reclaim that was deferred to their end.
//!
//! # The count
//!
//! [`Calls`] counts the calls of something that can be unregistered: a callback, a watcher. It is a
//! reference count that is split in two words which only grow: how many calls were entered, and how
//! many have left. The registration itself counts as one. While both differ, the subject is in use;
//! the second word also says how many calls there were, so that the receive path has no other
//! counter to change.
//!
//! Unregistering marks the first word as dead. From then on no call is entered, so the number of
//! calls is final. The second word is then raised, so that it reaches [`DEAD`] when all calls but
//! one have left. Then unregistering leaves for the registration. The task that leaves last
//! reclaims the subject; there is exactly one.
//!
//! | caller                        | task that unregisters              |
//! |-------------------------------|------------------------------------|
//! | enters, unless dead (A: full) | takes the subject out of the table |
//! | calls                         | marks it as dead (A: full)         |
//! |                               | moves the second word up           |
//! | leaves (B: full)              | leaves (B: full)                   |
//!
//! A: both change the same word, so a call is either counted before the mark, or refused. (A
//! refused call changes the word, too; its count is not read after the mark.)
//!
//! B: the task that leaves last sees everything that the others did. The operation itself returns
//! whether it was the last one. All other tasks must not access the subject any more, since it can
//! be reclaimed and freed at that moment.
//!
//! The memory of the subject must stay until an RCU grace period after it was reclaimed: a caller
//! that found it in the table looks at the first word under the RCU read lock.
//!
//! `selftests/litmus` has both in the kernel's memory model (calls-, memory-).
//!
//! # The mark
//!
//! The connector runs code of a module (a handler, a filter of senders, a watcher, a release) by
//! [`call_out`], with no lock held. [`call_out`] marks the stack of the running task. When a module
//! calls back into the connector, the mark shows that the task is inside of such a call:
//!
//! - Inside, unregistering does not wait, since it could wait for itself, or for a task that waits
//!   for it.
//! - Reclaim is deferred to the outermost call, which does it before it returns: one subject after
//!   the other, without recursion.
//!
//! The mark is a word on the stack that is its own address, combined with a random number. It costs
//! two stores for each call and shares no memory between tasks. Only unregistering searches for the
//! mark. The cost of the search depends on the depth of the stack, not on the number of tasks.
//!
//! C counterparts: `refcount_inc_not_zero()` and `refcount_dec_and_test()` in
//! `include/linux/refcount.h`; none of the mark (`object_is_on_stack()` asks the reverse).

#![allow(unsafe_code)]

use crate::sync::{fetch_add, read_once, write_once};
use connector_base::bindings::{cn_glue_outermost_mark, cn_glue_random_long};
use core::{cell::UnsafeCell, ptr::NonNull};
use kernel::{
    prelude::*,
    sync::{
        atomic::{Atomic, Full},
        Arc,
    },
};

/// The bit of `entered` that says that no more calls may be entered; and what `left` is when all of
/// a dead subject but one have left. So the last one learns it from what it finds.
const DEAD: u64 = 1 << 63;

/// The count of calls; see the head of this file.
pub(crate) struct Calls {
    /// How many were entered, the registration included; and [`DEAD`].
    entered: Atomic<u64>,
    /// How many of them have left. When dead: [`DEAD`] + 1 - (calls that have not left).
    left: Atomic<u64>,
}

impl Calls {
    /// Registered, and not called yet.
    pub(crate) const fn new() -> Self {
        Self {
            entered: Atomic::new(1),
            left: Atomic::new(0),
        }
    }

    /// Enters a call, unless the subject is dead. One atomic operation, without a loop.
    #[inline(always)]
    #[must_use]
    pub(crate) fn try_enter(&self) -> bool {
        // A: pairs with the mark in `kill`. The count is not read after the mark: `kill` reads it
        // together with the mark.
        fetch_add(&self.entered, 1) & DEAD == 0
    }

    /// Leaves a call, or the registration. Returns true to exactly one caller, which reclaims the
    /// subject. All others must not access the subject any more.
    #[inline(always)]
    #[must_use]
    pub(crate) fn leave(&self) -> bool {
        // B: pairs with itself, in the calls that have left before.
        fetch_add(&self.left, 1) & DEAD != 0
    }

    /// Refuses all further calls. To be called once; [`Self::leave`] must follow, once, for the
    /// registration.
    pub(crate) fn kill(&self) {
        // A: pairs with `try_enter`.
        let entered = fetch_add(&self.entered, DEAD);
        // The registration itself has not left, so that this does not go beyond `DEAD`.
        fetch_add(&self.left, DEAD.wrapping_sub(entered).wrapping_add(1));
    }

    /// Whether calls are refused, and all have left, the registration included.
    pub(crate) fn are_over(&self) -> bool {
        read_once(&self.left) > DEAD
    }

    /// How many calls have left, while the subject is registered; [`None`] when it is not any more.
    pub(crate) fn completed(&self) -> Option<u64> {
        let left = read_once(&self.left);
        (left < DEAD / 2).then_some(left)
    }
}

/// The random number that marks are combined with.
static KEY: Atomic<usize> = Atomic::new(0);

/// Chooses the random number. To be called before anything else here.
pub(crate) fn init() {
    // SAFETY: In process context.
    write_once(&KEY, unsafe { cn_glue_random_long() } as usize);
}

/// A frame on the stack of a task that is inside of a call.
///
/// # Invariants
///
/// While `mark` is its own address combined with the key, the frame is on the stack of a task that
/// is inside of [`call_out`].
#[repr(C)]
struct Frame {
    mark: Atomic<usize>,
    /// The first [`Deferred`] to run, by address, or 0. Used in the outermost frame only.
    todo: Atomic<usize>,
}

/// Runs `call`, which runs code of a module.
///
/// Context: process; no lock of the connector may be held.
#[inline(always)]
pub(crate) fn call_out<R>(call: impl FnOnce() -> R) -> R {
    let frame = Frame {
        mark: Atomic::new(0),
        todo: Atomic::new(0),
    };
    // INVARIANT: The mark is removed below, before the frame is.
    let mark = (&raw const frame).expose_provenance() ^ read_once(&KEY);
    write_once(&frame.mark, mark);
    let result = call();
    if read_once(&frame.todo) != 0 {
        frame.run_deferred();
    }
    write_once(&frame.mark, 0);
    result
}

/// Whether the running task is inside of a call.
///
/// Context: process.
pub(crate) fn is_inside() -> bool {
    with_outermost(|frame| frame.is_some())
}

/// Calls `work` with the outermost frame of the running task, if it is inside of a call.
#[inline]
fn with_outermost<R>(work: impl FnOnce(Option<&Frame>) -> R) -> R {
    // SAFETY: In process context. A word that has the value of a mark is one, by the invariants of
    // `Frame`, since no other code has the key: a word of another function is its own address
    // combined with that random number with a probability of 2^-64. The frame belongs to a caller
    // of this function, on the stack of the running task, so that it stays during `work`.
    work(unsafe {
        cn_glue_outermost_mark(read_once(&KEY) as c_ulong)
            .cast::<Frame>()
            .as_ref()
    })
}

impl Frame {
    /// Runs all deferred work, including work that is added meanwhile.
    #[cold]
    #[inline(never)]
    fn run_deferred(&self) {
        loop {
            let first = core::ptr::with_exposed_provenance_mut::<Deferred>(read_once(&self.todo));
            let Some(first) = NonNull::new(first) else {
                return;
            };
            // SAFETY: `Deferred::reclaim` requires that the node stays until it is run.
            write_once(&self.todo, unsafe { *first.as_ref().next.get() });
            // SAFETY: As above; it was taken out of the list, so that nobody else runs it.
            unsafe { Deferred::run(first) };
        }
    }
}

/// Reclaims a subject (the first argument) that an owner keeps (the second one).
pub(crate) type ReclaimFn = unsafe fn(NonNull<()>, NonNull<()>);

/// A function, and its two arguments.
type Work = (ReclaimFn, NonNull<()>, NonNull<()>);

/// A deferred reclaim. It is part of the subject that it reclaims, so nothing is allocated.
pub(crate) struct Deferred {
    work: UnsafeCell<Option<Work>>,
    next: UnsafeCell<usize>,
    /// Whether [`reclaim`] was called.
    is_claimed: Atomic<bool>,
}

// SAFETY: Only the one task that reclaims the subject accesses the cells.
unsafe impl Send for Deferred {}

// SAFETY: As above.
unsafe impl Sync for Deferred {}

impl Deferred {
    /// Nothing is deferred.
    pub(crate) const fn new() -> Self {
        Self {
            work: UnsafeCell::new(None),
            next: UnsafeCell::new(0),
            is_claimed: Atomic::new(false),
        }
    }

    /// Calls `reclaim` with `subject` and `owner`: at once, or, inside of a call, before the
    /// outermost one returns. It may run code of modules.
    ///
    /// Context: process; no lock of the connector may be held.
    ///
    /// # Safety
    ///
    /// `reclaim` must be callable with the two, once. `self` must stay until it is called. To be
    /// called once.
    pub(crate) unsafe fn reclaim(
        &self,
        reclaim: ReclaimFn,
        subject: NonNull<()>,
        owner: NonNull<()>,
    ) {
        with_outermost(|frame| {
            let Some(frame) = frame else {
                // SAFETY: By the safety requirements.
                call_out(|| unsafe { reclaim(subject, owner) });
                return;
            };
            // SAFETY: By the safety requirements, no other task accesses the cells.
            unsafe {
                *self.work.get() = Some((reclaim, subject, owner));
                *self.next.get() = read_once(&frame.todo);
            }
            write_once(&frame.todo, core::ptr::from_ref(self).expose_provenance());
        });
    }

    /// Runs the work of a node. The node no longer exists when this returns.
    ///
    /// # Safety
    ///
    /// `node` must have been taken out of a list.
    unsafe fn run(node: NonNull<Self>) {
        // SAFETY: By the safety requirements.
        if let Some((reclaim, subject, owner)) = unsafe { *node.as_ref().work.get() } {
            // SAFETY: As `Self::reclaim` requires it.
            unsafe { reclaim(subject, owner) };
        }
    }
}

/// Something that is reclaimed when its last call has returned.
pub(crate) trait Reclaim: Send + Sync + 'static {
    /// A part of it, for this purpose.
    fn deferred(&self) -> &Deferred;

    /// Reclaims it; may run code of modules.
    fn reclaim(this: Arc<Self>);
}

/// Reclaims a subject: at once, or, inside of a call, before the outermost call returns. Does
/// nothing if that was done already.
///
/// Context: process; no lock of the connector may be held.
pub(crate) fn reclaim<T: Reclaim>(subject: Arc<T>) {
    if subject.deferred().is_claimed.xchg(true, Full) {
        return;
    }
    let node = core::ptr::from_ref(subject.deferred());
    let start = core::ptr::from_ref::<T>(&subject).addr();
    if node.addr().wrapping_sub(start) >= size_of::<T>() {
        // The node is not a part of the subject, so nothing keeps it, and it cannot be queued.
        call_out(|| T::reclaim(subject));
        return;
    }
    let subject = Arc::into_raw(subject).cast_mut();
    // SAFETY: The reference count that was given away keeps the subject, and so the node, until it
    // is taken back; that happens once. The pointer of a reference count is not null.
    unsafe {
        let subject = NonNull::new_unchecked(subject).cast();
        (*node).reclaim(reclaim_arc::<T>, subject, NonNull::dangling());
    }
}

/// Reclaims what [`reclaim`] was called with.
///
/// # Safety
///
/// `subject` must come from an [`Arc`] that was given away; to be called once for it.
unsafe fn reclaim_arc<T: Reclaim>(subject: NonNull<()>, _: NonNull<()>) {
    // SAFETY: By the safety requirements.
    T::reclaim(unsafe { Arc::from_raw(subject.cast::<T>().as_ptr()) });
}

/// The function of a watcher: its cookie, what has changed, and the subject of that.
type Watch = unsafe extern "C" fn(*mut c_void, u32, u64);

/// A function of a module that is notified of changes.
///
/// # Invariants
///
/// `watch` may be called with `cookie` by all tasks until `release` is, once, which is done when
/// the calls are over.
pub(crate) struct Function {
    watch: Watch,
    release: unsafe extern "C" fn(*mut c_void),
    cookie: *mut c_void,
    calls: Calls,
    is_ended: Atomic<bool>,
    is_released: Atomic<bool>,
}

// SAFETY: By the type invariants the functions may be called by all tasks.
unsafe impl Send for Function {}

// SAFETY: As above.
unsafe impl Sync for Function {}

impl Function {
    /// # Safety
    ///
    /// `watch` must be callable with `cookie` by all tasks until `release` is called, once. If the
    /// result is dropped before [`Self::release`], it is not called.
    pub(crate) unsafe fn new(
        watch: Watch,
        release: unsafe extern "C" fn(*mut c_void),
        cookie: *mut c_void,
    ) -> Self {
        // INVARIANT: By the safety requirements.
        Self {
            watch,
            release,
            cookie,
            calls: Calls::new(),
            is_ended: Atomic::new(false),
            is_released: Atomic::new(false),
        }
    }

    /// The address of the code that is called.
    pub(crate) fn address(&self) -> *const c_void {
        self.watch as *const c_void
    }

    /// Calls the function, and returns whether that was the last call; [`None`] if it may not be
    /// called any more.
    pub(crate) fn call(&self, change: u32, subject: u64) -> Option<bool> {
        if !self.calls.try_enter() {
            return None;
        }
        // SAFETY: A call was entered, so that the calls are not over.
        call_out(|| unsafe { (self.watch)(self.cookie, change, subject) });
        Some(self.calls.leave())
    }

    /// Refuses further calls, and returns whether none is running; [`None`] if this was done
    /// before.
    pub(crate) fn end(&self) -> Option<bool> {
        if self.is_ended.xchg(true, Full) {
            return None;
        }
        self.calls.kill();
        Some(self.calls.leave())
    }

    /// Releases the cookie, if the calls are over and that was not done before.
    pub(crate) fn release(&self) {
        if self.calls.are_over() && !self.is_released.xchg(true, Full) {
            // SAFETY: By the type invariants; nothing else is called any more, and this happens
            // once.
            unsafe { (self.release)(self.cookie) };
        }
    }
}
