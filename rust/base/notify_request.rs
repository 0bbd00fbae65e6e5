// SPDX-License-Identifier: GPL-2.0

//! Requests to the notification channel: their format, and which ids they match.
//!
//! Pure: depends on nothing but `core` and `zerocopy`, so that it compiles on the host too.
//!
//! C counterparts: `struct cn_ctl_msg` and `struct cn_notify_req` in
//! `include/uapi/linux/connector_notify.h`.

#![forbid(unsafe_code)]

use crate::id::Id;
use zerocopy::FromBytes as _;
use zerocopy_derive::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The numbers from `first` on, `range` of them; those past the largest one don't exist.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Range {
    /// The first number.
    pub first: u32,
    /// How many there are.
    pub range: u32,
}

impl Range {
    fn contains(&self, number: u32) -> bool {
        number
            .checked_sub(self.first)
            .is_some_and(|distance| distance < self.range)
    }
}

/// From the two numbers as they are sent.
impl From<[u32; 2]> for Range {
    fn from([first, range]: [u32; 2]) -> Self {
        Self { first, range }
    }
}

impl From<Range> for [u32; 2] {
    fn from(Range { first, range }: Range) -> Self {
        [first, range]
    }
}

/// Whether an id lies in one of the ranges of `idx` and in one of those of `val`.
pub fn matches<R: Copy + Into<Range>>(id: Id, idx: &[R], val: &[R]) -> bool {
    let contain =
        |ranges: &[R], number| ranges.iter().any(|range| (*range).into().contains(number));
    contain(idx, id.idx()) && contain(val, id.val())
}

/// The header in front of the ranges.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Control {
    idx_notify_num: u32,
    val_notify_num: u32,
    group: u32,
    len: u32,
}

/// A well-formed request.
#[derive(Debug)]
pub struct Request<'a> {
    /// Where events go; 0 to remove requests.
    pub group: u32,
    /// How many of the ranges are for `idx`; the others are for `val`.
    pub idx_count: usize,
    /// How many ranges there are.
    pub count: usize,
    /// The ranges, first those for `idx`.
    ranges: &'a [u8],
}

impl<'a> Request<'a> {
    /// Reads the payload of a message to the channel; [`None`] if it is malformed.
    pub fn read(payload: &'a [u8]) -> Option<Self> {
        let (control, ranges) = Control::read_from_prefix(payload).ok()?;
        let idx_count = control.idx_notify_num as usize;
        let count = idx_count.checked_add(control.val_notify_num as usize)?;
        let len = count.checked_mul(size_of::<Range>())?;
        if ranges.len() != len || control.len as usize != len {
            return None;
        }
        Some(Self {
            group: control.group,
            idx_count,
            count,
            ranges,
        })
    }

    /// The ranges, first those for `idx`.
    pub fn ranges(&self) -> impl Iterator<Item = Range> + 'a {
        self.ranges
            .chunks_exact(size_of::<Range>())
            .filter_map(|bytes| Range::read_from_bytes(bytes).ok())
    }
}
