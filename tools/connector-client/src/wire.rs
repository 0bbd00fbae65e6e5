// SPDX-License-Identifier: GPL-2.0

//! The wire format: netlink messages in a datagram, and the connector's messages in them.
//!
//! Decoding never panics and copies nothing.
//!
//! # Examples
//!
//! ```
//! use connector_client::wire::{Content, Datagram, Frames};
//! use connector_client::{Id, Message};
//!
//! let mut datagram = Datagram::new();
//! datagram.push(&Message::new(Id::new(20, 1), b"one".as_slice())?, 1, false);
//! datagram.push(&Message::new(Id::new(20, 2), b"two".as_slice())?, 2, true);
//!
//! let mut payloads = Vec::new();
//! for frame in Frames::new(datagram.as_bytes()) {
//!     if let Content::Messages(messages) = frame.unwrap().content().unwrap() {
//!         for message in messages {
//!             payloads.push(message.unwrap().payload.into_owned());
//!         }
//!     }
//! }
//! assert_eq!(payloads, [b"one", b"two"]);
//! # Ok::<(), connector_client::PayloadTooLong>(())
//! ```

use std::fmt;

use crate::{Id, Message};

/// The size of the netlink header.
pub const NETLINK_HEADER: usize = 16;
/// The size of the connector's header.
pub const MESSAGE_HEADER: usize = 20;
/// The size of the largest payload that a connector accepts.
pub const MAX_PAYLOAD: usize = 16384 - MESSAGE_HEADER;
/// The netlink type of answers.
pub const TYPE_ERROR: u16 = 2;
/// The netlink type of the connector's messages.
pub const TYPE_DONE: u16 = 3;
/// The netlink flag that requests an acknowledgement.
pub const FLAG_ACK: u16 = 0x4;
/// The netlink flag of an answer that quotes only the header of the request.
const FLAG_CAPPED: u16 = 0x100;
/// The netlink flag of an answer with attributes.
const FLAG_ACK_TLVS: u16 = 0x200;
/// The attribute with a text.
const ATTRIBUTE_MESSAGE: u16 = 1;
/// The bits of an attribute's type that are not flags.
const ATTRIBUTE_TYPE: u16 = 0x3fff;

const fn align(len: usize) -> usize {
    len.saturating_add(3) & !3
}

#[inline]
fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..)?.first_chunk().copied()?))
}

#[inline]
fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..)?.first_chunk().copied()?))
}

const fn flags(ack: bool) -> u16 {
    if ack {
        FLAG_ACK
    } else {
        0
    }
}

/// The reason why bytes cannot be decoded.
///
/// ```
/// use connector_client::wire::{DecodeError, Frames};
///
/// let error = Frames::new(&[0; 7]).next().unwrap().unwrap_err();
/// assert_eq!(error, DecodeError::HeaderCut { have: 7 });
/// assert_eq!(error.to_string(), "7 bytes are left where a netlink header has 16");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// The datagram ends inside a netlink header.
    HeaderCut {
        /// The number of bytes that are left.
        have: usize,
    },
    /// The length in a netlink header does not fit the datagram.
    Length {
        /// The length in the header.
        says: u32,
        /// The number of bytes that are left.
        have: usize,
    },
    /// A netlink message ends inside the connector's header.
    MessageHeaderCut {
        /// The number of bytes that are left.
        have: usize,
    },
    /// The length in the connector's header does not fit the netlink message.
    MessageLength {
        /// The length in the header.
        says: usize,
        /// The number of bytes that are left.
        have: usize,
    },
    /// An answer is too short.
    AnswerCut {
        /// The number of bytes of the answer.
        have: usize,
    },
    /// A process event is too short for its kind.
    EventCut {
        /// The number of bytes of the event.
        have: usize,
    },
    /// The datagram is larger than the buffer.
    Truncated {
        /// The number of bytes of the datagram.
        size: usize,
        /// The number of bytes of the buffer.
        room: usize,
    },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HeaderCut { have } => {
                write!(
                    f,
                    "{have} bytes are left where a netlink header has {NETLINK_HEADER}"
                )
            }
            Self::Length { says, have } => {
                write!(
                    f,
                    "a netlink message claims {says} bytes, and the datagram has {have}"
                )
            }
            Self::MessageHeaderCut { have } => {
                write!(
                    f,
                    "{have} bytes are left where the connector's header has {MESSAGE_HEADER}"
                )
            }
            Self::MessageLength { says, have } => {
                write!(
                    f,
                    "a message claims {says} bytes of payload, and {have} are left"
                )
            }
            Self::AnswerCut { have } => write!(f, "an answer is only {have} bytes long"),
            Self::EventCut { have } => write!(f, "a process event is only {have} bytes long"),
            Self::Truncated { size, room } => {
                write!(f, "a datagram has {size} bytes, and the buffer has {room}")
            }
        }
    }
}

