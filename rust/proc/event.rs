// SPDX-License-Identifier: GPL-2.0

//! Process events: their format, the requests of programs, and which events a
//! listener gets.
//!
//! Pure: depends on nothing but `core` and `zerocopy`, so that it compiles on the host too.
//!
//! C counterparts: `struct proc_event`, `struct proc_input` and `enum proc_cn_mcast_op` in
//! `include/uapi/linux/cn_proc.h`; `sk_user_data`, which holds what the socket last asked for,
//! granted or not.

#![forbid(unsafe_code)]

use zerocopy::FromBytes as _;
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
    /// Exits of threads whose status is not 0; no event has this kind.
    pub(crate) const NONZERO_EXIT: Self = Self(0x2000_0000);
    pub(crate) const COREDUMP: Self = Self(0x4000_0000);
    pub(crate) const EXIT: Self = Self(0x8000_0000);

    /// Each kind by itself.
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

    /// All kinds.
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

    /// Whether a listener to these kinds gets an event.
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
    /// When it happened, in nanoseconds since the machine has started.
    pub(crate) timestamp_ns: u64,
    /// The fields of this kind of event.
    pub(crate) data: [u32; 6],
}

/// An event of a process, or the answer to a request.
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
    /// `tracer` attached to the task; the tracer 0 says that it detached.
    Traced { task: Task, tracer: Task },
    /// A task has another name.
    Renamed { task: Task, name: [u8; 16] },
    /// A process dies of a signal that dumps core.
    DumpsCore { task: Task, parent: Task },
    /// A thread exits.
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

/// The request of a program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Operation {
    /// To get events of these kinds, and no others.
    Listen(Kinds),
    /// To get no more events.
    Ignore,
}

/// Why the bytes of a request are refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refused {
    /// It has neither of the two lengths. It may not be meant as a request, so it is not
    /// acknowledged either.
    Length,
    /// The operation is unknown.
    Operation,
}

const LISTEN: u32 = 1;
const IGNORE: u32 = 2;

impl Operation {
    /// Reads a request: an operation, and in the longer form the kinds of events, of which none
    /// means all.
    pub(crate) fn read(payload: &[u8]) -> Result<Self, Refused> {
        let (operation, bits) = match payload.len() {
            4 => (u32::read_from_bytes(payload).ok(), Some(0)),
            8 => (
                u32::read_from_prefix(payload).ok().map(|(first, _)| first),
                u32::read_from_suffix(payload).ok().map(|(_, last)| last),
            ),
            _ => return Err(Refused::Length),
        };
        let kinds = match Kinds::from_bits(bits.unwrap_or(0)) {
            Kinds::NONE => Kinds::ALL,
            some => some,
        };
        match operation {
            Some(LISTEN) => Ok(Self::Listen(kinds)),
            Some(IGNORE) => Ok(Self::Ignore),
            _ => Err(Refused::Operation),
        }
    }
}

/// The state of a socket that has requested events.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Listener {
    /// Its port at the time of its first request.
    pub(crate) portid: u32,
    /// The kinds that it gets.
    pub(crate) kinds: Kinds,
    /// The user among whose listeners it is counted; [`None`] if it has `CAP_NET_ADMIN`.
    pub(crate) user: Option<u32>,
    /// Messages that netlink got for it, acknowledgements among them.
    pub(crate) sent: u64,
    /// What [`Self::no_memory`] adds to the losses of its kinds.
    no_memory_base: u64,
    /// The last pass over the members of the group in which it was found.
    pub(crate) seen: u64,
    /// How many messages it had missed by then, because its receive buffer was full.
    pub(crate) dropped: u32,
}

impl Listener {
    /// A socket whose request is not granted yet.
    pub(crate) const fn new(portid: u32) -> Self {
        Self {
            portid,
            kinds: Kinds::NONE,
            user: None,
            sent: 0,
            no_memory_base: 0,
            seen: 0,
            dropped: 0,
        }
    }

    /// Its request for these kinds was acknowledged; it gets them from now on.
    pub(crate) fn begin(&mut self, kinds: Kinds, losses: &Losses) {
        self.no_memory_base = self.no_memory(losses).wrapping_sub(losses.of_kinds(kinds));
        self.kinds = kinds;
    }

    /// Counts a message that netlink got for it.
    pub(crate) fn count_sent(&mut self) {
        self.sent = self.sent.wrapping_add(1);
    }

    /// Whether it gets an event; counts it if so.
    pub(crate) fn take(&mut self, event: &Event) -> bool {
        let wants = self.kinds.want(event);
        if wants {
            self.count_sent();
        }
        wants
    }

    /// How many events for it were lost because there was no memory.
    pub(crate) fn no_memory(&self, losses: &Losses) -> u64 {
        self.no_memory_base
            .wrapping_add(losses.of_kinds(self.kinds))
    }
}

/// How many events were lost because there was no memory, by kind.
///
/// No listener is visited when an event is lost: the share of each is computed on demand.
#[derive(Default, Debug)]
pub(crate) struct Losses([u64; Kinds::EACH.len()]);

impl Losses {
    /// Counts an event.
    pub(crate) fn count(&mut self, event: &Event) {
        let lost = match event {
            Event::Exits { code, .. } if *code != 0 => Kinds::NONZERO_EXIT,
            _ => event.kind(),
        };
        for (kind, number) in Kinds::EACH.into_iter().zip(&mut self.0) {
            if kind == lost {
                *number = number.wrapping_add(1);
            }
        }
    }

    /// How many of those were for a listener to these kinds.
    fn of_kinds(&self, kinds: Kinds) -> u64 {
        let kinds = if kinds.has(Kinds::EXIT) {
            kinds.with(Kinds::NONZERO_EXIT)
        } else {
            kinds
        };
        let counted = Kinds::EACH.into_iter().zip(self.0);
        counted
            .filter(|(kind, _)| kinds.has(*kind))
            .fold(0, |sum: u64, (_, number)| sum.wrapping_add(number))
    }
}
