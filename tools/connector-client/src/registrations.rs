// SPDX-License-Identifier: GPL-2.0

//! The registered callbacks: `/proc/net/connector`.

use crate::escape::{self, lines};
use crate::kernel::{has_file, read_file};
use crate::{Error, Id};

/// A registered callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// The id.
    pub id: Id,
    /// The name. It may have any character. Bytes that are not UTF-8 are replaced.
    pub name: String,
}

/// All registered callbacks, in the order of their registration.
///
/// ```no_run
/// for registration in connector_client::Registrations::read()? {
///     println!("{} {:?}", registration.id, registration.name);
/// }
/// # Ok::<(), connector_client::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registrations {
    entries: Vec<Registration>,
    odd: Vec<String>,
}

/// The least number of bytes before the blank in front of an id. The kernel pads shorter names.
const NAME_COLUMN: usize = 15;

impl Registrations {
    /// Reads the callbacks of the running kernel.
    ///
    /// # Errors
    ///
    /// [`Error::NoConnector`] if the kernel has no connector; [`Error::OtherNamespace`] in another network namespace;
    /// [`Error::ProcHidden`].
    pub fn read() -> Result<Self, Error> {
        let file = read_file("connector")?;
        // The connector in Rust escapes names. A second file distinguishes it.
        Ok(if has_file("connector_stats") {
            Self::parse(file)
        } else {
            Self::parse_raw(file)
        })
    }

    /// Parses a file of the connector in Rust. Control characters and backslashes of names are octal in the file (`\012`), and
    /// are decoded. [`Registrations::odd`] has invalid lines.
    ///
    /// ```
    /// use connector_client::{Id, Registrations};
    ///
    /// let all = Registrations::parse("Name            ID\ncn\\012echo      20:1\n");
    /// assert_eq!(all.get(Id::new(20, 1)).unwrap().name, "cn\necho");
    /// ```
    pub fn parse(file: impl AsRef<[u8]>) -> Self {
        let mut all = Self::default();
        for line in lines(file.as_ref()).skip(1) {
            match split_line(line) {
                Some((name, id)) => all.add(&escape::decode(name), id),
                None => all.odd.push(escape::text(line)),
            }
        }
        all
    }

    /// Parses a file of the C connector, which does not escape names: a name may have line feeds. A line without an id is the
    /// beginning of a name that continues in the next line. A part of a name that looks like a whole line is taken for one.
    ///
    /// ```
    /// use connector_client::{Id, Registrations};
    ///
    /// let all = Registrations::parse_raw("Name            ID\na\nb 1:1         20:1\n");
    /// assert_eq!(all.get(Id::new(20, 1)).unwrap().name, "a\nb 1:1");
    /// assert!(all.get(Id::new(1, 1)).is_none());
    /// ```
    pub fn parse_raw(file: impl AsRef<[u8]>) -> Self {
        let mut all = Self::default();
        let mut begun = Vec::new();
        for line in lines(file.as_ref()).skip(1) {
            begun.extend_from_slice(line);
            match split_line(&begun) {
                Some((name, id)) => {
                    all.add(name, id);
                    begun.clear();
                }
                None => begun.push(b'\n'),
            }
        }
        if !begun.is_empty() {
            all.odd.push(escape::text(&begun));
        }
        all
    }

    fn add(&mut self, name: &[u8], id: Id) {
        let name = escape::text(name);
        self.entries.push(Registration { id, name });
    }

    /// The callback with an id.
    pub fn get(&self, id: Id) -> Option<&Registration> {
        self.iter().find(|registration| registration.id == id)
    }

    /// Iterates over the callbacks.
    pub fn iter(&self) -> std::slice::Iter<'_, Registration> {
        self.entries.iter()
    }

    /// The invalid lines of the file.
    pub fn odd(&self) -> &[String] {
        &self.odd
    }
}

/// Splits a line at its last blank, into the name without padding and the id.
fn split_line(line: &[u8]) -> Option<(&[u8], Id)> {
    let blank = line.iter().rposition(|&byte| byte == b' ')?;
    let (name, id) = (line.get(..blank)?, line.get(blank + 1..)?);
    if name.len() < NAME_COLUMN {
        return None;
    }
    let id = id_of(id)?;
    // A long name is not padded. The length of an escaped one is unknown.
    if name.len() > NAME_COLUMN && !name.contains(&b'\\') {
        return Some((name, id));
    }
    let end = name.iter().rposition(|&byte| byte != b' ');
    Some((name.get(..end.map_or(0, |end| end + 1))?, id))
}

/// Parses an id as the kernel writes it: two decimal numbers.
pub(crate) fn id_of(bytes: &[u8]) -> Option<Id> {
    let only = |byte: &u8| byte.is_ascii_digit() || *byte == b':';
    let text = std::str::from_utf8(bytes).ok()?;
    text.parse().ok().filter(|_| bytes.iter().all(only))
}

impl IntoIterator for Registrations {
    type Item = Registration;
    type IntoIter = std::vec::IntoIter<Registration>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

impl<'a> IntoIterator for &'a Registrations {
    type Item = &'a Registration;
    type IntoIter = std::slice::Iter<'a, Registration>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(all: Registrations) -> Vec<String> {
        all.into_iter().map(|entry| entry.name).collect()
    }

    #[test]
    fn names_may_have_blanks_and_none() {
        let text = "Name            ID\na b             1:2\n                3:4\nlonger-than-the-column 5:6\n";
        let expected = ["a b", "", "longer-than-the-column"];
        assert_eq!(names(Registrations::parse(text)), expected);
        assert_eq!(names(Registrations::parse_raw(text)), expected);
    }

    #[test]
    fn odd_lines_are_skipped() {
        let text =
            "Name            ID\nx 1\ncn_echo         20:1\nshort 1:1\n\ncn_echo         +1:0x2\n";
        let all = Registrations::parse(text);
        assert_eq!(
            all.odd(),
            ["x 1", "short 1:1", "", "cn_echo         +1:0x2"]
        );
        assert_eq!(names(all), ["cn_echo"]);
    }

    #[test]
    fn names_of_the_c_connector_may_have_lines() {
        let text = b"Name            ID\nx 1:1\ny         25:1\n\n               25:2\n\xff\t\\012          25:3\nrest";
        let all = Registrations::parse_raw(text);
        assert_eq!(all.odd(), ["rest\n"]);
        assert_eq!(names(all), ["x 1:1\ny", "\n", "\u{fffd}\t\\012"]);
    }
}
