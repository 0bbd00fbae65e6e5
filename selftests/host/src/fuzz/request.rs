// SPDX-License-Identifier: GPL-2.0

use crate::{
    request::{matches, Range, Request},
    Id,
};

fn number(payload: &[u8], index: usize) -> u128 {
    let bytes = payload[4 * index..][..4].try_into();
    u32::from_ne_bytes(bytes.unwrap()).into()
}

/// The first eight bytes are an id, the rest is the payload of a request.
pub fn request(bytes: &[u8]) {
    let Some((id, payload)) = bytes.split_at_checked(8) else {
        assert!(Request::read(bytes).is_none());
        return;
    };
    let (idx, val) = (number(id, 0), number(id, 1));
    let request = Request::read(payload);
    let is_good = payload.len() >= 16 && {
        let len = 8 * (number(payload, 0) + number(payload, 1));
        len == number(payload, 3) && len + 16 == payload.len() as u128
    };
    assert_eq!(request.is_some(), is_good);
    let Some(request) = request else { return };

    assert_eq!(u128::from(request.group), number(payload, 2));
    assert_eq!(request.idx_count as u128, number(payload, 0));
    assert_eq!(
        (request.count - request.idx_count) as u128,
        number(payload, 1)
    );
    let ranges: Vec<Range> = request.ranges().collect();
    assert_eq!(ranges.len(), request.count);
    let is_in = |number: u128, ranges: &[Range]| {
        let contains = |range: &Range| {
            let (first, count) = (u128::from(range.first), u128::from(range.range));
            first <= number && number < first + count
        };
        ranges.iter().any(contains)
    };
    for (index, range) in ranges.iter().enumerate() {
        assert_eq!(u128::from(range.first), number(payload, 4 + 2 * index));
        assert_eq!(u128::from(range.range), number(payload, 5 + 2 * index));
    }
    let (idx_ranges, val_ranges) = ranges.split_at(request.idx_count);
    assert_eq!(
        matches(Id::new(idx as u32, val as u32), idx_ranges, val_ranges),
        is_in(idx, idx_ranges) && is_in(val, val_ranges)
    );
}
