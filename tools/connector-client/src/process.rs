// SPDX-License-Identifier: GPL-2.0

//! Process events: the format is that of `<linux/cn_proc.h>`.

use std::collections::HashMap;
use std::fmt;
use std::ops::BitOr;
use std::time::{Duration, Instant};

use crate::wire::DecodeError;
use crate::{Arrival, Error, Event, Id, Kernel, Message, Options, Rights, Socket};

/// The group that process events are sent to.
const GROUP: u32 = 1;
const LISTEN: u32 = 1;
const IGNORE: u32 = 2;
/// How long the kernel may take to answer. It answers at once; a loaded machine may not run us.
const PATIENCE: Duration = Duration::from_secs(10);

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
pub struct Filter(u32);

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
    /// A process or thread has ended with a code that is not 0.
    pub const NONZERO_EXIT: Self = Self(0x2000_0000);
    /// A process has dumped core.
    pub const COREDUMP: Self = Self(0x4000_0000);
    /// A process or thread has ended.
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

/// A thread, and the process that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Task {
    /// The thread (the kernel's `pid`).
    pub pid: i32,
    /// The process (the kernel's `tgid`).
    pub tgid: i32,
}

/// What has happened to a process.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProcessKind {
    /// A thread was made, or a process if both numbers of the child are the same.
    Fork {
        /// Who made it.
        parent: Task,
        /// What was made.
        child: Task,
    },
    /// Another program is run.
    Exec {
        /// By whom.
        task: Task,
    },
    /// The user has changed.
    Uid {
        /// Whose.
        task: Task,
        /// To what.
        real: u32,
        /// And the one that counts.
        effective: u32,
    },
    /// The group has changed.
    Gid {
        /// Whose.
        task: Task,
        /// To what.
        real: u32,
        /// And the one that counts.
        effective: u32,
    },
    /// A session was begun.
    Sid {
        /// By whom.
        task: Task,
    },
    /// Tracing has begun or, without a tracer, ended.
    Ptrace {
        /// Who is traced.
        task: Task,
        /// By whom.
        tracer: Option<Task>,
    },
    /// The name has changed.
    Comm {
        /// Whose.
        task: Task,
        /// To what; bytes that are no UTF-8 are replaced.
        name: String,
    },
    /// Core was dumped.
    Coredump {
        /// Of whom.
        task: Task,
        /// Its parent.
        parent: Task,
    },
    /// It has ended.
    Exit {
        /// Who.
        task: Task,
        /// As `wait(2)` says it: the number of a signal, or 256 times the code.
        code: u32,
        /// What the parent is sent.
        signal: u32,
        /// Its parent.
        parent: Task,
    },
    /// The kernel has answered to a request for process events, this one or another.
    Acknowledgement {
        /// The `ack` of the request plus one.
        ack: u32,
        /// 0, or a positive error number.
        errno: u32,
    },
    /// A kind that did not exist when this was written.
    Unknown {
        /// Its number.
        what: u32,
    },
}

impl ProcessKind {
    fn filter(&self) -> Filter {
        match self {
            Self::Fork { .. } => Filter::FORK,
            Self::Exec { .. } => Filter::EXEC,
            Self::Uid { .. } => Filter::UID,
            Self::Gid { .. } => Filter::GID,
            Self::Sid { .. } => Filter::SID,
            Self::Ptrace { .. } => Filter::PTRACE,
            Self::Comm { .. } => Filter::COMM,
            Self::Coredump { .. } => Filter::COREDUMP,
            Self::Exit { .. } => Filter::EXIT,
            Self::Acknowledgement { .. } => Filter(0),
            Self::Unknown { what } => Filter(*what),
        }
    }

    /// Its name, as in [`Filter::NAMES`].
    pub fn name(&self) -> &'static str {
        let filter = self.filter();
        Filter::NAMES
            .iter()
            .find(|(_, kind)| *kind == filter)
            .map_or("other", |(name, _)| *name)
    }

    /// To whom it has happened; for a fork, who made it.
    pub fn task(&self) -> Option<Task> {
        match self {
            Self::Fork { parent: task, .. }
            | Self::Exec { task }
            | Self::Uid { task, .. }
            | Self::Gid { task, .. }
            | Self::Sid { task }
            | Self::Ptrace { task, .. }
            | Self::Comm { task, .. }
            | Self::Coredump { task, .. }
            | Self::Exit { task, .. } => Some(*task),
            Self::Acknowledgement { .. } | Self::Unknown { .. } => None,
        }
    }
}

/// A process event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessEvent {
    /// The processor on which it happened.
    pub cpu: u32,
    /// Its number there.
    pub seq: u32,
    /// Nanoseconds since the system has started.
    pub time: u64,
    /// What has happened.
    pub kind: ProcessKind,
}

