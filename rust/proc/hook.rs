// SPDX-License-Identifier: GPL-2.0

//! Hooks: where events come from, and which are needed for which kinds.
//!
//! Pure: depends on nothing but `core`, so that it compiles on the host too.

use crate::event::Kinds;

/// A place in the kernel that tells of events.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub(crate) enum Hook {
    Fork,
    Exec,
    Exit,
    Comm,
    Credentials,
    Sid,
    Ptrace,
    Coredump,
}

impl Hook {
    /// All of them, in the order of their numbers.
    pub(crate) const ALL: [Self; 8] = [
        Self::Fork,
        Self::Exec,
        Self::Exit,
        Self::Comm,
        Self::Credentials,
        Self::Sid,
        Self::Ptrace,
        Self::Coredump,
    ];

    /// The kinds of events for which it is needed.
    pub(crate) const fn kinds(self) -> Kinds {
        match self {
            Self::Fork => Kinds::FORK,
            Self::Exec => Kinds::EXEC,
            Self::Exit => Kinds::EXIT.with(Kinds::NONZERO_EXIT),
            Self::Comm => Kinds::COMM,
            Self::Credentials => Kinds::UID.with(Kinds::GID),
            Self::Sid => Kinds::SID,
            Self::Ptrace => Kinds::PTRACE,
            Self::Coredump => Kinds::COREDUMP,
        }
    }

    /// What users call its events.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Fork => "fork",
            Self::Exec => "exec",
            Self::Exit => "exit",
            Self::Comm => "comm",
            Self::Credentials => "uid gid",
            Self::Sid => "sid",
            Self::Ptrace => "ptrace",
            Self::Coredump => "coredump",
        }
    }

    const fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// A set of hooks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Hooks(u32);

impl Hooks {
    /// None.
    pub(crate) const NONE: Self = Self(0);

    /// All.
    pub(crate) const ALL: Self = Self((1 << Hook::ALL.len()) - 1);

    /// Those that are needed for `kinds`.
    pub(crate) fn for_kinds(kinds: Kinds) -> Self {
        let mut hooks = Self::NONE;
        for hook in Hook::ALL {
            if kinds.has(hook.kinds()) {
                hooks.add(hook);
            }
        }
        hooks
    }

    /// Adds one.
    pub(crate) fn add(&mut self, hook: Hook) {
        self.0 |= hook.bit();
    }

    /// Takes one away.
    pub(crate) fn remove(&mut self, hook: Hook) {
        self.0 &= !hook.bit();
    }

    /// Whether there is none.
    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether one is among them.
    pub(crate) const fn contains(self, hook: Hook) -> bool {
        self.0 & hook.bit() != 0
    }

    /// Those that are in both sets.
    pub(crate) const fn and(self, others: Self) -> Self {
        Self(self.0 & others.0)
    }

    /// Those that are not in `others`.
    pub(crate) const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// Says in words which there are, and which not.
    pub(crate) fn describe(self, to: &mut impl core::fmt::Write) -> core::fmt::Result {
        let mut separator = "";
        for hook in self.iter() {
            to.write_str(separator)?;
            to.write_str(hook.name())?;
            separator = " ";
        }
        separator = "; not on this kernel: ";
        for hook in Self::ALL.without(self).iter() {
            to.write_str(separator)?;
            to.write_str(hook.name())?;
            separator = " ";
        }
        Ok(())
    }

    /// One by one.
    pub(crate) fn iter(self) -> impl Iterator<Item = Hook> {
        Hook::ALL
            .into_iter()
            .filter(move |hook| self.contains(*hook))
    }
}
