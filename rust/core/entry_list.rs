// SPDX-License-Identifier: GPL-2.0

//! Lists of entries, whose links are in the entries: adding one cannot fail.
//!
//! The list in `kernel::list` would do the same for reference counted entries; ours are freed by
//! RCU instead, and can be walked under RCU while others change the list.
//!
//! C counterpart: `include/linux/rculist.h`.

use crate::{
    entry::Entry,
    rcu::{RcuPointer, Reader},
};
use core::{cell::UnsafeCell, ptr::NonNull};

/// The links of an entry, which the lists alone look at.
pub(crate) struct Links {
    /// The next one in the list of live entries. Stays when the entry leaves the list, for those
    /// who walk it.
    next: RcuPointer<Entry>,
    /// The one before it in the list of live entries, or, once it has left that, of dying ones.
    previous: UnsafeCell<*mut Entry>,
    /// The next one in the list of dying entries.
    next_dying: UnsafeCell<*mut Entry>,
}

impl Links {
    /// In no list.
    pub(crate) const fn new() -> Self {
        Self {
            next: RcuPointer::new(core::ptr::null_mut()),
            previous: UnsafeCell::new(core::ptr::null_mut()),
            next_dying: UnsafeCell::new(core::ptr::null_mut()),
        }
    }
}

/// The proof that no other task changes lists of entries; there is one, under a lock.
pub(crate) struct Changes(());

impl Changes {
    /// For who makes the lock.
    pub(crate) const fn new() -> Self {
        Self(())
    }
}

/// The live entries, in the order in which they were added.
///
/// # Invariants
///
/// `first`, `last` and the links of the entries between them form a doubly linked list. Entries
/// stay at least until an RCU grace period after they were removed.
pub(crate) struct LiveList {
    first: RcuPointer<Entry>,
    last: UnsafeCell<*mut Entry>,
}

impl LiveList {
    /// An empty list.
    pub(crate) const fn new() -> Self {
        // INVARIANT: There are no entries.
        Self {
            first: RcuPointer::new(core::ptr::null_mut()),
            last: UnsafeCell::new(core::ptr::null_mut()),
        }
    }

    /// Adds an entry at the end, complete before anyone finds it.
    ///
    /// # Safety
    ///
    /// The entry must be in no list, and stay as the invariants say.
    pub(crate) unsafe fn push_back(&self, entry: NonNull<Entry>, _changes: &mut Changes) {
        // SAFETY: Nobody else changes lists.
        let last = unsafe { *self.last.get() };
        // SAFETY: The entry is there and in no list.
        unsafe { *entry.as_ref().links().previous.get() = last };
        // SAFETY: By the type invariants `last` is null or an entry of this list.
        match unsafe { last.as_ref() } {
            Some(last) => last.links().next.set(entry.as_ptr()),
            None => self.first.set(entry.as_ptr()),
        }
        // INVARIANT: The entry is linked to the former last one.
        // SAFETY: Nobody else changes lists.
        unsafe { *self.last.get() = entry.as_ptr() };
    }

    /// Takes an entry out. Those who are at it go on with what followed it.
    ///
    /// # Safety
    ///
    /// The entry must be in this list.
    pub(crate) unsafe fn remove(&self, entry: &Entry, changes: &mut Changes) {
        let next = entry.links().next.read(changes);
        // SAFETY: Nobody else changes lists.
        let previous = unsafe { *entry.links().previous.get() };
        // SAFETY: By the type invariants the neighbours are null or entries of this list.
        match unsafe { previous.as_ref() } {
            Some(previous) => previous.links().next.set(next),
            None => self.first.set(next),
        }
        // INVARIANT: The neighbours are linked to each other.
        // SAFETY: As above; nobody else changes lists.
        unsafe {
            match next.as_ref() {
                Some(next) => *next.links().previous.get() = previous,
                None => *self.last.get() = previous,
            }
        }
    }

    /// The first entry.
    pub(crate) fn first<'a>(&self, reader: &'a impl Reader) -> Option<&'a Entry> {
        // SAFETY: By the type invariants; the reader holds off that it is freed.
        unsafe { self.first.read(reader).as_ref() }
    }

    /// The entry behind `entry`.
    pub(crate) fn next<'a>(entry: &Entry, reader: &'a impl Reader) -> Option<&'a Entry> {
        // SAFETY: As in `Self::first`.
        unsafe { entry.links().next.read(reader).as_ref() }
    }

    /// The entries, first one first. What is added or removed meanwhile may be among them or not.
    pub(crate) fn iter<'a>(&self, reader: &'a impl Reader) -> impl Iterator<Item = &'a Entry> {
        core::iter::successors(self.first(reader), move |entry| Self::next(entry, reader))
    }
}

// SAFETY: Changes are made with the proof that nobody else makes any; readers use RCU.
unsafe impl Send for LiveList {}

// SAFETY: As above.
unsafe impl Sync for LiveList {}

/// The entries that were unregistered and are not reclaimed yet.
///
/// # Invariants
///
/// `first` and the links of the entries form a doubly linked list; an entry stays while it is in
/// it, and is in no other list.
pub(crate) struct DyingList {
    first: *mut Entry,
}

impl DyingList {
    /// An empty list.
    pub(crate) const fn new() -> Self {
        // INVARIANT: There are no entries.
        Self {
            first: core::ptr::null_mut(),
        }
    }

    /// Adds an entry, in front.
    ///
    /// # Safety
    ///
    /// It must be in no list, and stay until it is removed.
    pub(crate) unsafe fn push(&mut self, entry: NonNull<Entry>, _changes: &mut Changes) {
        // SAFETY: The entry is there by the safety requirements. Nobody else changes lists, and
        // these links are looked at by those alone who do.
        unsafe {
            let links = entry.as_ref().links();
            *links.next_dying.get() = self.first;
            *links.previous.get() = core::ptr::null_mut();
        }
        // SAFETY: By the type invariants this is null or an entry of this list; as above.
        unsafe {
            if let Some(first) = self.first.as_ref() {
                *first.links().previous.get() = entry.as_ptr();
            }
        }
        // INVARIANT: The entry is linked to the former first one.
        self.first = entry.as_ptr();
    }

    /// Takes an entry out.
    ///
    /// # Safety
    ///
    /// The entry must be in this list.
    pub(crate) unsafe fn remove(&mut self, entry: &Entry, _changes: &mut Changes) {
        // SAFETY: Nobody else changes lists, and these links are looked at by those alone who do.
        let (previous, next) = unsafe {
            (
                *entry.links().previous.get(),
                *entry.links().next_dying.get(),
            )
        };
        // INVARIANT: The neighbours are linked to each other.
        // SAFETY: By the type invariants the neighbours of an entry of this list are null or
        // entries of this list; as above.
        unsafe {
            match previous.as_ref() {
                Some(previous) => *previous.links().next_dying.get() = next,
                None => self.first = next,
            }
            if let Some(next) = next.as_ref() {
                *next.links().previous.get() = previous;
            }
        }
    }

    /// The entries.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry> {
        // SAFETY: By the type invariants an entry stays while it is in the list, which is borrowed.
        let first = unsafe { self.first.as_ref() };
        core::iter::successors(first, |entry| {
            // SAFETY: As above; links of the list change under an exclusive borrow of it.
            unsafe { (*entry.links().next_dying.get()).as_ref() }
        })
    }
}

// SAFETY: Entries may be used from all threads.
unsafe impl Send for DyingList {}
