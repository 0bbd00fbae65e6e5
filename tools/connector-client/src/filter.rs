// SPDX-License-Identifier: GPL-2.0

//! Filters of process events.

use std::fmt;
use std::ops::BitOr;

use crate::ProcessKind;

/// A set of kinds of process events.
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
    /// A process or thread was created.
    pub const FORK: Self = Self(0x1);
    /// A process executes another program.
    pub const EXEC: Self = Self(0x2);
    /// A process changed its user.
    pub const UID: Self = Self(0x4);
    /// A process changed its group.
    pub const GID: Self = Self(0x40);
    /// A process started a session.
    pub const SID: Self = Self(0x80);
    /// Tracing of a process started or ended.
    pub const PTRACE: Self = Self(0x100);
    /// A process or thread changed its name.
    pub const COMM: Self = Self(0x200);
    /// A thread ended with a code other than 0. It may be the first thread of a process.
    pub const NONZERO_EXIT: Self = Self(0x2000_0000);
    /// A process dumped core.
    pub const COREDUMP: Self = Self(0x4000_0000);
    /// A thread ended. It may be the first thread of a process, whose other threads continue.
    pub const EXIT: Self = Self(0x8000_0000);
    /// All kinds.
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

    /// Whether the set has all kinds of another set.
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether the set has the kind of an event.
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
            // An answer to this program, which no filter excludes.
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

/// Parses one name; `all` stands for all kinds.
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
