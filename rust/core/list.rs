// SPDX-License-Identifier: GPL-2.0

//! A singly linked list that owns its elements.
//!
//! Adding an element takes one allocation, which can be made beforehand, and moves nothing.
//! Elements are plain values. Those of `kernel::list` are reference counted and hold links, which
//! numbers and requests do not need.

#![forbid(unsafe_code)]

use crate::helpers::alloc_nofail;
use core::mem::MaybeUninit;
use kernel::prelude::*;

/// An element outside of a list, or inside of one.
struct Link<T> {
    value: T,
    next: Option<KBox<Link<T>>>,
}

/// Memory for an element.
pub(crate) struct Reserved<T>(KBox<MaybeUninit<Link<T>>>);

impl<T> Reserved<T> {
    /// Allocates the memory, and cannot fail; see [`alloc_nofail`].
    pub(crate) fn nofail() -> Self {
        Self(alloc_nofail())
    }
}

/// A list, last added first.
pub(crate) struct List<T>(Option<KBox<Link<T>>>);

impl<T> List<T> {
    /// An empty list.
    pub(crate) const fn new() -> Self {
        Self(None)
    }

    /// Takes the memory for one more element of any list. May sleep.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: no memory.
    pub(crate) fn reserve() -> Result<Reserved<T>> {
        Ok(Reserved(KBox::<Link<T>>::new_uninit(GFP_KERNEL)?))
    }

    /// Adds an element in front, in memory that was taken before. Does not sleep.
    pub(crate) fn push_reserved(&mut self, reserved: Reserved<T>, value: T) {
        self.push_link(KBox::write(reserved.0, Link { value, next: None }));
    }

    fn push_link(&mut self, mut link: KBox<Link<T>>) {
        link.next = self.0.take();
        self.0 = Some(link);
    }

    fn pop_link(&mut self) -> Option<KBox<Link<T>>> {
        let mut link = self.0.take()?;
        self.0 = link.next.take();
        Some(link)
    }

    /// Takes all elements out.
    pub(crate) fn take(&mut self) -> Self {
        Self(self.0.take())
    }

    /// Whether there is no element.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The same elements, first added first. Calls `pause` before each, with which a long list
    /// gives way to others.
    pub(crate) fn reversed(mut self, pause: impl Fn()) -> Self {
        let mut reversed = Self::new();
        while let Some(link) = self.pop_link() {
            pause();
            reversed.push_link(link);
        }
        reversed
    }

    /// Takes those elements out for which `predicate` holds; the others keep their order.
    pub(crate) fn extract(&mut self, predicate: impl Fn(&T) -> bool) -> Self {
        let (mut kept, mut extracted) = (Self::new(), Self::new());
        while let Some(link) = self.pop_link() {
            if predicate(&link.value) {
                extracted.push_link(link);
            } else {
                kept.push_link(link);
            }
        }
        *self = kept.reversed(|| ());
        extracted.reversed(|| ())
    }

    /// The elements, last added first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        let mut next = self.0.as_deref();
        core::iter::from_fn(move || {
            let link = next?;
            next = link.next.as_deref();
            Some(&link.value)
        })
    }
}

/// The elements of a list, each taken out in its turn.
pub(crate) struct Taken<T>(List<T>);

impl<T> Iterator for Taken<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.0.pop_link().map(|link| KBox::into_inner(link).value)
    }
}

impl<T> IntoIterator for List<T> {
    type Item = T;
    type IntoIter = Taken<T>;

    fn into_iter(self) -> Taken<T> {
        Taken(self)
    }
}

impl<T> Drop for List<T> {
    fn drop(&mut self) {
        // One by one: the drop of a long list must not recurse.
        while self.pop_link().is_some() {}
    }
}
