// SPDX-License-Identifier: GPL-2.0

//! Process events, in the format of `<linux/cn_proc.h>`.

use crate::wire::DecodeError;
use crate::{Filter, Message};

/// A thread and its process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Task {
    /// The id of the thread (the kernel's `pid`).
    pub pid: i32,
    /// The id of the process (the kernel's `tgid`).
    pub tgid: i32,
}

/// The kind of a process event, with its data.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProcessKind {
    /// A process or a thread was created. In a new process, both ids of the child are the same.
    Fork {
        /// The thread that created it.
        parent: Task,
        /// The new process or thread.
        child: Task,
    },
    /// A process executes another program.
    Exec {
        /// The process.
        task: Task,
    },
    /// A process changed its user.
    Uid {
        /// The process.
        task: Task,
        /// The real user id.
        real: u32,
        /// The effective user id.
        effective: u32,
    },
    /// A process changed its group.
    Gid {
        /// The process.
        task: Task,
        /// The real group id.
        real: u32,
        /// The effective group id.
        effective: u32,
    },
    /// A process started a session.
    Sid {
        /// The process.
        task: Task,
    },
    /// Tracing of a process started or, without a tracer, ended.
    Ptrace {
        /// The traced process.
        task: Task,
        /// The tracer.
        tracer: Option<Task>,
    },
    /// A process or thread changed its name.
    Comm {
        /// The process or thread.
        task: Task,
        /// The new name. Bytes that are not UTF-8 are replaced.
        name: String,
    },
    /// A process dumped core.
    Coredump {
        /// The process.
        task: Task,
        /// The parent of the process.
        parent: Task,
    },
    /// A thread ended. Other threads of its process may continue, even if it was the first one.
    Exit {
        /// The thread.
        task: Task,
        /// The status in the format of `wait(2)`: the number of a signal, or the exit code times 256.
        code: u32,
        /// The signal that is sent to the parent.
        signal: u32,
        /// The parent of the process.
        parent: Task,
    },
    /// The kernel's answer to a request for process events of any socket.
    Acknowledgement {
        /// The `ack` of the request plus one.
        ack: u32,
        /// 0, or a positive error number.
        errno: u32,
    },
    /// A kind that this version does not know.
    Unknown {
        /// The number of the kind.
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

    /// The name of the kind, as in [`Filter::NAMES`].
    pub fn name(&self) -> &'static str {
        let filter = self.filter();
        Filter::NAMES
            .iter()
            .find(|(_, kind)| *kind == filter)
            .map_or("other", |(name, _)| *name)
    }

    /// The affected process or thread; for a fork, the parent.
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
    /// The processor that sent the event.
    pub cpu: u32,
    /// The number of the event on that processor.
    pub seq: u32,
    /// The time in nanoseconds since the system was started.
    pub time: u64,
    /// The kind of the event, with its data.
    pub kind: ProcessKind,
}

impl ProcessEvent {
    /// Decodes the payload of a message of [`Id::PROCESS_EVENTS`](crate::Id::PROCESS_EVENTS).
    ///
    /// # Errors
    ///
    /// [`DecodeError::EventCut`] if the payload is too short for its kind.
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
            // A payload that lacks one byte is too short, for any kind.
            let mut short = message(what, &data);
            short.payload.to_mut().pop();
            assert!(ProcessEvent::decode(&short).is_err(), "{what:#x}");
        }
    }
}
