// SPDX-License-Identifier: GPL-2.0

//! What is registered: `/proc/net/connector`.

use std::fs;
use std::io;

use crate::{Error, Id};

const FILE: &str = "/proc/net/connector";

/// One callback that is registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: String,
}

/// All callbacks that are registered, in the order in which they were.
///
/// ```no_run
/// for registration in connector_client::Registrations::read()? {
///     println!("{} {}", registration.id, registration.name);
/// }
/// # Ok::<(), connector_client::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registrations(Vec<Registration>);

impl Registrations {
    /// Those of the running kernel.
    ///
    /// # Errors
    ///
    /// [`Error::NoConnector`] if there is no such file, in another network namespace [`Error::OtherNamespace`];
    /// [`Error::Unreadable`].
    pub fn read() -> Result<Self, Error> {
        match fs::read(FILE) {
            // A name may have any byte.
            Ok(bytes) => Self::parse(&String::from_utf8_lossy(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(crate::kernel::why_no_file())
            }
            Err(error) => Err(Error::system("read /proc/net/connector", error)),
        }
    }

    /// Those that a text in the format of the file lists.
    ///
    /// ```
    /// use connector_client::{Id, Registrations};
    ///
    /// let all = Registrations::parse("Name            ID\ncn_echo         20:1\n")?;
    /// assert_eq!(all.get(Id::new(20, 1)).unwrap().name, "cn_echo");
    /// # Ok::<(), connector_client::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Unreadable`] with the line that is wrong.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let parse_line = |line: &str| {
            // The kernel keeps any byte in a name, also spaces; the id has none.
            let (name, id) = line.rsplit_once(' ')?;
            Some(Registration {
                id: id.parse().ok()?,
                name: name.trim_end().to_owned(),
            })
        };
        let lines = text.lines().skip(1).filter(|line| !line.is_empty());
        lines
            .map(|line| {
                parse_line(line).ok_or_else(|| Error::Unreadable {
                    file: FILE,
                    line: line.to_owned(),
                })
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// That of an id.
    pub fn get(&self, id: Id) -> Option<&Registration> {
        self.0.iter().find(|registration| registration.id == id)
    }

    /// All of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Registration> {
        self.0.iter()
    }
}

impl IntoIterator for Registrations {
    type Item = Registration;
    type IntoIter = std::vec::IntoIter<Registration>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
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

    #[test]
    fn names_may_have_spaces_and_none() {
        let text = "Name            ID\na b             1:2\n                3:4\nlonger-than-the-column 5:6\n";
        let names: Vec<_> = Registrations::parse(text)
            .unwrap()
            .into_iter()
            .map(|entry| entry.name)
            .collect();
        assert_eq!(names, ["a b", "", "longer-than-the-column"]);
    }

    #[test]
    fn a_line_without_an_id_is_an_error() {
        assert!(
            matches!(Registrations::parse("Name ID\nx 1\n"), Err(Error::Unreadable { line, .. }) if line == "x 1")
        );
    }
}
