// SPDX-License-Identifier: GPL-2.0

//! Messages of the connector.

use std::borrow::Cow;
use std::fmt;

use crate::wire::{DecodeError, MAX_PAYLOAD, MESSAGE_HEADER};
use crate::Id;

/// A message of the connector: `struct cn_msg` and its payload.
///
/// A received message may borrow its payload from the buffer of the socket; [`Message::into_owned`] copies it.
///
/// # Examples
///
/// ```
/// use connector_client::{Id, Message};
///
/// let message = Message::new(Id::new(20, 1), b"hello".as_slice())?.with_seq(7);
/// let bytes = message.encode();
/// assert_eq!(bytes.len(), 25);
/// let (read, rest) = Message::decode(&bytes).unwrap();
/// assert_eq!(read, message);
/// assert!(rest.is_empty());
/// # Ok::<(), connector_client::PayloadTooLong>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The id of the callback that gets or sends the message.
    pub id: Id,
    /// The sequence number. A reply has the number of its request.
    pub seq: u32,
    /// By convention, the number of the request plus one in a reply, and 0 otherwise.
    pub ack: u32,
    /// Flags for the callback. The notification channel uses bit 0.
    pub flags: u16,
    /// The payload; at most [`MAX_PAYLOAD`] bytes.
    pub payload: Cow<'a, [u8]>,
}

impl<'a> Message<'a> {
    /// Makes a message with `seq`, `ack` and `flags` 0.
    ///
    /// # Errors
    ///
    /// [`PayloadTooLong`] if the payload has more than [`MAX_PAYLOAD`] bytes.
    ///
    /// ```
    /// use connector_client::{wire::MAX_PAYLOAD, Id, Message};
    ///
    /// assert!(Message::new(Id::new(20, 1), vec![0; MAX_PAYLOAD]).is_ok());
    /// let error = Message::new(Id::new(20, 1), vec![0; MAX_PAYLOAD + 1]).unwrap_err();
    /// assert_eq!(error.to_string(), "the payload is 16365 bytes long; the connector takes 16364 at most");
    /// ```
    #[inline]
    pub fn new(id: Id, payload: impl Into<Cow<'a, [u8]>>) -> Result<Self, PayloadTooLong> {
        let payload = payload.into();
        if payload.len() > MAX_PAYLOAD {
            return Err(PayloadTooLong(payload.len()));
        }
        Ok(Self {
            id,
            seq: 0,
            ack: 0,
            flags: 0,
            payload,
        })
    }

    /// Sets `seq`.
    #[inline]
    #[must_use]
    pub fn with_seq(self, seq: u32) -> Self {
        Self { seq, ..self }
    }

    /// Sets `ack`.
    #[inline]
    #[must_use]
    pub fn with_ack(self, ack: u32) -> Self {
        Self { ack, ..self }
    }

    /// Sets `flags`.
    #[inline]
    #[must_use]
    pub fn with_flags(self, flags: u16) -> Self {
        Self { flags, ..self }
    }

    /// The bytes of the message, which follow the netlink header.
    ///
    /// A payload is cut where the length field overflows. Payloads of [`Message::new`] are never that long.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.encoded_len());
        self.encode_into(&mut bytes);
        bytes
    }

    /// Appends the bytes of the message, as [`Message::encode`] makes them.
    #[inline]
    pub fn encode_into(&self, bytes: &mut Vec<u8>) {
        let payload = self.sent_payload();
        let mut header = [0; MESSAGE_HEADER];
        header[..4].copy_from_slice(&self.id.idx.to_ne_bytes());
        header[4..8].copy_from_slice(&self.id.val.to_ne_bytes());
        header[8..12].copy_from_slice(&self.seq.to_ne_bytes());
        header[12..16].copy_from_slice(&self.ack.to_ne_bytes());
        header[16..18].copy_from_slice(&(payload.len() as u16).to_ne_bytes());
        header[18..].copy_from_slice(&self.flags.to_ne_bytes());
        bytes.extend_from_slice(&header);
        bytes.extend_from_slice(payload);
    }

    /// The number of bytes of [`Message::encode`].
    #[inline]
    pub(crate) fn encoded_len(&self) -> usize {
        MESSAGE_HEADER + self.sent_payload().len()
    }

    /// The part of the payload that the length field can express.
    #[inline]
    fn sent_payload(&self) -> &[u8] {
        let payload = &*self.payload;
        payload.get(..usize::from(u16::MAX)).unwrap_or(payload)
    }

    /// Decodes the message at the beginning of `bytes`, and returns the rest. The rest may have further messages.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the header is cut off, or its length exceeds the bytes.
    #[inline]
    pub fn decode(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), DecodeError> {
        let Some((header, rest)) = bytes.split_at_checked(MESSAGE_HEADER) else {
            return Err(DecodeError::MessageHeaderCut { have: bytes.len() });
        };
        let number = |at: usize| {
            u32::from_ne_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
        };
        let short = |at: usize| u16::from_ne_bytes([header[at], header[at + 1]]);
        let len = usize::from(short(16));
        let Some((payload, rest)) = rest.split_at_checked(len) else {
            return Err(DecodeError::MessageLength {
                says: len,
                have: rest.len(),
            });
        };
        let message = Self {
            id: Id::new(number(0), number(4)),
            seq: number(8),
            ack: number(12),
            flags: short(18),
            payload: Cow::Borrowed(payload),
        };
        Ok((message, rest))
    }

    /// The same message, with an owned payload.
    pub fn into_owned(self) -> Message<'static> {
        Message {
            id: self.id,
            seq: self.seq,
            ack: self.ack,
            flags: self.flags,
            payload: Cow::Owned(self.payload.into_owned()),
        }
    }
}

/// The error for a payload that is too long. It has the length of the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayloadTooLong(pub usize);

impl fmt::Display for PayloadTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the payload is {} bytes long; the connector takes {MAX_PAYLOAD} at most",
            self.0
        )
    }
}

impl std::error::Error for PayloadTooLong {}
