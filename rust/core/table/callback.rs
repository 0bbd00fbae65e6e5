// SPDX-License-Identifier: GPL-2.0

//! The code of a callback, and the proofs that it may be called or reclaimed.
//!
//! [`Active`] keeps an [`Entry`] while it is called. [`Dead`] is the right to reclaim it. Its
//! memory is freed a grace period after that, so that look-ups need no lock.
//!
//! C counterparts: `cn_call_callback()` and `cn_queue_release_callback()` in `drivers/connector`.

#![allow(unsafe_code)]

use super::entry::Entry;
use crate::{
    calls::{Calls, Deferred},
    helpers::count_delivered,
    netlink::{RawMessage, SenderParms},
    stats::Outcomes,
    sync::{self, RcuFreed},
};
use connector_base::{bindings, seq_file::Text, wire::Header};
use core::ptr::NonNull;
use kernel::{
    bindings::netlink_skb_parms,
    error::{from_result, to_result},
    prelude::*,
    sync::rcu::Guard,
};

/// The return value of a handler for a sender that it refuses.
const CN_REFUSED: c_int = bindings::CN_REFUSED as c_int;

/// A C function that is called for a message; it returns nothing.
type Receive = unsafe extern "C" fn(*mut bindings::cn_msg, *mut netlink_skb_parms);

/// A callback that is a function in C.
///
/// # Invariants
///
/// All tasks may call it with a message and the control block of that, as long as it is registered.
pub(crate) struct CFunction(Receive);

impl CFunction {
    /// # Safety
    ///
    /// `function` must be as the invariants say.
    pub(crate) unsafe fn new(function: Receive) -> Self {
        // INVARIANT: By the safety requirements.
        Self(function)
    }
}

/// `struct cn_core_handler` as the core keeps it: a callback with a cookie, as the crate
/// `connector` registers it.
///
/// # Invariants
///
/// Until `release` is called, once, all tasks may call `receive` with the cookie. The description
/// stays as `struct cn_core_handler` requires it.
pub(crate) struct CoreHandler {
    /// Called for each message whose sender has the capability; may refuse it by `CN_REFUSED`.
    receive:
        unsafe extern "C" fn(*mut c_void, *mut bindings::cn_msg, *mut netlink_skb_parms) -> c_int,
    /// The capability that opener and sender need, if any.
    capability: Option<c_int>,
    /// Called once, when nothing else will be called any more.
    release: unsafe extern "C" fn(*mut c_void),
    /// The first argument of these functions.
    cookie: *mut c_void,
    /// Whether everyone may join the group.
    opens_group: bool,
    /// The purpose of the handler, in words: null or a string. Readers under RCU read it even just
    /// after the release; `struct cn_core_handler` says why it is still valid then.
    description: *const c_char,
    /// The outcomes of its messages.
    outcomes: Outcomes,
    /// To reclaim the entry.
    deferred: Deferred,
}

// SAFETY: By the type invariants all tasks may call its functions. The description is only read.
unsafe impl Send for CoreHandler {}

// SAFETY: As above.
unsafe impl Sync for CoreHandler {}

impl CoreHandler {
    /// The handler that `raw` describes; [`None`] if it lacks a function. If the result is dropped,
    /// it is not released.
    ///
    /// # Safety
    ///
    /// What `raw` holds must be as the invariants say.
    pub(crate) unsafe fn new(raw: &bindings::cn_core_handler) -> Option<Self> {
        // INVARIANT: By the safety requirements.
        Some(Self {
            receive: raw.receive?,
            capability: (raw.capability >= 0).then_some(raw.capability),
            release: raw.release?,
            cookie: raw.cookie,
            opens_group: raw.flags & bindings::CN_HANDLER_OPEN_GROUP != 0,
            description: raw.description,
            outcomes: Outcomes::new(),
            deferred: Deferred::new(),
        })
    }

    /// One of the core's own.
    pub(crate) fn internal<T: Internal>(
        handler: &'static T,
        capability: Option<c_int>,
        description: &'static CStr,
    ) -> Self {
        // INVARIANT: The two functions expect a pointer to a `T` that is there for ever.
        Self {
            receive: internal_receive_callback::<T>,
            capability,
            release: internal_release_callback::<T>,
            cookie: core::ptr::from_ref(handler).cast_mut().cast(),
            opens_group: false,
            description: description.as_char_ptr(),
            outcomes: Outcomes::new(),
            deferred: Deferred::new(),
        }
    }

    /// The capability that a sender needs, if any.
    pub(super) fn capability(&self) -> Option<c_int> {
        self.capability
    }

    /// Whether everyone may join its group.
    pub(super) fn opens_group(&self) -> bool {
        self.opens_group
    }

    /// The outcomes of its messages.
    pub(super) fn outcomes(&self) -> &Outcomes {
        &self.outcomes
    }

