// SPDX-License-Identifier: GPL-2.0

//! What is registered: `/proc/net/connector`.

use crate::escape::{self, lines};
use crate::kernel::{has_file, read_file};
use crate::{Error, Id};

/// One callback that is registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Its id.
    pub id: Id,
    /// Its name. It may have any character; bytes that are no UTF-8 are replaced.
    pub name: String,
}

/// All callbacks that are registered, in the order in which they were.
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

/// The least that is in front of the blank before an id: the kernel fills shorter names up.
const NAME_COLUMN: usize = 15;

impl Registrations {
    /// Those of the running kernel.
    ///
    /// # Errors
    ///
    /// [`Error::NoConnector`] if there is none, in another network namespace [`Error::OtherNamespace`];
    /// [`Error::ProcHidden`].
    pub fn read() -> Result<Self, Error> {
        let file = read_file("connector")?;
        // The one of this project escapes, and is known by its other file.
        Ok(if has_file("connector_stats") {
            Self::parse(file)
        } else {
            Self::parse_raw(file)
        })
    }

    /// Those that a file of the connector in Rust lists, whatever is in it. Control bytes and backslashes of names are
    /// octal there (`\012`), and decoded. A line that is none of that file is among [`Registrations::odd`].
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

    /// The same for the C connector, which escapes nothing: a name there may have ends of lines. A line that has no id is
    /// the beginning of a name that goes on in the next line. A name that looks like a whole line cannot be told from one.
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

    /// That of an id.
    pub fn get(&self, id: Id) -> Option<&Registration> {
        self.iter().find(|registration| registration.id == id)
    }

    /// All of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Registration> {
        self.entries.iter()
    }

    /// What makes no sense in the file, and was passed over.
    pub fn odd(&self) -> &[String] {
        &self.odd
    }
}

/// The name, without what fills it up, and the id behind the last blank.
fn split_line(line: &[u8]) -> Option<(&[u8], Id)> {
    let blank = line.iter().rposition(|&byte| byte == b' ')?;
    let (name, id) = (line.get(..blank)?, line.get(blank + 1..)?);
    if name.len() < NAME_COLUMN {
        return None;
    }
    let id = id_of(id)?;
    // A long name is not filled up; how long an escaped one was is not known.
    if name.len() > NAME_COLUMN && !name.contains(&b'\\') {
        return Some((name, id));
    }
    let end = name.iter().rposition(|&byte| byte != b' ');
    Some((name.get(..end.map_or(0, |end| end + 1))?, id))
}

/// As the kernel writes it: two decimal numbers.
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
    fn odd_lines_are_passed_over() {
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