impl std::error::Error for DecodeError {}

/// One netlink message of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The netlink type.
    pub kind: u16,
    /// The netlink flags.
    pub flags: u16,
    /// The netlink sequence number.
    pub seq: u32,
    /// The port in the header. The sender may have forged it.
    pub port: u32,
    /// The bytes after the header.
    pub payload: &'a [u8],
}

/// The content of a netlink message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// One message of the connector, or a bundle.
    Messages(Messages<'a>),
    /// The answer to a message that requested an acknowledgement.
    Answer(RawAnswer<'a>),
}

impl<'a> Frame<'a> {
    /// Decodes the content. Everything except answers is taken for messages, as the kernel's connector does.
    ///
    /// # Errors
    ///
    /// [`DecodeError::AnswerCut`] if an answer is too short.
    pub fn content(&self) -> Result<Content<'a>, DecodeError> {
        if self.kind == TYPE_ERROR {
            return RawAnswer::decode(self).map(Content::Answer);
        }
        Ok(Content::Messages(Messages {
            rest: self.payload,
            first: true,
        }))
    }
}

/// The netlink messages of a datagram, in order. After a malformed one, the iterator ends.
#[derive(Clone, Debug)]
pub struct Frames<'a> {
    rest: &'a [u8],
}

impl<'a> Frames<'a> {
    /// Iterates over the netlink messages in these bytes.
    pub fn new(datagram: &'a [u8]) -> Self {
        Self { rest: datagram }
    }

    fn take(&mut self) -> Result<Frame<'a>, DecodeError> {
        let bytes = std::mem::take(&mut self.rest);
        let cut = DecodeError::HeaderCut { have: bytes.len() };
        let says = u32_at(bytes, 0).ok_or(cut)?;
        let frame = Frame {
            kind: u16_at(bytes, 4).ok_or(cut)?,
            flags: u16_at(bytes, 6).ok_or(cut)?,
            seq: u32_at(bytes, 8).ok_or(cut)?,
            port: u32_at(bytes, 12).ok_or(cut)?,
            payload: &[],
        };
        let wrong = DecodeError::Length {
            says,
            have: bytes.len(),
        };
        let len = usize::try_from(says).map_err(|_| wrong)?;
        let payload = bytes.get(NETLINK_HEADER..len).ok_or(wrong)?;
        // The last message may lack its padding.
        self.rest = bytes.get(align(len)..).unwrap_or_default();
        Ok(Frame { payload, ..frame })
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Frame<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        (!self.rest.is_empty()).then(|| self.take())
    }
}

/// The connector's messages in one netlink message, in order: one, or a bundle. After an error, the iterator ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Messages<'a> {
    rest: &'a [u8],
    first: bool,
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Message<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        // Senders pad to four bytes. Less than four bytes after a message are padding.
        let padding = self.rest.len() < 4 && self.rest.iter().all(|&byte| byte == 0);
        if !self.first && padding {
            return None;
        }
        self.first = false;
        let decoded = Message::decode(std::mem::take(&mut self.rest));
        Some(decoded.map(|(message, rest)| {
            self.rest = rest;
            message
        }))
    }
}

/// An answer as it was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawAnswer<'a> {
    /// 0, or a negative error number.
    pub error: i32,
    /// The netlink sequence number of the answered message.
    pub seq: u32,
    /// The kernel's text about the error.
    pub text: Option<&'a str>,
}

