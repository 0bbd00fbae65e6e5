// SPDX-License-Identifier: GPL-2.0

//! Which process events one wants.

use std::fmt;
use std::ops::BitOr;

use crate::ProcessKind;

/// Which kinds of process events one wants.
///
/// ```
/// use connector_client::Filter;
///
/// let filter = Filter::FORK | Filter::EXIT;
/// assert!(filter.has(Filter::FORK) && !filter.has(Filter::EXEC));
/// assert_eq!("fork".parse(), Ok(Filter::FORK));
/// assert_eq!(filter.to_string(), "fork,exit");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Filter(pub(crate) u32);

impl Filter {
    /// A process or thread was made.
    pub const FORK: Self = Self(0x1);
    /// A process runs another program.
    pub const EXEC: Self = Self(0x2);
    /// A process has changed its user.
    pub const UID: Self = Self(0x4);
    /// A process has changed its group.
    pub const GID: Self = Self(0x40);
    /// A process has begun a session.
    pub const SID: Self = Self(0x80);
    /// A process is traced, or no more.
    pub const PTRACE: Self = Self(0x100);
    /// A process or thread has changed its name.
    pub const COMM: Self = Self(0x200);
    /// A thread has ended with a code that is not 0; the first one of a process too.
    pub const NONZERO_EXIT: Self = Self(0x2000_0000);
    /// A process has dumped core.
    pub const COREDUMP: Self = Self(0x4000_0000);
    /// A thread has ended; the first one of a process too, in which others may go on.
    pub const EXIT: Self = Self(0x8000_0000);
    /// All of them.
    pub const ALL: Self = Self(0xe000_03c7);

    /// The kinds by name.
    pub const NAMES: [(&'static str, Self); 10] = [
        ("fork", Self::FORK),
        ("exec", Self::EXEC),
        ("uid", Self::UID),
        ("gid", Self::GID),
        ("sid", Self::SID),
        ("ptrace", Self::PTRACE),
        ("comm", Self::COMM),
        ("nonzero-exit", Self::NONZERO_EXIT),
        ("coredump", Self::COREDUMP),
        ("exit", Self::EXIT),
    ];

    /// Whether it has all kinds of another one.
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether an event is one of these.
    ///
    /// ```
    /// use connector_client::{Filter, ProcessKind, Task};
    ///
    /// let task = Task { pid: 7, tgid: 7 };
    /// let exit = ProcessKind::Exit { task, code: 0, signal: 17, parent: task };
    /// assert!(Filter::EXIT.wants(&exit) && !Filter::NONZERO_EXIT.wants(&exit));
    /// ```
    pub fn wants(self, kind: &ProcessKind) -> bool {
        match kind {
            ProcessKind::Exit { code, .. } if *code != 0 => {
                self.has(Self::EXIT) || self.has(Self::NONZERO_EXIT)
            }
            ProcessKind::Unknown { .. } => self == Self::ALL,
            // An answer to us, whatever is asked for.
            ProcessKind::Acknowledgement { .. } => false,
            kind => self.has(kind.filter()),
        }
    }
}

impl BitOr for Filter {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = Self::NAMES
            .iter()
            .filter(|(_, kind)| self.has(*kind))
            .map(|(name, _)| *name)
            .collect();
        f.write_str(&names.join(","))
    }
}

/// One name; `all` is all of them.
impl std::str::FromStr for Filter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "all" {
            return Ok(Self::ALL);
        }
        let found = Self::NAMES
            .iter()
            .find(|(name, _)| *name == text)
            .map(|(_, kind)| *kind);
        found.ok_or_else(|| {
            let names: Vec<_> = Self::NAMES.iter().map(|(name, _)| *name).collect();
            format!(
                "'{text}' is no kind of process event; there are: all {}",
                names.join(" ")
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filter_has_all_names() {
        let all = Filter::NAMES
            .iter()
            .fold(Filter(0), |all, (_, kind)| all | *kind);
        assert_eq!(all, Filter::ALL);
        assert!("forks".parse::<Filter>().is_err());
        let answer = ProcessKind::Acknowledgement { ack: 1, errno: 0 };
        assert!(!Filter::EXEC.wants(&answer) && !Filter::ALL.wants(&answer));
    }
}
