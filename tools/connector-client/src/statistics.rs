// SPDX-License-Identifier: GPL-2.0

//! What the connector has counted: `/proc/net/connector_stats`.

use std::str::FromStr;

use crate::escape::{decode, lines, split_once, text};
use crate::kernel::read_file;
use crate::registrations::id_of;
use crate::{Error, Id};

/// What was counted for one callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallbackStatistics {
    /// Its id.
    pub id: Id,
    /// Messages that were handed to it.
    pub delivered: u64,
    /// Those of them for which it returned an error.
    pub failed: u64,
    /// Messages of senders who may not send to it.
    pub refused: u64,
    /// The number of the capability that its senders need.
    pub capability: Option<u32>,
    /// Whether everyone may join its group.
    pub open_group: bool,
    /// Its name. It may have any character; bytes that are no UTF-8 are replaced.
    pub name: String,
    /// What it says about itself.
    pub description: Option<String>,
}

/// What was counted since the connector was loaded.
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
    /// The counters of the connector by name, in its order.
    pub counters: Vec<(String, u64)>,
    /// The callbacks, in order of registration.
    pub callbacks: Vec<CallbackStatistics>,
    /// Lines that make no sense.
    pub odd: Vec<String>,
}

impl Statistics {
    /// Those of the running kernel.
    ///
    /// # Errors
    ///
    /// [`Error::NotOffered`] if the connector does not count; [`Error::NoConnector`], [`Error::OtherNamespace`];
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

    /// Those of a file, whatever is in it. Counters come first, each once; pairs that later connectors may add are passed over,
    /// and so are lines that make no sense, which are in [`Statistics::odd`].
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
        // What comes behind a callback is of a name, of a connector that does not escape them.
        if !self.callbacks.is_empty() || self.counter(name).is_some() {
            return None;
        }
        self.counters.push((name.to_owned(), number));
        Some(())
    }

    /// A counter by its name.
    pub fn counter(&self, name: &str) -> Option<u64> {
        self.counters
            .iter()
            .find(|(counter, _)| counter == name)
            .map(|(_, number)| *number)
    }

    /// The sum of all messages that were dropped, for any reason.
    pub fn dropped(&self) -> u64 {
        let dropped = self
            .counters
            .iter()
            .filter(|(name, _)| name.starts_with("drop_"));
        dropped.fold(0, |sum: u64, (_, number)| sum.saturating_add(*number))
    }
}

/// Decimal digits and nothing else.
fn number<T: FromStr>(digits: &[u8]) -> Option<T> {
    let text = std::str::from_utf8(digits).ok()?;
    text.parse()
        .ok()
        .filter(|_| digits.iter().all(u8::is_ascii_digit))
}

/// `20:1 delivered 5 ... name cn_echo description what it does`. The name is escaped, blanks too, the description but for
/// blanks.
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
    fn nonsense_is_passed_over() {
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

    /// Neither what a name says in its own line, nor what would be one if it were not escaped.
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
