// SPDX-License-Identifier: GPL-2.0

use crate::{
    request::{matches, Range, Request},
    Id,
};
use proptest::prelude::*;

fn payload(idx: &[(u32, u32)], val: &[(u32, u32)], group: u32) -> Vec<u8> {
    let len = 8 * (idx.len() + val.len()) as u32;
    let control = [idx.len() as u32, val.len() as u32, group, len];
    let ranges = idx
        .iter()
        .chain(val)
        .flat_map(|(first, range)| [*first, *range]);
    let numbers = control.into_iter().chain(ranges);
    numbers.flat_map(u32::to_ne_bytes).collect()
}

fn set(bytes: &mut [u8], number: usize, value: u32) {
    bytes[4 * number..][..4].copy_from_slice(&value.to_ne_bytes());
}

#[test]
fn whole_request_is_read() {
    let bytes = payload(&[(1, 2)], &[(3, 4), (5, 6)], 7);
    let request = Request::read(&bytes).unwrap();
    assert_eq!((request.group, request.idx_count, request.count), (7, 1, 3));
    let ranges: Vec<_> = request
        .ranges()
        .map(|range| (range.first, range.range))
        .collect();
    assert_eq!(ranges, [(1, 2), (3, 4), (5, 6)]);
}

#[test]
fn request_without_ranges_is_read() {
    let bytes = payload(&[], &[], 1);
    assert_eq!(Request::read(&bytes).unwrap().ranges().count(), 0);
}

#[test]
fn every_other_length_is_malformed() {
    let bytes = payload(&[(1, 2)], &[(3, 4)], 7);
    for len in 0..bytes.len() {
        assert!(Request::read(&bytes[..len]).is_none(), "{len}");
    }
    let mut longer = bytes.clone();
    for _ in 0..8 {
        longer.push(0);
        assert!(Request::read(&longer).is_none(), "{}", longer.len());
    }
}

#[test]
fn corrupt_control_is_malformed() {
    let good = payload(&[(1, 2)], &[(3, 4)], 7);
    // The numbers of ranges, with sums and products that wrap among them, and the length.
    for (number, values) in [
        (0, [0u32, 2, 0xffff_ffff, 0x2000_0001]),
        (1, [0, 2, 0xffff_ffff, 0x2000_0001]),
        (3, [0, 15, 17, 0xffff_fff0]),
    ] {
        for value in values {
            let mut bytes = good.clone();
            set(&mut bytes, number, value);
            assert!(Request::read(&bytes).is_none(), "{number}: {value:#x}");
        }
    }
    let mut bytes = good;
    set(&mut bytes, 0, 0xffff_ffff);
    set(&mut bytes, 1, 3);
    assert!(Request::read(&bytes).is_none(), "the sum is 2");
}

#[test]
fn edges_of_ranges() {
    let one = |first, range| [Range { first, range }];
    let is_in = |number, first, range| matches(Id::new(number, 0), &one(first, range), &one(0, 1));
    assert!(is_in(10, 10, 1) && is_in(10, 10, 5) && is_in(14, 10, 5));
    assert!(!is_in(9, 10, 5) && !is_in(15, 10, 5) && !is_in(10, 10, 0));
    assert!(is_in(u32::MAX, u32::MAX, 1) && is_in(u32::MAX, u32::MAX, u32::MAX));
    assert!(
        is_in(u32::MAX, u32::MAX - 1, 100),
        "what passes the end means up to it"
    );
    assert!(!is_in(0, u32::MAX - 1, 100), "and does not begin again");
    assert!(is_in(u32::MAX - 1, 0, u32::MAX) && !is_in(u32::MAX, 0, u32::MAX));
}

#[test]
fn both_halves_must_match() {
    let ranges = [Range { first: 5, range: 1 }];
    assert!(matches(Id::new(5, 5), &ranges, &ranges));
    assert!(!matches(Id::new(5, 6), &ranges, &ranges));
    assert!(!matches(Id::new(6, 5), &ranges, &ranges));
    assert!(!matches(Id::new(5, 5), &ranges, &[]));
    assert!(!matches(Id::new(5, 5), &[], &ranges));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_not(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        if let Some(request) = Request::read(&bytes) {
            prop_assert_eq!(16 + 8 * request.count, bytes.len());
            prop_assert_eq!(request.ranges().count(), request.count);
            prop_assert!(request.idx_count <= request.count);
        }
    }

    #[test]
    fn range_is_what_it_says(number: u32, first: u32, range: u32) {
        let is_in = matches(Id::new(number, 0), &[Range { first, range }], &[Range { first: 0, range: 1 }]);
        let (number, first, range) = (u64::from(number), u64::from(first), u64::from(range));
        prop_assert_eq!(is_in, number >= first && number < first + range);
    }
}
