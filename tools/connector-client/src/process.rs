// SPDX-License-Identifier: GPL-2.0

//! What happens to processes: the format is that of `<linux/cn_proc.h>`.

use crate::wire::DecodeError;
use crate::{Filter, Message};

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
    /// A thread has ended. Where it is the first one of its process, others of it may go on.
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
    pub(crate) fn filter(&self) -> Filter {
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
    /// Reads the payload of a message of [`Id::PROCESS_EVENTS`](crate::Id::PROCESS_EVENTS).
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Id;

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
}