impl<'a> RawAnswer<'a> {
    fn decode(frame: &Frame<'a>) -> Result<Self, DecodeError> {
        let cut = DecodeError::AnswerCut {
            have: frame.payload.len(),
        };
        let (error, quoted) = frame.payload.split_first_chunk().ok_or(cut)?;
        let says = u32_at(quoted, 0).ok_or(cut)?;
        let seq = u32_at(quoted, 8).ok_or(cut)?;
        if quoted.len() < NETLINK_HEADER {
            return Err(cut);
        }
        // Unless a flag is set, an error quotes the whole message. Attributes follow.
        let error = i32::from_ne_bytes(*error);
        let header_only = error == 0 || frame.flags & FLAG_CAPPED != 0;
        let quote = if header_only {
            NETLINK_HEADER
        } else {
            usize::try_from(says).map_err(|_| cut)?
        };
        let text = (frame.flags & FLAG_ACK_TLVS != 0)
            .then(|| quoted.get(align(quote)..))
            .flatten()
            .and_then(text_of);
        Ok(Self { error, seq, text })
    }
}

/// Finds the first text among attributes. An attribute with a wrong length ends the search.
fn text_of(mut attributes: &[u8]) -> Option<&str> {
    loop {
        let len = usize::from(u16_at(attributes, 0)?);
        let kind = u16_at(attributes, 2)? & ATTRIBUTE_TYPE;
        let value = attributes.get(4..len)?;
        if kind == ATTRIBUTE_MESSAGE {
            let text = value.split(|&byte| byte == 0).next()?;
            return std::str::from_utf8(text).ok();
        }
        attributes = attributes.get(align(len)..)?;
    }
}

/// A buffer for the datagram to send.
///
/// ```
/// use connector_client::wire::Datagram;
/// use connector_client::{Id, Message};
///
/// let mut datagram = Datagram::new();
/// datagram.push(&Message::new(Id::new(20, 1), b"hello".as_slice())?, 1, true);
/// assert_eq!(datagram.as_bytes().len(), 16 + 20 + 5);
/// # Ok::<(), connector_client::PayloadTooLong>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Datagram {
    bytes: Vec<u8>,
}

impl Datagram {
    /// Makes an empty datagram.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a netlink message with one message. `seq` is the netlink sequence number; `ack` requests an acknowledgement.
    #[inline]
    pub fn push(&mut self, message: &Message<'_>, seq: u32, ack: bool) -> &mut Self {
        self.push_bundle(std::slice::from_ref(message), seq, ack)
    }

