// SPDX-License-Identifier: GPL-2.0

//! The counters of the connector: `/proc/net/connector_stats`.

use std::str::FromStr;

use crate::escape::{decode, lines, split_once, text};
use crate::kernel::read_file;
use crate::registrations::id_of;
use crate::{Error, Id};

/// The counters and properties of a callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallbackStatistics {
    /// The id.
    pub id: Id,
    /// The number of messages for which the callback was called.
    pub delivered: u64,
    /// The number of these calls that returned an error.
    pub failed: u64,
    /// The number of messages whose senders lacked the right.
    pub refused: u64,
    /// The number of the capability that senders need, if they need one.
    pub capability: Option<u32>,
    /// Whether ordinary users may join the callback's group.
    pub open_group: bool,
    /// The name. It may have any character. Bytes that are not UTF-8 are replaced.
    pub name: String,
    /// The description, if there is one.
    pub description: Option<String>,
}

/// The counters since the connector was loaded.
///
/// ```
/// use connector_client::Statistics;
///
/// let text = "received 7\ndelivered 6\ndrop_unknown_id 1\n\
///             id 20:1 delivered 6 failed 0 refused 0 capability -1 group closed name cn_echo\n";
/// let statistics = Statistics::parse(text);
/// assert_eq!(statistics.counter("delivered"), Some(6));
/// assert_eq!(statistics.dropped(), 1);
/// assert_eq!(statistics.callbacks[0].name, "cn_echo");
/// # Ok::<(), connector_client::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// The counters with their names, in the order of the file.
    pub counters: Vec<(String, u64)>,
    /// The callbacks, in the order of their registration.
    pub callbacks: Vec<CallbackStatistics>,
    /// Invalid lines.
    pub odd: Vec<String>,
}

impl Statistics {
    /// Reads the counters of the running kernel.
    ///
    /// # Errors
    ///
    /// [`Error::NotOffered`] if the connector has no statistics; [`Error::NoConnector`]; [`Error::OtherNamespace`];
    /// [`Error::ProcHidden`].
    pub fn read() -> Result<Self, Error> {
        match read_file("connector_stats") {
            Ok(file) => Ok(Self::parse(file)),
            Err(Error::NoConnector | Error::OtherNamespace) => {
                read_file("connector")?;
                Err(Error::NotOffered { what: "statistics" })
            }
            Err(error) => Err(error),
        }
    }

    /// Parses a file. The counters precede the callbacks, and each counter occurs once. Unknown pairs of later connectors are
    /// skipped. [`Statistics::odd`] has invalid lines.
    pub fn parse(file: impl AsRef<[u8]>) -> Self {
        let mut statistics = Self::default();
        for line in lines(file.as_ref()) {
            if statistics.add(line).is_none() {
                statistics.odd.push(text(line));
            }
        }
        statistics
    }

    fn add(&mut self, line: &[u8]) -> Option<()> {
        let (name, rest) = split_once(line, b" ")?;
        if name == b"id" {
            self.callbacks.push(parse_callback(rest)?);
            return Some(());
        }
        let (name, number) = (std::str::from_utf8(name).ok()?, number(rest)?);
        // Lines after the first callback that are not callbacks are parts of names that were not escaped.
        if !self.callbacks.is_empty() || self.counter(name).is_some() {
            return None;
        }
        self.counters.push((name.to_owned(), number));
        Some(())
    }

    /// The value of a counter.
    pub fn counter(&self, name: &str) -> Option<u64> {
        self.counters
            .iter()
            .find(|(counter, _)| counter == name)
            .map(|(_, number)| *number)
    }

    /// The number of dropped messages, for all reasons.
    pub fn dropped(&self) -> u64 {
        let dropped = self
            .counters
            .iter()
            .filter(|(name, _)| name.starts_with("drop_"));
        dropped.fold(0, |sum: u64, (_, number)| sum.saturating_add(*number))
    }
}

/// Parses a number that consists of decimal digits only.
fn number<T: FromStr>(digits: &[u8]) -> Option<T> {
    let text = std::str::from_utf8(digits).ok()?;
    text.parse()
        .ok()
        .filter(|_| digits.iter().all(u8::is_ascii_digit))
}

/// Parses `20:1 delivered 5 ... name cn_echo description text`. The name is escaped, with its blanks. The description is
/// escaped, without its blanks.
fn parse_callback(line: &[u8]) -> Option<CallbackStatistics> {
    let (pairs, name) =
        split_once(line, b" name ").or_else(|| Some((line.strip_suffix(b" name")?, &b""[..])))?;
    let (name, description) = match split_once(name, b" description ") {
        Some((name, description)) => (name, Some(description)),
        None => (name, None),
    };
    let mut words = pairs.split(|&byte| byte == b' ');
    let id = id_of(words.next()?)?;
    let words: Vec<_> = words.collect();
    let value = |name: &[u8]| {
        words
            .chunks_exact(2)
            .find(|pair| pair[0] == name)
            .map(|pair| pair[1])
    };
    let decoded = |escaped: &[u8]| text(&decode(escaped));
    Some(CallbackStatistics {
        id,
        delivered: number(value(b"delivered")?)?,
        failed: number(value(b"failed")?)?,
        refused: number(value(b"refused")?)?,
        capability: value(b"capability").and_then(number),
        open_group: value(b"group") == Some(b"open"),
        name: decoded(name),
        description: description.map(decoded),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn description_and_unknown_pairs() {
        let line = b"1:1 delivered 5 failed 1 refused 2 capability 12 group open new 7 name a\\040b description what it\\012does";
        let callback = parse_callback(line).unwrap();
        assert_eq!(
            (callback.delivered, callback.failed, callback.refused),
            (5, 1, 2)
        );
        assert_eq!(callback.capability, Some(12));
        assert!(callback.open_group);
        assert_eq!(callback.name, "a b");
        assert_eq!(callback.description.as_deref(), Some("what it\ndoes"));
    }

    #[test]
    fn nonsense_is_skipped() {
        for line in [
            "",
            "x",
            "received many",
            "received +1",
            "id 1:1 name x",
            "id x delivered 1 failed 1 refused 1 name x",
        ] {
            let text = format!("received 1\n{line}\ndelivered 2\n");
            let statistics = Statistics::parse(&text);
            assert_eq!(statistics.odd, [line]);
            assert_eq!(statistics.counter("delivered"), Some(2), "{line}");
        }
    }

    /// Neither a name that looks like pairs nor one that looks like a line changes the counters.
    #[test]
    fn names_forge_nothing() {
        let statistics = Statistics::parse(
            "received 1\nid 25:1 delivered 1 failed 0 refused 0 capability -1 group closed name a delivered 9 failed 9\n\
             received 99\nsent 3\nid 25:2 delivered 2 failed 0 refused 0 capability -1 group closed name  description \u{ff} name x\n",
        );
        assert_eq!(statistics.counters, [("received".to_owned(), 1)]);
        assert_eq!(statistics.odd, ["received 99", "sent 3"]);
        assert_eq!(statistics.callbacks[0].delivered, 1);
        assert_eq!(statistics.callbacks[0].name, "a delivered 9 failed 9");
        assert_eq!(statistics.callbacks[1].name, "");
        assert_eq!(
            statistics.callbacks[1].description.as_deref(),
            Some("\u{ff} name x")
        );
    }
}