    /// What the handler is for, in words.
    pub(super) fn description<'a>(&self, _guard: &'a Guard) -> Option<Text<'a>> {
        if self.description.is_null() {
            return None;
        }
        // SAFETY: The entry was not reclaimed before the critical section began.
        // `struct cn_core_handler` requires that a description stays until a grace period after
        // that, which has not ended: static data of a module are freed by `free_module()`, which
        // waits for a grace period after the exit of the module and after our notifier, where the
        // last of its entries is reclaimed.
        Some(unsafe { Text::from_ptr(self.description) })
    }

    /// Calls the handler, and returns what it returned; [`None`] if the sender may not send to it.
    ///
    /// A function of its own, so that the path of C callbacks stays small.
    ///
    /// # Safety
    ///
    /// The handler must not have been released.
    #[inline(never)]
    unsafe fn receive(&self, message: RawMessage<'_>) -> Option<Result> {
        let is_permitted = self
            .capability
            .is_none_or(|capability| message.sender().is_capable(capability));
        if !is_permitted {
            return None;
        }
        let (message, parms) = message.into_raw();
        // SAFETY: By the type invariants the function may be called with the cookie until that is
        // released. By the safety requirements it was not. The message and its control block are
        // valid by the invariants of `RawMessage`.
        let returned = unsafe { (self.receive)(self.cookie, message, parms) };
        match returned {
            // Most often; the kernel crate's function is not in line.
            0 => Some(Ok(())),
            CN_REFUSED => None,
            error => Some(to_result(error)),
        }
    }
}

/// A handler of the core's own.
pub(crate) trait Internal: Send + Sync + 'static {
    /// Handles a message, in the context of its sender.
    fn receive(&self, header: Header, payload: &[u8], sender: SenderParms<'_>) -> Result;

    /// Nothing calls it any more.
    fn released(&self) {}
}

/// Calls a handler of the core's own.
///
/// # Safety
///
/// `cookie` must point to a `T` that is there for ever. For the time of the call, `message` must
/// point to a message that is followed by as many bytes as it says, and `parms` to its control
/// block; its sender must be the running task.
unsafe extern "C" fn internal_receive_callback<T: Internal>(
    cookie: *mut c_void,
    message: *mut bindings::cn_msg,
    parms: *mut netlink_skb_parms,
) -> c_int {
    // SAFETY: By the safety requirements.
    let (handler, message) =
        unsafe { (&*cookie.cast::<T>(), RawMessage::from_raw(message, parms)) };
    from_result(|| {
        handler.receive(message.header(), message.payload(), message.sender())?;
        Ok(0)
    })
}

/// Notifies a handler of the core's own that nothing calls it any more.
///
/// # Safety
///
/// `cookie` must point to a `T` that is there for ever.
unsafe extern "C" fn internal_release_callback<T: Internal>(cookie: *mut c_void) {
    // SAFETY: By the safety requirements.
    unsafe { &*cookie.cast::<T>() }.released();
}

/// The code that is called for a message.
pub(crate) enum Callback {
    /// A function in C, to which everyone may send.
    C(CFunction),
    /// A function with a cookie; in a box, so that entries of functions in C stay small.
    Handler(KBox<CoreHandler>),
}

impl Callback {
    /// The address of the code that is called.
    pub(crate) fn address(&self) -> *const c_void {
        match self {
            Self::C(function) => function.0 as *const c_void,
            Self::Handler(handler) => handler.receive as *const c_void,
        }
    }

    /// The handler, where it is one.
    pub(crate) fn handler(&self) -> Option<&CoreHandler> {
        match self {
            Self::C(_) => None,
            Self::Handler(handler) => Some(handler),
        }
    }
}

/// The count of the calls of an entry, which only this file changes.
#[repr(transparent)]
pub(super) struct CallCount(Calls);

impl CallCount {
    /// Registered, and not called yet.
    pub(super) fn new() -> Self {
        Self(Calls::new())
    }

    /// How many calls have left, while the entry is registered.
    pub(super) fn completed(&self) -> Option<u64> {
        self.0.completed()
    }
}

impl Entry {
    /// Enters a call, unless the entry is dead.
    #[inline(always)]
    pub(crate) fn try_enter(&self) -> Option<Active> {
        let calls = &self.calls().0;
        // INVARIANT: The call was just entered.
        calls.try_enter().then(|| Active(NonNull::from(self)))
    }

    /// Refuses further calls. The registration counts as a call; it has to leave as well.
    ///
    /// # Safety
    ///
    /// To be called once, when the entry was taken out of the table, and under its lock.
    pub(super) unsafe fn kill(&self) -> Active {
        self.calls().0.kill();
        // INVARIANT: The registration leaves by what is returned, once by the safety requirements.
        Active(NonNull::from(self))
    }
}

// SAFETY: Entries that were published are freed when a `RemovedEntry` is dropped, and by nothing
// else: `Locked::insert` leaks them.
unsafe impl RcuFreed for Entry {}

/// A callback that may be called now.
///
/// # Invariants
///
/// A call of the entry was entered, and did not leave yet. Until it does, the entry is not
/// reclaimed.
pub(crate) struct Active(NonNull<Entry>);

