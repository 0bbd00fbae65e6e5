// SPDX-License-Identifier: GPL-2.0

//! A list of entries that it owns.
//!
//! The links are in the entries, so that putting an entry into a list cannot fail. The list in
//! `kernel::list` would do the same for reference counted entries; ours are freed by RCU instead.

use crate::entry::{Entry, OwnedEntry};
use core::{marker::PhantomData, ptr::NonNull};
use kernel::prelude::*;

/// A list of entries, in the order in which they were added.
///
/// # Invariants
///
/// `first` and `last` and the links of the entries between them form a doubly linked list of
/// entries whose ownership was given up to this list; exactly these have the address of `anchor` in
/// `links.list`.
pub(crate) struct EntryList {
    first: *mut Entry,
    last: *mut Entry,
    /// Gives the list an address that doesn't move.
    anchor: KBox<u8>,
}

// SAFETY: The list owns its entries, and entries may be used from all threads.
unsafe impl Send for EntryList {}

impl EntryList {
    /// Makes an empty list.
    pub(crate) fn new() -> Result<Self> {
        // INVARIANT: There are no entries.
        Ok(Self {
            first: core::ptr::null_mut(),
            last: core::ptr::null_mut(),
            anchor: KBox::new(0, GFP_KERNEL)?,
        })
    }

    fn address(&self) -> *const c_void {
        core::ptr::from_ref(&*self.anchor).cast()
    }

    /// Adds an entry at the end.
    pub(crate) fn push_back(&mut self, entry: OwnedEntry) -> &Entry {
        let entry = entry.into_raw();
        // SAFETY: The entry was owned until now and belongs to this list from now on.
        let added = unsafe { entry.as_ref() };
        // SAFETY: The entry is in no list, so its links are ours; `&mut self` keeps others away.
        unsafe {
            *added.links() = crate::entry::Links {
                list: self.address(),
                previous: self.last,
                next: core::ptr::null_mut(),
            }
        };
        match NonNull::new(self.last) {
            // SAFETY: By the type invariants `last` is an entry of this list, whose links only this
            // list touches.
            Some(last) => unsafe { (*last.as_ref().links()).next = entry.as_ptr() },
            None => self.first = entry.as_ptr(),
        }
        // INVARIANT: The entry is linked to the former last one.
        self.last = entry.as_ptr();
        added
    }

    /// Takes an entry out; [`None`] if it isn't in this list.
    pub(crate) fn remove(&mut self, entry: &Entry) -> Option<OwnedEntry> {
        // SAFETY: Links are only touched by the list that the entry is in. All lists of entries are
        // under one lock, which the caller holds as he has `&mut self`.
        let links = unsafe { &mut *entry.links() };
        if links.list != self.address() {
            return None;
        }
        match NonNull::new(links.previous) {
            // SAFETY: By the type invariants this is an entry of this list.
            Some(previous) => unsafe { (*previous.as_ref().links()).next = links.next },
            None => self.first = links.next,
        }
        match NonNull::new(links.next) {
            // SAFETY: By the type invariants this is an entry of this list.
            Some(next) => unsafe { (*next.as_ref().links()).previous = links.previous },
            None => self.last = links.previous,
        }
        // INVARIANT: The neighbours are linked to each other, and the entry to no list.
        links.list = core::ptr::null();
        // SAFETY: The ownership was given up in `push_back`, and is taken back once as the entry
        // isn't in the list any more.
        Some(unsafe { OwnedEntry::from_raw(NonNull::from(entry)) })
    }

    /// The entries, first one first.
    pub(crate) fn iter(&self) -> Iter<'_> {
        Iter {
            next: self.first,
            _list: PhantomData,
        }
    }
}

impl Drop for EntryList {
    fn drop(&mut self) {
        while let Some(entry) = self.iter().next().map(NonNull::from) {
            // SAFETY: The entry is in the list, which is about to give up its ownership; the
            // reference is gone before the entry is.
            drop(self.remove(unsafe { entry.as_ref() }));
        }
    }
}

/// Iterator over an [`EntryList`].
pub(crate) struct Iter<'a> {
    next: *mut Entry,
    _list: PhantomData<&'a EntryList>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = &'a Entry;

    fn next(&mut self) -> Option<&'a Entry> {
        // SAFETY: `next` is null or, by the invariants of the list, one of its entries; the list is
        // borrowed for `'a`.
        let entry = unsafe { self.next.as_ref() }?;
        // SAFETY: The links are only changed through `&mut EntryList`, and the list is borrowed.
        self.next = unsafe { (*entry.links()).next };
        Some(entry)
    }
}
