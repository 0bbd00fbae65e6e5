// SPDX-License-Identifier: GPL-2.0

//! A registered callback.
//!
//! An [`Entry`] is made in full before anyone can find it, and never changes afterwards except for
//! the count of its calls and its links. Its memory is freed a grace period after it was reclaimed,
//! so that look-ups need no lock.
//!
//! C counterpart: `struct cn_callback_entry` in `include/linux/connector.h`.

use crate::{
    access::is_capable,
    atomic,
    calls::Calls,
    counters::{count_delivered, Counter},
    entry_list::Links,
    frame::Deferred,
    rcu,
};
use connector_base::{bindings, Id};
use core::ptr::NonNull;
use kernel::{bindings::netlink_skb_parms, error::to_result, prelude::*, sync::atomic::Atomic};

/// Room for the name of a callback and the NUL behind it.
const NAME_SIZE: usize = bindings::CN_CBQ_NAMELEN as usize;

/// The name of a callback, with a NUL behind it.
#[derive(Clone, Copy)]
pub(crate) struct Name([u8; NAME_SIZE]);

impl Name {
    /// Takes bytes up to the first NUL, and as many as there is room for (31).
    pub(crate) fn new(bytes: impl Iterator<Item = u8>) -> Self {
        let mut name = [0; NAME_SIZE];
        let room = name.iter_mut().take(NAME_SIZE - 1);
        for (to, from) in room.zip(bytes.take_while(|byte| *byte != 0)) {
            *to = from;
        }
        Self(name)
    }

    /// As a string.
    pub(crate) fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.0).unwrap_or_default()
    }
}

/// What a handler returns for a sender that it does not want to hear of.
const CN_REFUSED: c_int = bindings::CN_REFUSED as c_int;

/// The C function that is called for a message; it knows nothing of errors.
pub(crate) type CFunction = unsafe extern "C" fn(*mut bindings::cn_msg, *mut netlink_skb_parms);

/// What is called for a message, as the crate `connector` registers it.
pub(crate) struct Handler {
    /// Called for each message whose sender has the capability; may refuse it by `CN_REFUSED`.
    pub(crate) receive:
        unsafe extern "C" fn(*mut c_void, *mut bindings::cn_msg, *mut netlink_skb_parms) -> c_int,
    /// The capability that opener and sender need, if any.
    pub(crate) capability: Option<c_int>,
    /// Called once, when nothing else will be called any more.
    pub(crate) release: unsafe extern "C" fn(*mut c_void),
    /// The first argument of these functions.
    pub(crate) cookie: *mut c_void,
    /// Whether everyone may join the group.
    pub(crate) opens_group: bool,
    /// What the handler is for, in words: null or a string. Readers under RCU look at it, also when
    /// the handler was just released; `struct cn_core_handler` says why it is still there.
    pub(crate) description: *const c_char,
    /// What came of its messages.
    pub(crate) outcomes: Outcomes,
    /// To reclaim the entry.
    pub(crate) deferred: Deferred,
}

impl Handler {
    /// Calls the handler, and returns what it returned; [`None`] if the sender may not send to it.
    ///
    /// Apart from what calls functions in C, to keep that small.
    ///
    /// # Safety
    ///
    /// `message` must point to a message that is followed by as many bytes as it says, and `parms`
    /// to its control block; its sender must be the running task. The handler must not have been
    /// released.
    #[inline(never)]
    pub(crate) unsafe fn receive(
        &self,
        message: *mut bindings::cn_msg,
        parms: *mut netlink_skb_parms,
    ) -> Option<Result> {
        let is_permitted = self
            .capability
            // SAFETY: By the safety requirements this is the control block of a message whose
            // sender is the running task.
            .is_none_or(|capability| unsafe { is_capable(parms, capability) });
        if !is_permitted {
            return None;
        }
        // SAFETY: Whoever registered the handler has promised that the function may be called with
        // the cookie until that is released, which it was not by the safety requirements; the
        // message and its control block are there by them.
        let returned = unsafe { (self.receive)(self.cookie, message, parms) };
        match returned {
            // Most often; the kernel crate's function is not in line.
            0 => Some(Ok(())),
            CN_REFUSED => None,
            error => Some(to_result(error)),
        }
    }
}

/// What is called for a message.
pub(crate) enum Callback {
    /// A function in C, to which everyone may send.
    C(CFunction),
    /// A function with a cookie. Apart, so that entries of functions in C stay small.
    Handler(KBox<Handler>),
}

impl Callback {
    /// The address of the code that is called.
    pub(crate) fn address(&self) -> *const c_void {
        match self {
            Self::C(function) => *function as *const c_void,
            Self::Handler(handler) => handler.receive as *const c_void,
        }
    }

    /// The handler, where it is one.
    pub(crate) fn handler(&self) -> Option<&Handler> {
        match self {
            Self::C(_) => None,
            Self::Handler(handler) => Some(handler),
        }
    }
}

/// What came of the messages for a handler.
pub(crate) struct Outcomes {
    /// Handed to it, and it returned an error.
    failed: Atomic<u64>,
    /// Not handed to it, because the sender may not send to it.
    refused: Atomic<u64>,
}