impl ProcessEvent {
    /// Reads the payload of a message of [`Id::PROCESS_EVENTS`].
    ///
    /// # Errors
    ///
    /// [`DecodeError::EventCut`] if it is too short for its kind.
    pub fn decode(message: &Message<'_>) -> Result<Self, DecodeError> {
        let bytes = message.payload.as_ref();
        let cut = DecodeError::EventCut { have: bytes.len() };
        let array = |at: usize| {
            bytes
                .get(at..)
                .and_then(|rest| rest.first_chunk().copied())
                .ok_or(cut)
        };
        let number = |at| array(at).map(u32::from_ne_bytes);
        let task = |at| {
            Ok::<_, DecodeError>(Task {
                pid: array(at).map(i32::from_ne_bytes)?,
                tgid: array(at + 4).map(i32::from_ne_bytes)?,
            })
        };
        let time = bytes
            .get(8..)
            .and_then(|rest| rest.first_chunk().copied())
            .map(u64::from_ne_bytes)
            .ok_or(cut)?;
        let what = number(0)?;
        let kind = match Filter(what) {
            Filter(0) => ProcessKind::Acknowledgement {
                ack: message.ack,
                errno: number(16)?,
            },
            Filter::FORK => ProcessKind::Fork {
                parent: task(16)?,
                child: task(24)?,
            },
            Filter::EXEC => ProcessKind::Exec { task: task(16)? },
            Filter::UID => ProcessKind::Uid {
                task: task(16)?,
                real: number(24)?,
                effective: number(28)?,
            },
            Filter::GID => ProcessKind::Gid {
                task: task(16)?,
                real: number(24)?,
                effective: number(28)?,
            },
            Filter::SID => ProcessKind::Sid { task: task(16)? },
            Filter::PTRACE => {
                let tracer = task(24)?;
                ProcessKind::Ptrace {
                    task: task(16)?,
                    tracer: (tracer.pid != 0).then_some(tracer),
                }
            }
            Filter::COMM => {
                let name = bytes.get(24..40).ok_or(cut)?;
                let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
                ProcessKind::Comm {
                    task: task(16)?,
                    name: String::from_utf8_lossy(name).into_owned(),
                }
            }
            Filter::COREDUMP => ProcessKind::Coredump {
                task: task(16)?,
                parent: task(24)?,
            },
            Filter::EXIT => ProcessKind::Exit {
                task: task(16)?,
                code: number(24)?,
                signal: number(28)?,
                parent: task(32)?,
            },
            _ => ProcessKind::Unknown { what },
        };
        Ok(Self {
            cpu: number(4)?,
            seq: message.seq,
            time,
            kind,
        })
    }
}

/// What a stream of process events tells.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProcessNews {
    /// Something has happened.
    Event(ProcessEvent),
    /// On a processor, numbers are missing in front of the next event. Seen only without a filter, since the kernel
    /// counts what it filters, too. What was lost in the receive buffer is told as [`ProcessNews::Lost`] as well.
    Gap {
        /// The processor.
        cpu: u32,
        /// How many numbers.
        missed: u32,
    },
    /// So many events were lost, if that is known.
    Lost(Option<u64>),
    /// Something came that is malformed.
    Malformed(DecodeError),
}

/// Process events, as an iterator of [`ProcessNews`].
///
/// ```no_run
/// use connector_client::{Filter, ProcessEvents, ProcessKind, ProcessNews};
///
/// for news in ProcessEvents::open(Filter::EXEC | Filter::EXIT)? {
///     if let ProcessNews::Event(event) = news? {
///         if let ProcessKind::Exec { task } = event.kind {
///             println!("process {} runs another program", task.tgid);
///         }
///     }
/// }
/// # Ok::<(), connector_client::Error>(())
/// ```
#[derive(Debug)]
pub struct ProcessEvents {
    socket: Socket,
    filter: Filter,
    next: NextNumbers,
    /// The event behind a gap.
    held: Option<ProcessEvent>,
}

/// The number that each processor's next event has.
#[derive(Debug, Default)]
struct NextNumbers(HashMap<u32, u32>);

impl NextNumbers {
    /// How many numbers are missing before this event. Acknowledgements come from no processor, and have the number
    /// of the request.
    fn gap_before(&mut self, event: &ProcessEvent) -> u32 {
        if event.cpu == u32::MAX {
            return 0;
        }
        let next = event.seq.wrapping_add(1);
        self.0
            .insert(event.cpu, next)
            .map_or(0, |expected| event.seq.wrapping_sub(expected))
    }
}

