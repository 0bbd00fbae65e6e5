// SPDX-License-Identifier: GPL-2.0

//! Tables of values under sequence numbers.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// This process assigns the numbers, consecutively, so no one else can choose colliding ones. A multiplication is a good
/// enough hash of them.
#[derive(Debug, Default)]
struct OwnNumber(u64);

impl Hasher for OwnNumber {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u32(u32::from(byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = (self.0 ^ u64::from(number)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// A table of few values, or of values that are looked up in any order.
#[derive(Debug)]
pub(crate) struct Entries<T>(HashMap<u32, T, BuildHasherDefault<OwnNumber>>);

impl<T> Default for Entries<T> {
    fn default() -> Self {
        Self(HashMap::default())
    }
}

// A table is empty most of the time. The code for other cases is not inlined.
impl<T> Entries<T> {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[inline]
    pub(crate) fn has(&self, number: u32) -> bool {
        !self.is_empty() && self.find(number).is_some()
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        if self.is_empty() {
            None
        } else {
            self.find_mut(number)
        }
    }

    /// Inserts a value under a number that has none.
    #[inline(never)]
    pub(crate) fn insert(&mut self, number: u32, value: T) {
        self.0.insert(number, value);
    }

    #[inline]
    pub(crate) fn remove(&mut self, number: u32) -> Option<T> {
        if self.is_empty() {
            None
        } else {
            self.take(number)
        }
    }

    #[inline(never)]
    fn find(&self, number: u32) -> Option<&T> {
        self.0.get(&number)
    }

    #[inline(never)]
    fn find_mut(&mut self, number: u32) -> Option<&mut T> {
        self.0.get_mut(&number)
    }

    #[inline(never)]
    fn take(&mut self, number: u32) -> Option<T> {
        self.0.remove(&number)
    }
}

/// A table that stores the newest value separately, because it is the only one most of the time.
#[derive(Debug)]
pub(crate) struct NewestFirst<T> {
    newest: Option<(u32, T)>,
    older: Entries<T>,
}

impl<T> Default for NewestFirst<T> {
    fn default() -> Self {
        Self {
            newest: None,
            older: Entries::default(),
        }
    }
}

impl<T> NewestFirst<T> {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.newest.is_none() && self.older.is_empty()
    }

    #[inline]
    pub(crate) fn has(&self, number: u32) -> bool {
        self.is_newest(number) || self.older.has(number)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        match &mut self.newest {
            Some((newest, value)) if *newest == number => Some(value),
            _ => self.older.get_mut(number),
        }
    }

    /// Inserts a value under a number that has none.
    #[inline]
    pub(crate) fn insert(&mut self, number: u32, value: T) {
        if self.newest.is_some() {
            self.stow_newest();
        }
        self.newest = Some((number, value));
    }

    #[inline(never)]
    fn stow_newest(&mut self) {
        if let Some((number, value)) = self.newest.take() {
            self.older.insert(number, value);
        }
    }

    #[inline]
    pub(crate) fn remove(&mut self, number: u32) -> Option<T> {
        if self.is_newest(number) {
            self.newest.take().map(|(_, value)| value)
        } else {
            self.older.remove(number)
        }
    }

    #[inline]
    fn is_newest(&self, number: u32) -> bool {
        matches!(self.newest, Some((newest, _)) if newest == number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_found_wherever_it_is() {
        let mut entries = NewestFirst::default();
        assert!(entries.is_empty());
        for number in 0..1000 {
            entries.insert(number, number + 1);
        }
        for number in (0..1000).rev() {
            assert!(entries.has(number));
            assert_eq!(entries.get_mut(number), Some(&mut (number + 1)));
        }
        assert_eq!(entries.remove(999), Some(1000));
        assert_eq!(entries.remove(0), Some(1));
        assert_eq!([entries.remove(999), entries.remove(0)], [None, None]);
        // The slot of the newest value is free, and is used again.
        entries.insert(2000, 7);
        for number in 1..999 {
            assert_eq!(entries.remove(number), Some(number + 1));
        }
        assert!(!entries.is_empty());
        assert_eq!(entries.remove(2000), Some(7));
        assert!(entries.is_empty() && !entries.has(2000) && entries.get_mut(2000).is_none());
    }
}
