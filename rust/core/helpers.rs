// SPDX-License-Identifier: GPL-2.0

//! Safe wrappers of functions in C.
//!
//! C counterparts: `glue/cn_glue.c`, and what it names; `register_module_notifier()` in
//! `include/linux/module.h`.

#![allow(unsafe_code)]

use crate::sync::read_once;
use connector_base::{bindings, seq_file::FilesAreRemoved, Id};
use core::{mem::MaybeUninit, ops::Deref, ptr::NonNull};
use kernel::{
    bindings::{module, notifier_block, workqueue_struct},
    error::to_result,
    prelude::*,
    sync::atomic::{Atomic, Release},
    types::{NotThreadSafe, Opaque},
    workqueue::Queue,
};

/// Adds one to a counter, a constant of the glue. Context: any.
#[inline]
pub(crate) fn count(counter: u32) {
    debug_assert!(counter < bindings::cn_counter_CN_COUNTERS);
    // SAFETY: The counter is one of those that the glue has.
    unsafe { bindings::cn_glue_count(counter) };
}

/// Adds a number to a counter. Context: any.
pub(crate) fn count_many(counter: u32, number: usize) {
    debug_assert!(counter < bindings::cn_counter_CN_COUNTERS);
    // SAFETY: As in `count`.
    unsafe { bindings::cn_glue_count_many(counter, number as c_ulong) };
}

/// Adds one to the counter of delivered messages, in fewer instructions. Context: any.
#[inline(always)]
pub(crate) fn count_delivered() {
    // SAFETY: In any context.
    unsafe { bindings::cn_glue_count_delivered() };
}

/// The sum of a counter over all CPUs.
pub(crate) fn counted(counter: u32) -> u64 {
    debug_assert!(counter < bindings::cn_counter_CN_COUNTERS);
    // SAFETY: As in `count`.
    unsafe { bindings::cn_glue_counted(counter) }
}

/// Reschedules, if another task needs the processor. Not to be called under the RCU read lock.
pub(crate) fn reschedule() {
    // SAFETY: In process context, and no lock is held.
    unsafe { bindings::cn_glue_cond_resched() };
}

/// Allocates memory for a small value, charged to the running program, and cannot fail. If even the
/// reserves for atomic allocations are empty, it sleeps until there is memory.
///
/// Context: process.
pub(crate) fn alloc_nofail<T>() -> KBox<MaybeUninit<T>> {
    // SAFETY: Any size will do.
    let memory = unsafe { bindings::cn_glue_alloc_nofail(size_of::<T>()) };
    // SAFETY: The glue asks `kmalloc()` with `__GFP_NOFAIL` in the end, so that this is not null.
    // `kmalloc()` aligns memory for any type of this size, which is not aligned to more than that.
    unsafe { KBox::from_raw(memory.cast()) }
}

/// An array of `len` elements that are all zeroes. May sleep.
///
/// As `KVVec::zeroed()`, which with overflow checks refers to code that panics.
///
/// # Errors
///
/// [`ENOMEM`]: no memory.
pub(crate) fn zeroed<T: Zeroable>(len: usize) -> Result<KVVec<T>> {
    let array = KVVec::with_capacity(len, GFP_KERNEL | __GFP_ZERO)?;
    let (array, _, capacity) = array.into_raw_parts();
    // SAFETY: The parts are those of a vector with room for `len` elements whose memory is zeroed,
    // and all zeroes is a valid element.
    Ok(unsafe { KVVec::from_raw_parts(array, len, capacity) })
}

/// Whether there is a notification channel: the module parameter `notify`.
pub(crate) fn has_channel() -> bool {
    // SAFETY: In any context.
    unsafe { bindings::cn_glue_has_channel() }
}

/// Has the module of process events loaded.
///
/// A work item requests it, at most once in five seconds for all senders together. A sender waits
/// until `modprobe` has ended, for 30 seconds at most, or until it is killed.
///
/// Context: process; nothing of the connector held.
#[cold]
#[inline(never)]
pub(crate) fn request_process_events() {
    // SAFETY: In process context.
    unsafe { bindings::cn_glue_request_process_events() };
}

/// While this lives, the running task is not preempted, so that no preempted task holds the token.
/// With `PREEMPT_RT` it can be preempted, since netlink sleeps there.
pub(crate) struct SendSection(NotThreadSafe);

impl SendSection {
    /// Begins a section in which this task sends. Context: process.
    pub(crate) fn begin() -> Self {
        // SAFETY: The drop ends it.
        unsafe { bindings::cn_glue_send_begin() };
        Self(NotThreadSafe)
    }
}

impl Drop for SendSection {
    fn drop(&mut self) {
        // SAFETY: It was begun by this task.
        unsafe { bindings::cn_glue_send_end() };
    }
}

/// Finds the one value of a type, which lives until this module is unloaded.
pub(crate) struct OneInstance<T: 'static>(Atomic<*mut T>);

impl<T> OneInstance<T> {
    /// Finds nothing yet.
    pub(crate) const fn new() -> Self {
        Self(Atomic::new(core::ptr::null_mut()))
    }

