// SPDX-License-Identifier: GPL-2.0

//! Lists whose links are in the elements: adding one cannot fail.
//!
//! The lists in `kernel::list` would do the same for reference counted elements; ours are freed by
//! RCU instead, and can be walked under RCU while others change the list.
//!
//! C counterpart: `include/linux/rculist.h`.

#![forbid(unsafe_code)]

use crate::sync::{Changes, ListPointer, RcuFreed, RcuPointer, Reader};

/// The links of an element, which only the lists access.
pub(crate) struct Links<T> {
    /// The next one in the list of live elements. It stays when the element leaves the list, for
    /// readers that are at the element.
    next: RcuPointer<T>,
    /// The one before it in the list of live elements, or, once it has left that, of dying ones.
    previous: ListPointer<T>,
    /// The next one in the list of dying elements.
    next_dying: ListPointer<T>,
}

impl<T: RcuFreed> Links<T> {
    /// In no list.
    pub(crate) const fn new() -> Self {
        Self {
            next: RcuPointer::null(),
            previous: ListPointer::null(),
            next_dying: ListPointer::null(),
        }
    }
}

/// Can be in these lists: in one at a time.
pub(crate) trait Linked: RcuFreed + Sized {
    /// Its links.
    fn links(&self) -> &Links<Self>;
}

/// The live elements, in the order in which they were added.
///
/// `first`, `last` and the links of the elements between them form a doubly linked list. Elements
/// stay at least until an RCU grace period after they were removed.
pub(crate) struct LiveList<T> {
    first: RcuPointer<T>,
    last: ListPointer<T>,
}

impl<T: Linked> LiveList<T> {
    /// An empty list.
    pub(crate) const fn new() -> Self {
        Self {
            first: RcuPointer::null(),
            last: ListPointer::null(),
        }
    }

    /// Adds an element, which is in no list, at the end; complete before anyone finds it.
    pub(crate) fn push_back(&self, element: &T, changes: &Changes) {
        let last = self.last.read(changes);
        element.links().previous.set(last, changes);
        match last {
            Some(last) => last.links().next.set(Some(element)),
            None => self.first.set(Some(element)),
        }
        self.last.set(Some(element), changes);
    }

    /// Removes an element of this list. Readers that are at it continue with its successor.
    pub(crate) fn remove(&self, element: &T, changes: &Changes) {
        let next = element.links().next.read(changes);
        let previous = element.links().previous.read(changes);
        match previous {
            Some(previous) => previous.links().next.set(next),
            None => self.first.set(next),
        }
        match next {
            Some(next) => next.links().previous.set(previous, changes),
            None => self.last.set(previous, changes),
        }
    }

    /// The first element.
    pub(crate) fn first<'a>(&self, reader: &'a impl Reader) -> Option<&'a T> {
        self.first.read(reader)
    }

    /// The element behind `element`, which was found with the same `reader`. One that was kept by
    /// other means may have left the list since, and so may its successor.
    pub(crate) fn next<'a>(element: &T, reader: &'a impl Reader) -> Option<&'a T> {
        element.links().next.read(reader)
    }

    /// The elements, first one first. What is added or removed meanwhile may be among them or not.
    pub(crate) fn iter<'a>(&self, reader: &'a impl Reader) -> impl Iterator<Item = &'a T>
    where
        T: 'a,
    {
        core::iter::successors(self.first(reader), move |element| {
            Self::next(element, reader)
        })
    }
}

/// The elements that were removed from the live ones and are not reclaimed yet.
///
/// `first` and the links of the elements form a doubly linked list; an element stays while it is in
/// it, and is in no other list.
pub(crate) struct DyingList<T> {
    first: ListPointer<T>,
}

impl<T: Linked> DyingList<T> {
    /// An empty list.
    pub(crate) const fn new() -> Self {
        Self {
            first: ListPointer::null(),
        }
    }

    /// Adds an element, which is in no list any more, in front.
    pub(crate) fn push(&self, element: &T, changes: &Changes) {
        let first = self.first.read(changes);
        element.links().next_dying.set(first, changes);
        element.links().previous.set(None, changes);
        if let Some(first) = first {
            first.links().previous.set(Some(element), changes);
        }
        self.first.set(Some(element), changes);
    }

    /// Takes an element of this list out.
    pub(crate) fn remove(&self, element: &T, changes: &Changes) {
        let previous = element.links().previous.read(changes);
        let next = element.links().next_dying.read(changes);
        match previous {
            Some(previous) => previous.links().next_dying.set(next, changes),
            None => self.first.set(next, changes),
        }
        if let Some(next) = next {
            next.links().previous.set(previous, changes);
        }
    }

    /// The elements.
    pub(crate) fn iter<'a>(&self, changes: &'a Changes) -> impl Iterator<Item = &'a T>
    where
        T: 'a,
    {
        core::iter::successors(self.first.read(changes), move |element| {
            element.links().next_dying.read(changes)
        })
    }
}
