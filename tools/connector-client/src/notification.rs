// SPDX-License-Identifier: GPL-2.0

//! The format of requests for notification; `include/uapi/linux/connector_notify.h`.

use std::fmt;
use std::ops::RangeInclusive;

/// In the flags of a request: send an event for each registered id.
pub(crate) const FLAG_SNAPSHOT: u16 = 1;

/// A range of numbers for one half of an id.
///
/// ```
/// use connector_client::Range;
///
/// let range = Range::from(20..=29);
/// assert!(range.contains(20) && range.contains(29) && !range.contains(30));
/// assert_eq!(range.to_string(), "20-29");
/// assert!(Range::ALL.contains(0));
/// assert_eq!("20".parse(), Ok(Range::from(20..=20)));
/// assert_eq!("*".parse(), Ok(Range::ALL));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Range {
    first: u32,
    count: u32,
}

impl Range {
    /// All numbers except the largest, which is that of the channel itself.
    pub const ALL: Self = Self {
        first: 0,
        count: u32::MAX,
    };

    /// Whether the range has a number. The range ends at the largest number.
    pub fn contains(&self, number: u32) -> bool {
        number
            .checked_sub(self.first)
            .is_some_and(|offset| offset < self.count)
    }
}

/// The format cannot express the range from 0 to the largest number. It becomes [`Range::ALL`].
impl From<RangeInclusive<u32>> for Range {
    fn from(numbers: RangeInclusive<u32>) -> Self {
        let (first, last) = numbers.into_inner();
        let count = last
            .checked_sub(first)
            .map_or(0, |more| more.saturating_add(1));
        Self { first, count }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count {
            0 => f.write_str("nothing"),
            1 => write!(f, "{}", self.first),
            _ if *self == Self::ALL => f.write_str("*"),
            _ => write!(
                f,
                "{}-{}",
                self.first,
                self.first.saturating_add(self.count - 1)
            ),
        }
    }
}

/// Parses `*`, a number, or `first-last`.
impl std::str::FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("'{text}' is no range; ranges are *, a number, or two with a dash: 20-29");
        if text == "*" {
            return Ok(Self::ALL);
        }
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last): (u32, u32) = (
            first.parse().map_err(|_| wrong())?,
            last.parse().map_err(|_| wrong())?,
        );
        if last < first {
            return Err(wrong());
        }
        Ok(Self::from(first..=last))
    }
}

/// Encodes the payload of a request. Group 0 removes the request.
pub(crate) fn encode(group: u32, idx: &[Range], val: &[Range]) -> Vec<u8> {
    let count = |ranges: &[Range]| u32::try_from(ranges.len()).unwrap_or(u32::MAX);
    let len = count(idx).saturating_add(count(val)).saturating_mul(8);
    let mut bytes = Vec::new();
    for number in [count(idx), count(val), group, len] {
        bytes.extend_from_slice(&number.to_ne_bytes());
    }
    for range in idx.iter().chain(val) {
        bytes.extend_from_slice(&range.first.to_ne_bytes());
        bytes.extend_from_slice(&range.count.to_ne_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_reach_the_end() {
        let range = Range::from(5..=u32::MAX);
        assert!(range.contains(u32::MAX) && !range.contains(4));
        assert_eq!(Range::from(0..=u32::MAX), Range::ALL);
        #[allow(clippy::reversed_empty_ranges)]
        let empty = Range::from(7..=6);
        assert!(!empty.contains(7) && !empty.contains(6));
    }

    #[test]
    fn lengths_are_those_of_the_format() {
        let bytes = encode(13, &[Range::ALL], &[Range::ALL, Range::from(1..=2)]);
        assert_eq!(bytes.len(), 16 + 24);
        assert_eq!(bytes[12..16], 24u32.to_ne_bytes());
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in ["", "-", "1-", "-1", "2-1", "a", "1-2-3"] {
            assert!(text.parse::<Range>().is_err(), "{text}");
        }
    }
}