    /// The value; [`None`] before it has an owner and afterwards.
    #[inline]
    pub(crate) fn get(&self) -> Option<&'static T> {
        let value = read_once(&self.0);
        // SAFETY: The owner is dropped when this module is unloaded, after the socket, the files,
        // the module notifier, the carrier and the work items have ended; those of watchers that
        // were removed may not have, and do not call this. Every other caller is in
        // a module that uses symbols of this one, so that this one cannot be unloaded meanwhile.
        unsafe { value.as_ref() }
    }

    /// Lets [`Self::get`] find a value as long as its owner exists.
    pub(crate) fn own(&'static self, value: Pin<KBox<T>>) -> InstanceOwner<T> {
        let pointer = core::ptr::from_ref(value.as_ref().get_ref()).cast_mut();
        self.0.store(pointer, Release);
        InstanceOwner { value, found: self }
    }
}

/// Owns the value that a [`OneInstance`] finds.
pub(crate) struct InstanceOwner<T: 'static> {
    value: Pin<KBox<T>>,
    found: &'static OneInstance<T>,
}

impl<T> Deref for InstanceOwner<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> Drop for InstanceOwner<T> {
    fn drop(&mut self) {
        self.found.0.store(core::ptr::null_mut(), Release);
    }
}

/// The promise of `start::Module`, which owns the files of the connector until it is dropped.
pub(crate) fn files_are_removed() -> FilesAreRemoved {
    // SAFETY: The kernel drops the module's value before it unloads the module, and nothing forgets
    // the files.
    unsafe { FilesAreRemoved::promise() }
}

/// The queue for work of the connector itself exists as long as this.
pub(crate) struct Workqueue(());

impl Workqueue {
    /// Makes the queue. There is one of this type at a time.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: no memory.
    pub(crate) fn new() -> Result<Self> {
        // SAFETY: In process context; called once.
        to_result(unsafe { bindings::cn_glue_workqueue_create() })?;
        Ok(Self(()))
    }
}

impl Drop for Workqueue {
    fn drop(&mut self) {
        // SAFETY: The queue was made, and nothing puts work into it any more. This waits for work.
        unsafe { bindings::cn_glue_workqueue_destroy() };
    }
}

/// The queue for messages to programs.
pub(crate) fn sender_queue() -> &'static Queue {
    // SAFETY: The connector alone calls this, to deliver an event. The queue exists as long as
    // there are callbacks, whose registering and unregistering are the events.
    unsafe { Queue::from_raw(bindings::cn_glue_workqueue()) }
}

/// How many watchers can use one [`OwnedQueue`], so that the items of all run at any time.
pub(crate) fn queue_places() -> usize {
    // SAFETY: In any context.
    unsafe { bindings::cn_glue_queue_places() as usize }
}

/// A queue for the work items of watchers. The drop waits for its work.
///
/// # Invariants
///
/// The pointer is that of a workqueue, which this owns.
pub(crate) struct OwnedQueue(NonNull<workqueue_struct>);

// SAFETY: A workqueue may be used and destroyed by any task.
unsafe impl Send for OwnedQueue {}

// SAFETY: As above.
unsafe impl Sync for OwnedQueue {}

impl OwnedQueue {
    /// Makes a queue.
    ///
    /// Context: process; may sleep. CPU hotplug is not locked.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: no memory.
    pub(crate) fn new() -> Result<Self> {
        // SAFETY: In process context.
        let queue = unsafe { bindings::cn_glue_queue_create() };
        // INVARIANT: The workqueue was just made.
        NonNull::new(queue).map(Self).ok_or(ENOMEM)
    }

    /// Waits until nothing is queued. Nothing is put into the queue from now on.
    ///
    /// Context: process, not in a work item of this queue; sleeps.
    pub(crate) fn drain(&self) {
        // SAFETY: By the type invariants.
        unsafe { bindings::cn_glue_queue_drain(self.0.as_ptr()) };
    }
}

impl Deref for OwnedQueue {
    type Target = Queue;

    fn deref(&self) -> &Queue {
        // SAFETY: By the type invariants, it exists as long as `self`.
        unsafe { Queue::from_raw(self.0.as_ptr()) }
    }
}

impl Drop for OwnedQueue {
    fn drop(&mut self) {
        // SAFETY: By the type invariants; nobody has a reference to it any more.
        unsafe { bindings::cn_glue_queue_destroy(self.0.as_ptr()) };
    }
}

/// A module, while it is there.
#[repr(transparent)]
pub(crate) struct Module(Opaque<module>);

// SAFETY: All that can be done with it is to look at its layout, which any task may.
unsafe impl Sync for Module {}

impl Module {
    /// Whether code at `address` belongs to it.
    pub(crate) fn contains(&self, address: *const c_void) -> bool {
        // SAFETY: The module is there; its layout does not change once it was loaded.
        unsafe { bindings::cn_glue_within_module(address, self.0.get()) }
    }
}

