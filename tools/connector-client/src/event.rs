// SPDX-License-Identifier: GPL-2.0

//! The events of a socket.

use crate::wire::{DecodeError, RawAnswer};
use crate::{Id, Message, Refusal};

/// A message and the group by which it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival<'a> {
    /// The message.
    pub message: Message<'a>,
    /// The group of a multicast message; [`None`] for a message to this socket alone.
    pub group: Option<u32>,
}

/// The kernel's answer to a message that requests an acknowledgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The netlink sequence number of the answered message.
    pub seq: u32,
    /// 0, or a positive error number.
    pub errno: i32,
    /// The kernel's text about the error.
    pub text: Option<String>,
}

impl Answer {
    pub(crate) fn into_refusal(self, id: Id) -> Refusal {
        Refusal {
            id,
            errno: self.errno,
            text: self.text,
        }
    }
}

impl From<RawAnswer<'_>> for Answer {
    fn from(raw: RawAnswer<'_>) -> Self {
        Self {
            seq: raw.seq,
            // Any number but 0 is an error, whatever its sign.
            errno: raw.error.saturating_abs(),
            text: raw.text.map(str::to_owned),
        }
    }
}

/// An event of a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A message.
    Message(Arrival<'a>),
    /// An answer to a message that is not a pending request of this socket.
    Answer(Answer),
    /// The receive buffer was full, and the kernel dropped that many datagrams. Without `/proc` the number is not known.
    Lost(Option<u64>),
    /// A datagram is malformed. The rest of it is not decoded.
    Malformed(DecodeError),
}

impl Event<'_> {
    /// The same event, with owned data.
    pub fn into_owned(self) -> Event<'static> {
        match self {
            Self::Message(arrival) => Event::Message(Arrival {
                message: arrival.message.into_owned(),
                group: arrival.group,
            }),
            Self::Answer(answer) => Event::Answer(answer),
            Self::Lost(number) => Event::Lost(number),
            Self::Malformed(error) => Event::Malformed(error),
        }
    }
}
