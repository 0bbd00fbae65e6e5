// SPDX-License-Identifier: GPL-2.0

//! A registered callback.
//!
//! An [`Entry`] is made in full before anyone can find it, and never changes afterwards except for
//! its mark of death and its place in lists. Its memory is freed a grace period after its owner
//! lets go of it, so that look-ups need no lock and no reference count.
//!
//! C counterpart: `struct cn_callback_entry` in `include/linux/connector.h`.

use crate::{once::read_once, rcu};
use connector::{bindings, Id};
use core::{cell::UnsafeCell, ops::Deref, ptr::NonNull};
use kernel::{
    bindings::netlink_skb_parms,
    prelude::*,
    sync::atomic::{Atomic, Full},
};

/// Room for the name of a callback and the NUL behind it.
const NAME_SIZE: usize = bindings::CN_CBQ_NAMELEN as usize;

/// The name of a callback, with a NUL behind it.
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

    fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.0).unwrap_or_default()
    }
}

/// States of an entry, each following from the one before.
const LIVE: u32 = 0;
const DEAD: u32 = 1;
const CLAIMED: u32 = 2;

/// What is called for a message.
#[derive(Clone, Copy)]
pub(crate) enum Callback {
    /// A C function, which knows nothing of errors.
    C(unsafe extern "C" fn(*mut bindings::cn_msg, *mut netlink_skb_parms)),
    /// A function with a cookie, as the crate `connector` registers it.
    WithCookie {
        /// Called for each message.
        receive: unsafe extern "C" fn(
            *mut c_void,
            *mut bindings::cn_msg,
            *mut netlink_skb_parms,
        ) -> c_int,
        /// Called once, when `receive` will never run again.
        release: unsafe extern "C" fn(*mut c_void),
        /// The first argument of both.
        cookie: *mut c_void,
    },
}

impl Callback {
    /// The address of the code that is called.
    pub(crate) fn address(&self) -> *const c_void {
        match *self {
            Self::C(callback) => callback as *const c_void,
            Self::WithCookie { receive, .. } => receive as *const c_void,
        }
    }
}

/// The place of an entry in an [`EntryList`](crate::entry_list::EntryList), which alone looks at
/// it.
pub(crate) struct Links {
    pub(crate) list: *const c_void,
    pub(crate) previous: *mut Entry,
    pub(crate) next: *mut Entry,
}

/// A registered callback.
///
/// The fields that a look-up reads come first, so that they share a cache line.
#[repr(C)]
pub(crate) struct Entry {
    id: Id,
    group: u32,
    state: Atomic<u32>,
    callback: Callback,
    serial: u64,
    links: UnsafeCell<Links>,
    name: Name,
}

impl Entry {
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
    pub(crate) fn callback(&self) -> Callback {
        self.callback
    }

    /// The number that tells this registration from earlier and later ones.
    pub(crate) fn serial(&self) -> u64 {
        self.serial
    }

    /// The name of the callback.
    pub(crate) fn name(&self) -> &CStr {
        self.name.as_c_str()
    }

    /// Whether the callback was unregistered.
    #[inline]
    pub(crate) fn is_dead(&self) -> bool {
        read_once(&self.state) != LIVE
    }

    /// Marks the callback as unregistered. Orders the mark before everything that follows.
    pub(crate) fn kill(&self) {
        self.state.xchg(DEAD, Full);
    }

    /// Takes the duty to let go of a dead entry; false if somebody has it already.
    pub(crate) fn claim(&self) -> bool {
        self.state.cmpxchg(DEAD, CLAIMED, Full).is_ok()
    }

    /// What stands for this entry in [`Running`](crate::running::Running).
    #[inline]
    pub(crate) fn token(&self) -> usize {
        core::ptr::from_ref(self).addr()
    }

    pub(crate) fn links(&self) -> *mut Links {
        self.links.get()
    }
}

/// The owner of an entry that is in no list.
///
/// The memory is freed a grace period after this is dropped.
///
/// # Invariants
///
/// `.0` points to an entry that was allocated by [`KBox`] and that nobody else owns.
pub(crate) struct OwnedEntry(NonNull<Entry>);

impl OwnedEntry {
    /// Makes an entry; its group is `id.idx()`. May sleep.
    pub(crate) fn new(id: Id, name: Name, callback: Callback, serial: u64) -> Result<Self> {
        let entry = KBox::new(
            Entry {
                id,
                group: id.idx(),
                state: Atomic::new(LIVE),
                callback,
                serial,
                links: UnsafeCell::new(Links {
                    list: core::ptr::null(),
                    previous: core::ptr::null_mut(),
                    next: core::ptr::null_mut(),
                }),
                name,
            },
            GFP_KERNEL,
        )?;
        // INVARIANT: The box was just made and is given up here.
        Ok(Self(NonNull::from(KBox::leak(entry))))
    }

    /// Gives up the ownership.
    pub(crate) fn into_raw(self) -> NonNull<Entry> {
        core::mem::ManuallyDrop::new(self).0
    }

    /// Takes the ownership back.
    ///
    /// # Safety
    ///
    /// `entry` must come from [`Self::into_raw`], once.
    pub(crate) unsafe fn from_raw(entry: NonNull<Entry>) -> Self {
        // INVARIANT: By the safety requirements, this is the ownership that was given up.
        Self(entry)
    }
}

impl Deref for OwnedEntry {
    type Target = Entry;

    fn deref(&self) -> &Entry {
        // SAFETY: By the type invariants the entry is there.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for OwnedEntry {
    fn drop(&mut self) {
        // SAFETY: By the type invariants the entry came from `kmalloc()` and this is its last owner;
        // who removes an entry from the table does so before it drops it. An entry has nothing
        // that needs a destructor.
        unsafe { rcu::free_deferred(self.0.as_ptr()) };
    }
}
