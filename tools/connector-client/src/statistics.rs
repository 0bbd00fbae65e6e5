// SPDX-License-Identifier: GPL-2.0

//! What the connector has counted: `/proc/net/connector_stats`.

use std::fs;
use std::io;

use crate::{Error, Id};

const FILE: &str = "/proc/net/connector_stats";

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
    /// Its name.
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
/// let statistics = Statistics::parse(text)?;
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
}

impl Statistics {
    /// Those of the running kernel.
    ///
    /// # Errors
    ///
    /// [`Error::NotOffered`] if the connector does not count; [`Error::NoConnector`], [`Error::OtherNamespace`];
    /// [`Error::Unreadable`].
    pub fn read() -> Result<Self, Error> {
        match fs::read(FILE) {
            // A name may have any byte.
            Ok(bytes) => Self::parse(&String::from_utf8_lossy(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                crate::Registrations::read()?;
                Err(Error::NotOffered { what: "statistics" })
            }
            Err(error) => Err(Error::system("read /proc/net/connector_stats", error)),
        }
    }

    /// Those of a text in the format of the file. Lines and pairs that later connectors may add are passed over.
    ///
    /// # Errors
    ///
    /// [`Error::Unreadable`] with the line that is wrong.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut statistics = Self::default();
        for line in text.lines() {
            let wrong = || Error::Unreadable {
                file: FILE,
                line: line.to_owned(),
            };
            let (name, rest) = line.split_once(' ').ok_or_else(wrong)?;
            if name == "id" {
                statistics
                    .callbacks
                    .push(parse_callback(rest).ok_or_else(wrong)?);
            } else if let Ok(number) = rest.parse() {
                statistics.counters.push((name.to_owned(), number));
            } else {
                return Err(wrong());
            }
        }
        Ok(statistics)
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

/// `20:1 delivered 5 ... name cn_echo description what it does`; a name may have spaces.
fn parse_callback(line: &str) -> Option<CallbackStatistics> {
    let (pairs, name) = line
        .split_once(" name ")
        .or_else(|| Some((line.strip_suffix(" name")?, "")))?;
    let (name, description) = match name.split_once(" description ") {
        Some((name, description)) => (name, Some(description.to_owned())),
        None => (name, None),
    };
    let mut words = pairs.split_whitespace();
    let id = words.next()?.parse().ok()?;
    let words: Vec<_> = words.collect();
    let value = |name: &str| {
        words
            .chunks_exact(2)
            .find(|pair| pair[0] == name)
            .map(|pair| pair[1])
    };
    let number = |name: &str| value(name)?.parse().ok();
    Some(CallbackStatistics {
        id,
        delivered: number("delivered")?,
        failed: number("failed")?,
        refused: number("refused")?,
        capability: value("capability").and_then(|number| number.parse().ok()),
        open_group: value("group") == Some("open"),
        name: name.to_owned(),
        description,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn description_and_unknown_pairs() {
        let line = "1:1 delivered 5 failed 1 refused 2 capability 12 group open new 7 name a b description what it does";
        let callback = parse_callback(line).unwrap();
        assert_eq!(
            (callback.delivered, callback.failed, callback.refused),
            (5, 1, 2)
        );
        assert_eq!(callback.capability, Some(12));
        assert!(callback.open_group);
        assert_eq!(callback.name, "a b");
        assert_eq!(callback.description.as_deref(), Some("what it does"));
    }

    #[test]
    fn nonsense_is_an_error() {
        for text in [
            "x",
            "received many",
            "id 1:1 name x",
            "id x delivered 1 failed 1 refused 1 name x",
        ] {
            assert!(
                matches!(Statistics::parse(text), Err(Error::Unreadable { .. })),
                "{text}"
            );
        }
    }
}