    /// Adds a netlink message with several messages. The callback of the first message gets all of them.
    ///
    /// The callback gets as many bytes as the first message has. Only callbacks that support bundles read further.
    #[inline]
    pub fn push_bundle(&mut self, messages: &[Message<'_>], seq: u32, ack: bool) -> &mut Self {
        self.bytes.resize(align(self.bytes.len()), 0);
        let len = NETLINK_HEADER + messages.iter().map(Message::encoded_len).sum::<usize>();
        self.bytes.reserve(len);
        let mut header = [0; NETLINK_HEADER];
        // If the length saturates, the kernel refuses the datagram.
        header[..4].copy_from_slice(&u32::try_from(len).unwrap_or(u32::MAX).to_ne_bytes());
        header[4..6].copy_from_slice(&TYPE_DONE.to_ne_bytes());
        header[6..8].copy_from_slice(&flags(ack).to_ne_bytes());
        header[8..12].copy_from_slice(&seq.to_ne_bytes());
        self.bytes.extend_from_slice(&header);
        for message in messages {
            message.encode_into(&mut self.bytes);
        }
        self
    }

    /// Changes the arguments of [`Datagram::push`], and the `seq` of the message, in a datagram with one message.
    #[inline]
    pub(crate) fn renumber(&mut self, seq: u32, ack: bool) {
        if let Some(header) = self.bytes.first_chunk_mut::<SOLE_PAYLOAD>() {
            header[6..8].copy_from_slice(&flags(ack).to_ne_bytes());
            header[8..12].copy_from_slice(&seq.to_ne_bytes());
            header[24..28].copy_from_slice(&seq.to_ne_bytes());
        }
    }

    /// Removes all messages, and keeps the memory.
    #[inline]
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    /// The bytes to send.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// The offset of the payload of [`sole_message`].
pub(crate) const SOLE_PAYLOAD: usize = NETLINK_HEADER + MESSAGE_HEADER;

/// The message of a datagram that has nothing else, which is the common case.
#[inline]
pub(crate) fn sole_message(datagram: &[u8]) -> Option<Message<'_>> {
    let (header, rest) = datagram.split_first_chunk::<NETLINK_HEADER>()?;
    if usize::try_from(u32_at(header, 0)?) != Ok(datagram.len()) || u16_at(header, 4)? == TYPE_ERROR
    {
        return None;
    }
    let (message, rest) = Message::decode(rest).ok()?;
    rest.is_empty().then_some(message)
}

/// The sequence number of an acknowledgement without an error that is alone in its datagram, which is the common case.
#[inline]
pub(crate) fn sole_acknowledgement(datagram: &[u8]) -> Option<u32> {
    // The netlink header, no error, and the header of the acknowledged message.
    const LEN: usize = NETLINK_HEADER + 4 + NETLINK_HEADER;
    let datagram: &[u8; LEN] = datagram.try_into().ok()?;
    let is_whole = usize::try_from(u32_at(datagram, 0)?) == Ok(LEN);
    let is_good = u16_at(datagram, 4)? == TYPE_ERROR && u32_at(datagram, NETLINK_HEADER)? == 0;
    (is_whole && is_good).then_some(u32_at(datagram, NETLINK_HEADER + 4 + 8)?)
}

/// Whether a message is the reply to a request: it has the same id and the same `seq`.
///
/// Modules use `ack` in different ways, so `ack` is ignored.
#[inline]
pub fn is_reply(id: Id, seq: u32, message: &Message<'_>) -> bool {
    message.id == id && message.seq == seq
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sole_message_is_all_of_a_datagram() {
        let message = Message::new(Id::new(20, 1), b"hello".as_slice()).unwrap();
        let mut datagram = Datagram::new();
        datagram.push(&message, 7, false);
        let bytes = datagram.as_bytes().to_vec();
        assert_eq!(sole_message(&bytes), Some(message.clone()));
        assert_eq!(&bytes[SOLE_PAYLOAD..], b"hello");
        for len in 0..bytes.len() {
            assert_eq!(sole_message(&bytes[..len]), None);
        }
        datagram.push(&message, 8, false);
        assert_eq!(sole_message(datagram.as_bytes()), None);
        datagram.clear();
        datagram.push_bundle(&[message.clone(), message], 9, false);
        assert_eq!(sole_message(datagram.as_bytes()), None);
        let mut answer = bytes;
        answer[4..6].copy_from_slice(&TYPE_ERROR.to_ne_bytes());
        assert_eq!(sole_message(&answer), None);
    }

    #[test]
    fn renumbered_is_as_if_it_was_made_with_these_numbers() {
        let message = Message::new(Id::new(20, 1), b"hello".as_slice()).unwrap();
        for (seq, ack) in [(7, true), (u32::MAX, false)] {
            let mut renumbered = Datagram::new();
            renumbered.push(&message.clone().with_ack(9).with_flags(3), 1, !ack);
            renumbered.renumber(seq, ack);
            let mut made = Datagram::new();
            made.push(
                &message.clone().with_seq(seq).with_ack(9).with_flags(3),
                seq,
                ack,
            );
            assert_eq!(renumbered.as_bytes(), made.as_bytes());
        }
        let mut empty = Datagram::new();
        empty.renumber(7, true);
        assert!(empty.as_bytes().is_empty());
    }

    #[test]
    fn sole_acknowledgement_is_all_of_a_datagram_and_no_error() {
        let mut bytes = [0; 36];
        bytes[..4].copy_from_slice(&36u32.to_ne_bytes());
        bytes[4..6].copy_from_slice(&TYPE_ERROR.to_ne_bytes());
        bytes[28..32].copy_from_slice(&7u32.to_ne_bytes());
        assert_eq!(sole_acknowledgement(&bytes), Some(7));
        let answer = Frames::new(&bytes).next().unwrap().unwrap().content();
        let Ok(Content::Answer(answer)) = answer else {
            panic!("{answer:?}");
        };
        assert_eq!((answer.error, answer.seq, answer.text), (0, 7, None));
        for len in 0..bytes.len() {
            assert_eq!(sole_acknowledgement(&bytes[..len]), None);
        }
        assert_eq!(sole_acknowledgement(&[&bytes[..], &[0; 4]].concat()), None);
        for (at, number) in [(0, 35), (4, 3), (16, 1)] {
            let mut other = bytes;
            other[at] = number;
            assert_eq!(sole_acknowledgement(&other), None);
        }
    }
}