impl ProcessEvents {
    /// Opens a socket with a receive buffer of 4 MiB, and asks for events.
    ///
    /// # Errors
    ///
    /// [`Error::NotOffered`] if the kernel has none, [`Error::NoRight`] outside of the initial user and
    /// pid namespaces, [`Error::NoRightToJoin`] for users on kernels before 6.6, [`Error::Refused`] with the kernel's answer,
    /// [`Error::TimedOut`]; as [`Socket::open`] and [`Socket::join`].
    pub fn open(filter: Filter) -> Result<Self, Error> {
        Self::on(Options::new().receive_buffer(4 << 20).open()?, filter)
    }

    /// The same with a socket of one's own.
    ///
    /// # Errors
    ///
    /// As [`ProcessEvents::open`].
    pub fn on(mut socket: Socket, filter: Filter) -> Result<Self, Error> {
        if !Kernel::detect().process_events {
            return Err(Error::NotOffered {
                what: "process events",
            });
        }
        // Kernels do not answer to others, or refuse them.
        let rights = Rights::of_this_process();
        if !(rights.initial_user_namespace && rights.initial_pid_namespace) {
            return Err(Error::NoRight {
                to: "hearing of processes",
            });
        }
        socket.join(GROUP)?;
        let mut events = Self {
            socket,
            filter,
            next: NextNumbers::default(),
            held: None,
        };
        events.listen()?;
        Ok(events)
    }

    /// The kernel sends its answer like an event, and filters it like one: so first everything is asked for.
    fn listen(&mut self) -> Result<(), Error> {
        let token = self.socket.port();
        self.order(LISTEN, None, token)?;
        let deadline = Instant::now() + PATIENCE;
        let refusal = loop {
            match self.news_until(Some(deadline))? {
                Some(ProcessNews::Event(ProcessEvent {
                    kind: ProcessKind::Acknowledgement { ack, errno },
                    ..
                })) if ack == token.wrapping_add(1) => {
                    break errno;
                }
                Some(_) => {}
                None => {
                    let lost = self.socket.lost();
                    return Err(Error::TimedOut {
                        waiting_for: "an answer about process events",
                        after: PATIENCE,
                        lost,
                    });
                }
            }
        };
        if refusal != 0 {
            let errno = i32::try_from(refusal).unwrap_or(i32::MAX);
            return Err(Error::Refused(crate::Refusal {
                id: Id::PROCESS_EVENTS,
                errno,
                text: None,
            }));
        }
        if self.filter != Filter::ALL {
            self.order(LISTEN, Some(self.filter), token)?;
        }
        Ok(())
    }

    fn order(&mut self, what: u32, filter: Option<Filter>, ack: u32) -> Result<(), Error> {
        let mut payload = what.to_ne_bytes().to_vec();
        // Kernels before 6.6 know of no filter.
        if let Some(Filter(bits)) = filter {
            payload.extend_from_slice(&bits.to_ne_bytes());
        }
        self.socket
            .send(&Message::new(Id::PROCESS_EVENTS, payload)?.with_ack(ack))
    }

    /// The socket, for its numbers and settings.
    pub fn socket_mut(&mut self) -> &mut Socket {
        &mut self.socket
    }

    /// What comes next; `None` after such a time without any news.
    ///
    /// # Errors
    ///
    /// As [`Socket::receive`].
    pub fn next_within(&mut self, silence: Duration) -> Result<Option<ProcessNews>, Error> {
        let deadline = Instant::now().checked_add(silence);
        loop {
            match self.news_until(deadline)? {
                Some(ProcessNews::Event(event)) if !self.filter.wants(&event.kind) => {}
                news => return Ok(news),
            }
        }
    }

    fn news_until(&mut self, deadline: Option<Instant>) -> Result<Option<ProcessNews>, Error> {
        let (held, next, gaps) = (&mut self.held, &mut self.next, self.filter == Filter::ALL);
        if let Some(event) = held.take() {
            return Ok(Some(ProcessNews::Event(event)));
        }
        let mut events = self.socket.events_until(deadline);
        events
            .find_map(|event| event.map(|event| news(event, held, next, gaps)).transpose())
            .transpose()
    }
}

impl Iterator for ProcessEvents {
    type Item = Result<ProcessNews, Error>;

    /// Waits for as long as it takes; ends when [`Socket::stop_on`] says so.
    fn next(&mut self) -> Option<Self::Item> {
        let gaps = self.filter == Filter::ALL;
        loop {
            if let Some(event) = self.held.take() {
                return Some(Ok(ProcessNews::Event(event)));
            }
            let (held, next) = (&mut self.held, &mut self.next);
            match self
                .socket
                .events()
                .find_map(|event| event.map(|event| news(event, held, next, gaps)).transpose())?
            {
                Ok(ProcessNews::Event(event)) if !self.filter.wants(&event.kind) => {}
                news => return Some(news),
            }
        }
    }
}

impl Drop for ProcessEvents {
    /// Kernels count who listens, and some don't notice that a socket was closed.
    fn drop(&mut self) {
        let _ = self.order(IGNORE, None, 0);
    }
}