impl Outcomes {
    /// Nothing happened yet.
    pub(crate) const fn new() -> Self {
        Self {
            failed: Atomic::new(0),
            refused: Atomic::new(0),
        }
    }

    /// Counts a message by what the handler returned; [`None`] if it was not called.
    #[inline(never)]
    pub(crate) fn count(&self, returned: Option<Result>) {
        match returned {
            Some(Ok(())) => count_delivered(),
            Some(Err(_)) => {
                count_delivered();
                atomic::add(&self.failed, 1);
            }
            None => {
                atomic::add(&self.refused, 1);
                Counter::DropRefused.count();
            }
        }
    }
}

/// How many messages a callback got, and did not get.
pub(crate) struct Stats {
    /// Handed to the callback; of those under way, none is counted yet.
    pub(crate) delivered: u64,
    /// Of these, those for which it returned an error.
    pub(crate) failed: u64,
    /// Not handed to it, because the sender may not send to it.
    pub(crate) refused: u64,
}

/// A registered callback.
///
/// The fields that a look-up reads come first, so that they share a cache line.
#[repr(C)]
pub(crate) struct Entry {
    // At the beginning, where the instruction that counts needs no address of its own.
    calls: Calls,
    id: Id,
    group: u32,
    callback: Callback,
    links: Links,
    serial: u64,
    name: Name,
}

impl Entry {
    /// Makes an entry; its group is `id.idx()`. May sleep.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: no memory.
    pub(crate) fn new(id: Id, name: Name, callback: Callback) -> Result<KBox<Self>> {
        let entry = Self {
            id,
            group: id.idx(),
            calls: Calls::new(),
            callback,
            links: Links::new(),
            serial: 0,
            name,
        };
        Ok(KBox::new(entry, GFP_KERNEL)?)
    }

    /// Sets the number of the registration. Its owner alone can, before others find the entry.
    pub(crate) fn set_serial(&mut self, serial: u64) {
        self.serial = serial;
    }

    /// The id under which the callback is registered.
    #[inline]
    pub(crate) fn id(&self) -> Id {
        self.id
    }

    /// The multicast group of the callback.
    #[inline]
    pub(crate) fn group(&self) -> u32 {
        self.group
    }

    /// What to call.
    #[inline]
    pub(crate) fn callback(&self) -> &Callback {
        &self.callback
    }

    /// The calls of the callback.
    #[inline(always)]
    pub(crate) fn calls(&self) -> &Calls {
        &self.calls
    }

    /// What happened to the messages for this callback, while it is registered.
    pub(crate) fn stats(&self) -> Stats {
        let count = |of: fn(&Outcomes) -> &Atomic<u64>| {
            let handler = self.callback.handler();
            handler.map_or(0, |handler| atomic::read_once(of(&handler.outcomes)))
        };
        let refused = count(|outcomes| &outcomes.refused);
        Stats {
            delivered: self.calls.completed().unwrap_or(0).saturating_sub(refused),
            failed: count(|outcomes| &outcomes.failed),
            refused,
        }
    }

    /// Whether everyone may join the group of this callback.
    pub(crate) fn opens_group(&self) -> bool {
        self.callback
            .handler()
            .is_some_and(|handler| handler.opens_group)
    }

    /// The number that tells this registration from earlier and later ones.
    pub(crate) fn serial(&self) -> u64 {
        self.serial
    }

    /// The name of the callback.
    pub(crate) fn name(&self) -> &CStr {
        self.name.as_c_str()
    }

    /// The name with its memory, to be copied.
    pub(crate) fn full_name(&self) -> &Name {
        &self.name
    }

    /// The links, for the lists.
    pub(crate) fn links(&self) -> &Links {
        &self.links
    }
}

/// An entry that was taken out of the table, and which readers may still be looking at.
///
/// The memory is freed a grace period after this is dropped.
///
/// # Invariants
///
/// `.0` points to an entry that was allocated by [`KBox`], that nobody else owns, and that new
/// readers do not find.
pub(crate) struct RemovedEntry(NonNull<Entry>);

impl RemovedEntry {
    /// Takes the ownership of an entry.
    ///
    /// # Safety
    ///
    /// `entry` must come from [`KBox::leak`], and new readers must not find it; to be called once
    /// for it. Nobody must use it any more but readers who found it earlier.
    pub(crate) unsafe fn from_raw(entry: NonNull<Entry>) -> Self {
        // INVARIANT: By the safety requirements.
        Self(entry)
    }
}

impl Drop for RemovedEntry {
    fn drop(&mut self) {
        // SAFETY: By the type invariants the entry is there until it is freed below.
        let entry = unsafe { self.0.as_ref() };
        if let Callback::Handler(handler) = entry.callback() {
            // SAFETY: The handler is in a `KBox`, so it came from `kmalloc()`. Readers find it by
            // its entry alone, which new ones do not find. Its entry is freed without running the
            // destructor of that box.
            unsafe { rcu::free_deferred(core::ptr::from_ref::<Handler>(handler).cast_mut()) };
        }
        // SAFETY: By the type invariants the entry came from `kmalloc()`, nobody else owns it, and
        // new readers do not find it. But for the handler, it has nothing that needs a destructor.
        unsafe { rcu::free_deferred(self.0.as_ptr()) };
    }
}
