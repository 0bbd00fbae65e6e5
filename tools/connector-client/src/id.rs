// SPDX-License-Identifier: GPL-2.0

//! Ids of callbacks.

use std::fmt;
use std::str::FromStr;

/// The id of a callback: two numbers, in the form `idx:val`.
///
/// `idx` is also the number of the callback's multicast group.
///
/// # Examples
///
/// ```
/// use connector_client::Id;
///
/// let id: Id = "20:1".parse()?;
/// assert_eq!(id, Id::new(20, 1));
/// assert_eq!(id.to_string(), "20:1");
/// // Hexadecimal numbers, and -1 for the largest number.
/// assert_eq!("0xe:0x456".parse::<Id>()?, Id::new(14, 1110));
/// assert_eq!("-1:-1".parse::<Id>()?, Id::NOTIFICATION);
/// # Ok::<(), connector_client::ParseIdError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id {
    /// The first number, which is also the number of the group.
    pub idx: u32,
    /// The second number.
    pub val: u32,
}

impl Id {
    /// The default id of the notification channel.
    pub const NOTIFICATION: Self = Self::new(u32::MAX, u32::MAX);
    /// The id of process events.
    pub const PROCESS_EVENTS: Self = Self::new(1, 1);

    /// Makes an id.
    ///
    /// ```
    /// assert_eq!(connector_client::Id::new(20, 1).idx, 20);
    /// ```
    pub const fn new(idx: u32, val: u32) -> Self {
        Self { idx, val }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.idx, self.val)
    }
}

/// The error for a text that is not an id.
///
/// ```
/// let error = "20".parse::<connector_client::Id>().unwrap_err();
/// assert_eq!(error.to_string(), "'20' is no id; ids are two numbers, like 20:1 or 0xe:0x456");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseIdError(String);

impl fmt::Display for ParseIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "'{}' is no id; ids are two numbers, like 20:1 or 0xe:0x456",
            self.0
        )
    }
}

impl std::error::Error for ParseIdError {}

impl FromStr for Id {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = text
            .split_once(':')
            .and_then(|(idx, val)| Some(Self::new(number(idx)?, number(val)?)));
        parsed.ok_or_else(|| ParseIdError(text.to_owned()))
    }
}

/// Parses a decimal number, a hexadecimal one with `0x`, or -1 for the largest.
fn number(text: &str) -> Option<u32> {
    if text == "-1" {
        return Some(u32::MAX);
    }
    // The parser of the standard library accepts a plus sign.
    if text.contains('+') {
        return None;
    }
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_id_is_refused() {
        for text in [
            "",
            ":",
            "1",
            "1:",
            ":1",
            "1:2:3",
            "a:b",
            "1:4294967296",
            "+1:2",
            "-2:1",
            "0x:1",
            " 1:1",
        ] {
            assert!(text.parse::<Id>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_shown_is_read() {
        for id in [Id::new(0, 0), Id::new(20, 1), Id::NOTIFICATION] {
            assert_eq!(id.to_string().parse(), Ok(id));
        }
    }
}
