// SPDX-License-Identifier: GPL-2.0

//! Process events, and what they look like to programs.
//!
//! Pure: depends on nothing but `core` and `zerocopy`, so that it compiles on the host too.
//!
//! C counterpart: `struct proc_event` in `include/uapi/linux/cn_proc.h`.

use zerocopy_derive::{Immutable, IntoBytes};

/// A set of kinds of events, as programs name them: one bit for each.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Kinds(u32);

impl Kinds {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const FORK: Self = Self(0x0000_0001);
    pub(crate) const EXEC: Self = Self(0x0000_0002);
    pub(crate) const UID: Self = Self(0x0000_0004);
    pub(crate) const GID: Self = Self(0x0000_0040);
    pub(crate) const SID: Self = Self(0x0000_0080);
    pub(crate) const PTRACE: Self = Self(0x0000_0100);
    pub(crate) const COMM: Self = Self(0x0000_0200);
    /// Ends of threads whose exit status is not 0; no event has this kind.
    pub(crate) const NONZERO_EXIT: Self = Self(0x2000_0000);
    pub(crate) const COREDUMP: Self = Self(0x4000_0000);
    pub(crate) const EXIT: Self = Self(0x8000_0000);

    /// Each kind that there is.
    pub(crate) const EACH: [Self; 10] = [
        Self::FORK,
        Self::EXEC,
        Self::UID,
        Self::GID,
        Self::SID,
        Self::PTRACE,
        Self::COMM,
        Self::NONZERO_EXIT,
        Self::COREDUMP,
        Self::EXIT,
    ];

    /// All that there are.
    pub(crate) const ALL: Self = Self::FORK
        .with(Self::EXEC)
        .with(Self::UID)
        .with(Self::GID)
        .with(Self::SID)
        .with(Self::PTRACE)
        .with(Self::COMM)
        .with(Self::NONZERO_EXIT)
        .with(Self::COREDUMP)
        .with(Self::EXIT);

    /// The kinds among these bits; bits that mean nothing are left out.
    pub(crate) const fn from_bits(bits: u32) -> Self {
        Self(bits & Self::ALL.0)
    }

    /// As bits.
    pub(crate) const fn bits(self) -> u32 {
        self.0
    }

    /// Those in either set.
    pub(crate) const fn with(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Whether the sets have a kind in common.
    pub(crate) const fn has(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    /// Whether somebody who asked for these kinds wants an event.
    pub(crate) const fn want(self, event: &Event) -> bool {
        match event {
            Event::Exits { code, .. } if *code != 0 && self.has(Self::NONZERO_EXIT) => true,
            _ => self.has(event.kind()),
        }
    }
}

/// A thread and its process, as numbers of the initial pid namespace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Task {
    /// The thread.
    pub(crate) pid: i32,
    /// The process.
    pub(crate) tgid: i32,
}

impl Task {
    const fn words(self) -> [u32; 2] {
        [self.pid as u32, self.tgid as u32]
    }
}

/// The data of an event that has two pairs.
const fn data(task: Task, [third, fourth]: [u32; 2]) -> [u32; 6] {
    let [pid, tgid] = task.words();
    [pid, tgid, third, fourth, 0, 0]
}

/// An event as it is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, IntoBytes, Immutable)]
#[repr(C)]
pub(crate) struct Wire {
    /// The kind of the event.
    pub(crate) what: u32,
    /// The processor whose number the message has.
    pub(crate) cpu: u32,
    /// When it happened, in nanoseconds since the machine was started.
    pub(crate) timestamp_ns: u64,
    /// What the kind of event has to say.
    pub(crate) data: [u32; 6],
}

/// Something that happened to a process, or the answer to a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Event {
    /// The answer; `error` is 0 or a positive number as in `errno.h`.
    Acknowledged { error: u32 },
    /// `child` was made. The parent of a thread is that of its process.
    Forked { parent: Task, child: Task },
    /// A program was executed.
    Executed { task: Task },
    /// A user id was changed.
    UidChanged {
        task: Task,
        real: u32,
        effective: u32,
    },
    /// A group id was changed.
    GidChanged {
        task: Task,
        real: u32,
        effective: u32,
    },
    /// A process began a session.
    SessionBegun { task: Task },
    /// `tracer` attached to the task; the tracer 0 says that it was let go.
    Traced { task: Task, tracer: Task },
    /// A task has another name.
    Renamed { task: Task, name: [u8; 16] },
    /// A process dies of a signal that dumps core.
    DumpsCore { task: Task, parent: Task },
    /// A thread ends.
    Exits {
        task: Task,
        code: u32,
        signal: u32,
        parent: Task,
    },
}

impl Event {
    /// The kind of the event; the answer has none.
    pub(crate) const fn kind(&self) -> Kinds {
        match self {
            Self::Acknowledged { .. } => Kinds::NONE,
            Self::Forked { .. } => Kinds::FORK,
            Self::Executed { .. } => Kinds::EXEC,
            Self::UidChanged { .. } => Kinds::UID,
            Self::GidChanged { .. } => Kinds::GID,
            Self::SessionBegun { .. } => Kinds::SID,
            Self::Traced { .. } => Kinds::PTRACE,
            Self::Renamed { .. } => Kinds::COMM,
            Self::DumpsCore { .. } => Kinds::COREDUMP,
            Self::Exits { .. } => Kinds::EXIT,
        }
    }

    /// The event as it is sent; what the kind of event does not need is zero.
    pub(crate) fn wire(&self, cpu: u32, timestamp_ns: u64) -> Wire {
        let data = match *self {
            Self::Acknowledged { error } => [error, 0, 0, 0, 0, 0],
            Self::Forked { parent, child } => data(parent, child.words()),
            Self::Executed { task } | Self::SessionBegun { task } => data(task, [0, 0]),
            Self::UidChanged {
                task,
                real,
                effective,
            }
            | Self::GidChanged {
                task,
                real,
                effective,
            } => data(task, [real, effective]),
            Self::Traced { task, tracer } => data(task, tracer.words()),
            Self::Renamed { task, name } => {
                let [pid, tgid] = task.words();
                let [a, b, c, d]: [u32; 4] = zerocopy::transmute!(name);
                [pid, tgid, a, b, c, d]
            }
            Self::DumpsCore { task, parent } => data(task, parent.words()),
            Self::Exits {
                task,
                code,
                signal,
                parent,
            } => {
                let [pid, tgid] = task.words();
                let [parent_pid, parent_tgid] = parent.words();
                [pid, tgid, code, signal, parent_pid, parent_tgid]
            }
        };
        Wire {
            what: self.kind().bits(),
            cpu,
            timestamp_ns,
            data,
        }
    }
}
