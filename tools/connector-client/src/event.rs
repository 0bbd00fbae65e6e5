// SPDX-License-Identifier: GPL-2.0

//! What a socket receives.

use crate::wire::{DecodeError, RawAnswer};
use crate::{Id, Message, Refusal};

/// A message, and how it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival<'a> {
    /// The message.
    pub message: Message<'a>,
    /// The group that it was sent to, if it was not for this socket alone.
    pub group: Option<u32>,
}

/// The kernel's answer to a message that asked for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The netlink sequence number of that message.
    pub seq: u32,
    /// 0, or a positive error number.
    pub errno: i32,
    /// What the kernel says about the error.
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
            // Whatever the sign, only 0 is none.
            errno: raw.error.saturating_abs(),
            text: raw.text.map(str::to_owned),
        }
    }
}

/// What a socket receives.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A message.
    Message(Arrival<'a>),
    /// An answer that nobody waits for.
    Answer(Answer),
    /// The receive buffer was full, and so many datagrams were dropped. Without `/proc` the number is not known.
    Lost(Option<u64>),
    /// Something came that is malformed. The rest of its datagram was not looked at.
    Malformed(DecodeError),
}

impl Event<'_> {
    /// The same, borrowing nothing.
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
