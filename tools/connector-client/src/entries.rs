// SPDX-License-Identifier: GPL-2.0

//! Values by numbers that are given in turn.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// The numbers follow each other and are our own, so that nobody can choose them badly: multiplied they are good
/// enough as their own hash.
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

/// A table in which the newest value is most often the only one, and so has a place of its own.
#[derive(Debug)]
pub(crate) struct Entries<T> {
    newest: Option<(u32, T)>,
    older: HashMap<u32, T, BuildHasherDefault<OwnNumber>>,
}

impl<T> Default for Entries<T> {
    fn default() -> Self {
        Self {
            newest: None,
            older: HashMap::default(),
        }
    }
}

impl<T> Entries<T> {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.newest.is_none() && self.older.is_empty()
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        match &mut self.newest {
            Some((newest, value)) if *newest == number => Some(value),
            _ if self.older.is_empty() => None,
            _ => self.older.get_mut(&number),
        }
    }

    /// Puts in a value under a number that has none.
    #[inline]
    pub(crate) fn insert(&mut self, number: u32, value: T) {
        if let Some((number, value)) = self.newest.replace((number, value)) {
            self.older.insert(number, value);
        }
    }

    #[inline]
    pub(crate) fn remove(&mut self, number: u32) -> Option<T> {
        match &self.newest {
            Some((newest, _)) if *newest == number => self.newest.take().map(|(_, value)| value),
            _ if self.older.is_empty() => None,
            _ => self.older.remove(&number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_found_wherever_it_is() {
        let mut entries = Entries::default();
        assert!(entries.is_empty());
        for number in 0..1000 {
            entries.insert(number, number + 1);
        }
        for number in (0..1000).rev() {
            assert_eq!(entries.get_mut(number), Some(&mut (number + 1)));
        }
        assert_eq!(entries.remove(999), Some(1000));
        assert_eq!(entries.remove(0), Some(1));
        assert_eq!([entries.remove(999), entries.remove(0)], [None, None]);
        // The place of the newest one is free, and is used again.
        entries.insert(2000, 7);
        for number in 1..999 {
            assert_eq!(entries.remove(number), Some(number + 1));
        }
        assert!(!entries.is_empty());
        assert_eq!(entries.remove(2000), Some(7));
        assert!(entries.is_empty() && entries.get_mut(2000).is_none());
    }
}