impl Active {
    /// The entry of the callback.
    #[inline]
    pub(crate) fn entry(&self) -> &Entry {
        // SAFETY: By the type invariants the call has not left, so the entry is not reclaimed, and
        // its memory is freed after that at the earliest.
        unsafe { self.0.as_ref() }
    }

    /// Calls the callback with a message, counts the outcome, and returns the result;
    /// [`None`] if the sender may not send to it.
    #[inline]
    pub(crate) fn call(&self, message: RawMessage<'_>) -> Option<Result> {
        match self.entry().callback() {
            Callback::C(function) => {
                let (message, parms) = message.into_raw();
                // SAFETY: By the invariants of `RawMessage` both are there. By the type invariants
                // the callback may be called.
                unsafe { (function.0)(message, parms) };
                count_delivered();
                Some(Ok(()))
            }
            Callback::Handler(handler) => {
                // SAFETY: By the type invariants the handler was not released.
                let returned = unsafe { handler.receive(message) };
                handler.outcomes.count(returned);
                returned
            }
        }
    }

    /// Leaves the call, when the callback has returned. Returns the right to reclaim the entry, if
    /// it is dead and this was its last call.
    #[inline(always)]
    pub(crate) fn leave(self) -> Option<Dead> {
        // INVARIANT: `Calls::leave` returns true once for each entry: when it is dead, and all of
        // its calls and the registration have left.
        self.entry().calls().0.leave().then_some(Dead(self.0))
    }
}

/// The right to reclaim an entry.
///
/// # Invariants
///
/// The entry was taken out of its table and killed, and its last call has left. There is one of
/// these for it, and it is there until that is gone.
pub(crate) struct Dead(NonNull<Entry>);

/// The owner of a table with entries. It stays until its dead entries are forgotten.
pub(crate) trait EntryOwner {
    /// Takes an entry, whose handler was released, out of the list of dying ones, and drops it.
    fn forget(&self, entry: RemovedEntry);
}

impl Dead {
    /// Releases the handler, if it is one, and has the entry forgotten by its owner: at once, or,
    /// inside of a call, before the outermost one returns.
    ///
    /// Context: process; no lock of the connector may be held.
    ///
    /// # Safety
    ///
    /// `owner` must own the table that the entry was taken out of, and stay until it has forgotten
    /// the entry, whatever the lifetime of this borrow.
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn reclaim<O: EntryOwner>(self, owner: &O) {
        // SAFETY: By the type invariants.
        match unsafe { self.0.as_ref() }.callback().handler() {
            // SAFETY: The node is a part of the entry, which is there until `release` forgets it.
            // By the type invariants this happens once for the entry. The owner stays as long by
            // the safety requirements.
            Some(handler) => unsafe {
                let owner = NonNull::from(owner).cast();
                handler.deferred.reclaim(release::<O>, self.0.cast(), owner);
            },
            // INVARIANT: By those of `self`; there is no handler.
            None => owner.forget(RemovedEntry(self.0)),
        }
    }
}

/// Releases the handler of an entry, and has the entry forgotten.
///
/// # Safety
///
/// `entry` must come from a [`Dead`], and `owner` be its owner; to be called once.
unsafe fn release<O: EntryOwner>(entry: NonNull<()>, owner: NonNull<()>) {
    let entry = entry.cast::<Entry>();
    // SAFETY: By the safety requirements it is there until it is forgotten below.
    if let Some(handler) = unsafe { entry.as_ref() }.callback().handler() {
        // SAFETY: By the safety requirements the last call has left, so nothing else is called with
        // the cookie any more, and this happens once.
        unsafe { (handler.release)(handler.cookie) };
    }
    // SAFETY: By the safety requirements.
    let owner = unsafe { owner.cast::<O>().as_ref() };
    // INVARIANT: By the safety requirements; the handler was just released.
    owner.forget(RemovedEntry(entry));
}

/// An entry of which nothing is left to be done but to free it, which happens a grace period after
/// this is dropped.
///
/// # Invariants
///
/// As for [`Dead`]; its handler was released.
pub(crate) struct RemovedEntry(NonNull<Entry>);

impl RemovedEntry {
    /// The entry.
    pub(crate) fn entry(&self) -> &Entry {
        // SAFETY: By the type invariants.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for RemovedEntry {
    fn drop(&mut self) {
        if let Callback::Handler(handler) = self.entry().callback() {
            // SAFETY: The handler is in a box, which is not dropped: its entry is freed without
            // that. Readers find it by its entry alone, which new ones do not find.
            unsafe { sync::free_deferred(core::ptr::from_ref(&**handler).cast_mut()) };
        }
        // SAFETY: By the type invariants nobody else owns the entry, and new readers do not find
        // it; it was leaked when it was added to the table. But for the handler, it has nothing
        // that needs a destructor.
        unsafe { sync::free_deferred(self.0.as_ptr()) };
    }
}