/// A receiver of notifications of modules that leave.
pub(crate) trait Leave {
    /// The module is being unloaded, or its start has failed. Its memory is freed when this has
    /// returned.
    ///
    /// Context: process, with the rwsem of the notifier chain held for reading.
    fn leaves(module: &Module);
}

/// Notifies `T` of modules that leave, as long as it exists.
///
/// # Invariants
///
/// The block is registered.
pub(crate) struct ModuleNotifier(KBox<Opaque<notifier_block>>);

// SAFETY: Any thread may unregister the block.
unsafe impl Send for ModuleNotifier {}

// SAFETY: Nothing can be done through a shared reference.
unsafe impl Sync for ModuleNotifier {}

impl ModuleNotifier {
    /// Starts to call a function for each module that leaves; see [`Leave`].
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: no memory.
    pub(crate) fn new<T: Leave>() -> Result<Self> {
        let block = notifier_block {
            notifier_call: Some(notify_callback::<T>),
            ..Default::default()
        };
        let block = KBox::new(Opaque::new(block), GFP_KERNEL)?;
        // SAFETY: The block stays where it is, in its box, until it is unregistered.
        to_result(unsafe { bindings::cn_glue_register_module_notifier(block.get()) })?;
        // INVARIANT: The block was just registered.
        Ok(Self(block))
    }
}

impl Drop for ModuleNotifier {
    fn drop(&mut self) {
        // SAFETY: By the type invariants the block is registered. This waits for running calls.
        unsafe { bindings::cn_glue_unregister_module_notifier(self.0.get()) };
    }
}

/// Notifies `T`.
///
/// # Safety
///
/// `data` must point to the module whose state changes.
unsafe extern "C" fn notify_callback<T: Leave>(
    _: *mut notifier_block,
    state: c_ulong,
    data: *mut c_void,
) -> c_int {
    if state == bindings::CN_MODULE_STATE_GOING as c_ulong {
        // SAFETY: By the safety requirements; its memory is freed after all notifiers.
        T::leaves(unsafe { &*data.cast::<Module>() });
    }
    0
}

/// Whether a tracepoint is on, which costs one instruction that does nothing while it is off.
macro_rules! is_on {
    ($tracepoint:ident) => {{
        #[cfg(CONFIG_TRACEPOINTS)]
        // SAFETY: This is the key of a tracepoint that the glue defines.
        let is_on = unsafe {
            kernel::jump_label::static_branch_unlikely!(
                connector_base::bindings::$tracepoint,
                kernel::bindings::tracepoint,
                key
            )
        };
        #[cfg(not(CONFIG_TRACEPOINTS))]
        let is_on = false;
        is_on
    }};
}

/// Whether messages that come in are traced (`connector:cn_receive`).
#[inline(always)]
pub(crate) fn traces_receive() -> bool {
    is_on!(__tracepoint_cn_receive)
}

/// Traces a message that came in.
#[cold]
#[inline(never)]
pub(crate) fn trace_receive(id: Id, portid: u32, len: usize, result: Result, why: &CStr) {
    let error = result.map_or_else(Error::to_errno, |()| 0);
    // SAFETY: The arguments live as long as the call.
    unsafe {
        bindings::cn_glue_trace_receive(&id.into(), portid, len as u32, error, why.as_char_ptr());
    }
}

/// Whether messages to programs are traced (`connector:cn_send`).
#[inline(always)]
pub(crate) fn traces_send() -> bool {
    is_on!(__tracepoint_cn_send)
}

/// Traces a message that was sent, or could not be.
#[cold]
#[inline(never)]
pub(crate) fn trace_send(id: Id, portid: u32, group: u32, len: usize, result: Result<c_int>) {
    let error = result.map_or_else(Error::to_errno, |_| 0);
    // SAFETY: The arguments live as long as the call.
    unsafe { bindings::cn_glue_trace_send(&id.into(), portid, group, len as u32, error) };
}

/// Traces a callback that was registered (`connector:cn_register`). `name` is called if that is
/// enabled.
pub(crate) fn trace_register<'a>(id: Id, name: impl FnOnce() -> &'a CStr) {
    if is_on!(__tracepoint_cn_register) {
        // SAFETY: The arguments live as long as the call.
        unsafe { bindings::cn_glue_trace_register(&id.into(), name().as_char_ptr()) };
    }
}

/// Traces a callback that was unregistered (`connector:cn_unregister`). `name` is called if that is
/// enabled.
pub(crate) fn trace_unregister<'a>(id: Id, name: impl FnOnce() -> &'a CStr) {
    if is_on!(__tracepoint_cn_unregister) {
        // SAFETY: The arguments live as long as the call.
        unsafe { bindings::cn_glue_trace_unregister(&id.into(), name().as_char_ptr()) };
    }
}

/// Fails to compile if a definition differs from the declaration in the header.
macro_rules! assert_declared {
    ($($name:ident),* $(,)?) => {
        $(const _: () = {
            // Both branches of an `if` have the same type.
            if true {
                connector_base::bindings::$name
            } else {
                $name
            };
        };)*
    };
}
pub(crate) use assert_declared;
