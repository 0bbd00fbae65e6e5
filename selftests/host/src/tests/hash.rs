// SPDX-License-Identifier: GPL-2.0

use crate::{
    hash::{self, capacity_for, is_full, shift_for, MIN_CAPACITY},
    Id,
};
use proptest::prelude::*;
use std::collections::HashSet;

fn sequence(id: Id, bits: u32) -> impl Iterator<Item = usize> {
    let capacity = 1 << bits;
    hash::sequence(hash::start(id, shift_for(capacity)), capacity)
}

proptest! {
    #[test]
    fn sequence_visits_each_slot_once(idx: u32, val: u32, bits in 1u32..12) {
        let capacity = 1usize << bits;
        let slots: Vec<usize> = sequence(Id::new(idx, val), bits).collect();
        prop_assert_eq!(slots.len(), capacity);
        prop_assert!(slots.iter().all(|slot| *slot < capacity));
        let different: HashSet<_> = slots.iter().collect();
        prop_assert_eq!(different.len(), capacity);
    }

    #[test]
    fn new_table_has_room(live in 0usize..1 << 40) {
        let capacity = capacity_for(live).unwrap();
        prop_assert!(capacity.is_power_of_two() && capacity >= MIN_CAPACITY);
        prop_assert!(!is_full(live, capacity));
        // It can be filled with as many again before it is made anew, and wastes no more than that.
        prop_assert!(!is_full(2 * live - live.min(1), capacity));
        prop_assert!(capacity <= (8 * live).max(MIN_CAPACITY));
    }
}

#[test]
fn absurd_tables_are_refused() {
    assert_eq!(capacity_for(usize::MAX), None);
    assert_eq!(capacity_for(usize::MAX / 4), None);
}

#[test]
fn empty_table_is_full() {
    assert!(is_full(0, 0));
}

#[test]
fn half_of_the_slots_are_used() {
    for capacity in [MIN_CAPACITY, 64, 65536] {
        assert!(!is_full(capacity / 2 - 1, capacity));
        assert!(is_full(capacity / 2, capacity));
    }
}

/// How many slots are looked at to find each of `ids`, at most and on the average, in a table as
/// full as it gets.
fn steps(ids: &[Id]) -> (usize, f64) {
    let bits = (2 * ids.len()).next_power_of_two().trailing_zeros();
    let mut slots = vec![false; 1 << bits];
    let mut most = 0;
    let mut sum = 0;
    for id in ids {
        let steps = sequence(*id, bits).position(|slot| !slots[slot]).unwrap();
        slots[sequence(*id, bits).nth(steps).unwrap()] = true;
        most = most.max(steps + 1);
        sum += steps + 1;
    }
    (most, sum as f64 / ids.len() as f64)
}

#[test]
fn regular_ids_spread() {
    const N: u32 = 32768;
    let patterns: [(&str, fn(u32) -> Id); 6] = [
        ("val counts", |n| Id::new(20, n)),
        ("idx counts", |n| Id::new(n, 1)),
        ("both count", |n| Id::new(n, n)),
        ("in squares", |n| Id::new(n / 256, n % 256)),
        ("in steps", |n| Id::new(20, n << 12)),
        ("from the end", |n| Id::new(u32::MAX - n, u32::MAX)),
    ];
    for (name, make) in patterns {
        let ids: Vec<Id> = (0..N).map(make).collect();
        let (most, average) = steps(&ids);
        assert!(
            average < 1.5 && most < 16,
            "{name}: {average} on the average, {most} at most"
        );
    }
}

#[test]
fn start_depends_on_each_bit() {
    let start = |idx, val| sequence(Id::new(idx, val), 24).next().unwrap();
    let base = start(0x1234_5678, 0x9abc_def0);
    for bit in 0..32 {
        assert_ne!(start(0x1234_5678 ^ 1 << bit, 0x9abc_def0), base);
        assert_ne!(start(0x1234_5678, 0x9abc_def0 ^ 1 << bit), base);
    }
}