fn news(
    event: Event<'_>,
    held: &mut Option<ProcessEvent>,
    next: &mut NextNumbers,
    gaps: bool,
) -> Option<ProcessNews> {
    match event {
        // The kernel's own answers to the group, cn_proc.ko to who has asked.
        Event::Message(Arrival {
            message,
            group: Some(GROUP) | None,
        }) if message.id == Id::PROCESS_EVENTS => {
            let event = match ProcessEvent::decode(&message) {
                Ok(event) => event,
                Err(error) => return Some(ProcessNews::Malformed(error)),
            };
            match next.gap_before(&event) {
                missed @ 1.. if gaps => {
                    let cpu = event.cpu;
                    *held = Some(event);
                    Some(ProcessNews::Gap { cpu, missed })
                }
                _ => Some(ProcessNews::Event(event)),
            }
        }
        Event::Lost(number) => Some(ProcessNews::Lost(number)),
        Event::Malformed(error) => Some(ProcessNews::Malformed(error)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(what: u32, data: &[u32]) -> Message<'static> {
        let mut payload = Vec::new();
        payload.extend_from_slice(&what.to_ne_bytes());
        payload.extend_from_slice(&3u32.to_ne_bytes());
        payload.extend_from_slice(&77u64.to_ne_bytes());
        data.iter()
            .for_each(|number| payload.extend_from_slice(&number.to_ne_bytes()));
        Message::new(Id::PROCESS_EVENTS, payload)
            .unwrap()
            .with_seq(5)
    }

    #[test]
    fn all_kinds_are_read() {
        let (one, two) = (Task { pid: 1, tgid: 2 }, Task { pid: 3, tgid: 4 });
        let name = u32::from_ne_bytes(*b"sh\0x");
        let table = [
            (
                0x1,
                vec![1, 2, 3, 4],
                ProcessKind::Fork {
                    parent: one,
                    child: two,
                },
            ),
            (0x2, vec![1, 2], ProcessKind::Exec { task: one }),
            (
                0x4,
                vec![1, 2, 9, 8],
                ProcessKind::Uid {
                    task: one,
                    real: 9,
                    effective: 8,
                },
            ),
            (
                0x40,
                vec![1, 2, 9, 8],
                ProcessKind::Gid {
                    task: one,
                    real: 9,
                    effective: 8,
                },
            ),
            (0x80, vec![1, 2], ProcessKind::Sid { task: one }),
            (
                0x100,
                vec![1, 2, 3, 4],
                ProcessKind::Ptrace {
                    task: one,
                    tracer: Some(two),
                },
            ),
            (
                0x100,
                vec![1, 2, 0, 0],
                ProcessKind::Ptrace {
                    task: one,
                    tracer: None,
                },
            ),
            (
                0x200,
                vec![1, 2, name, 0, 0, 0],
                ProcessKind::Comm {
                    task: one,
                    name: "sh".into(),
                },
            ),
            (
                0x4000_0000,
                vec![1, 2, 3, 4],
                ProcessKind::Coredump {
                    task: one,
                    parent: two,
                },
            ),
            (
                0x8000_0000,
                vec![1, 2, 256, 17, 3, 4],
                ProcessKind::Exit {
                    task: one,
                    code: 256,
                    signal: 17,
                    parent: two,
                },
            ),
            (
                0,
                vec![13],
                ProcessKind::Acknowledgement { ack: 0, errno: 13 },
            ),
            (0x400, vec![], ProcessKind::Unknown { what: 0x400 }),
        ];
        for (what, data, kind) in table {
            let event = ProcessEvent::decode(&message(what, &data)).unwrap();
            assert_eq!(
                event,
                ProcessEvent {
                    cpu: 3,
                    seq: 5,
                    time: 77,
                    kind
                }
            );
            // One byte less is too short, for any kind.
            let mut short = message(what, &data);
            short.payload.to_mut().pop();
            assert!(ProcessEvent::decode(&short).is_err(), "{what:#x}");
        }
    }

    #[test]
    fn gaps_are_counted_for_each_processor() {
        let mut next = NextNumbers::default();
        let mut event = |cpu, seq| {
            next.gap_before(&ProcessEvent {
                cpu,
                seq,
                time: 0,
                kind: ProcessKind::Unknown { what: 0 },
            })
        };
        assert_eq!(
            [
                event(0, 7),
                event(1, 100),
                event(0, 8),
                event(0, 11),
                event(1, 101)
            ],
            [0, 0, 0, 2, 0]
        );
        assert_eq!([event(2, u32::MAX), event(2, 0), event(2, 2)], [0, 0, 1]);
        assert_eq!([event(u32::MAX, 5), event(u32::MAX, 50)], [0, 0]);
    }

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
