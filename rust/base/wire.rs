// SPDX-License-Identifier: GPL-2.0

//! The wire format: the contents of a datagram on a connector socket.
//!
//! A datagram holds one or more netlink messages, each padded to four bytes; the payload of each
//! starts with the connector's own header, see [`Header`]. A [`Frame`] describes the netlink
//! message at an offset in a datagram, and gives the offset of the next one. Every access is
//! checked against the length of the datagram. A difference below zero wraps to a huge length,
//! which the same check refuses.
//!
//! Pure: depends on nothing but `core` and `zerocopy`, so that it compiles on the host too.
//!
//! C counterparts: `struct nlmsghdr` in `include/uapi/linux/netlink.h`, `struct cn_msg` in
//! `include/uapi/linux/connector.h`, `cn_rx_skb()` and `cn_call_callback()` in
//! `drivers/connector/connector.c`.

#![forbid(unsafe_code)]

use crate::id::Id;
use zerocopy::FromBytes as _;
use zerocopy_derive::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The largest payload of a netlink message that is accepted, in bytes, [`Header`] included.
pub const MAX_PAYLOAD: usize = 16384;

/// Messages of one datagram are padded to this many bytes.
const ALIGNMENT: usize = 4;

/// `NLM_F_ACK`: the sender asks for an answer to this message.
const WANTS_ACK: u16 = 4;

/// The header of each netlink message.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct NetlinkHeader {
    /// Length of the message in bytes, this header included.
    pub len: u32,
    /// Kind of message; ignored.
    pub kind: u16,
    /// `NLM_F_*` bits; the connector knows `NLM_F_ACK`.
    pub flags: u16,
    /// Number chosen by the sender, repeated in the answer.
    pub seq: u32,
    /// Port that the sender claims; ignored.
    pub portid: u32,
}

/// The connector's header, in front of the payload of each message.
///
/// C counterpart: `struct cn_msg`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Header {
    /// The id of the receiving or the sending callback.
    pub id: Id,
    /// Number of the message; a reply carries that of the request.
    pub seq: u32,
    /// Number of the acknowledged message; a reply carries that of the request plus one.
    pub ack: u32,
    /// Length of the payload that follows, in bytes.
    pub len: u16,
    /// Flags, left to the users of an id.
    pub flags: u16,
}

/// Size of [`NetlinkHeader`].
pub const NETLINK_HEADER_LEN: usize = size_of::<NetlinkHeader>();

/// Size of [`Header`].
pub const HEADER_LEN: usize = size_of::<Header>();

/// Why a message is not delivered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Malformed {
    /// The datagram is too short for a netlink header.
    Short,
    /// `nlmsg_len` is smaller than the header or larger than what there is.
    Length,
    /// The payload is too short for [`Header`].
    Payload,
    /// The payload is larger than [`MAX_PAYLOAD`].
    TooLong,
    /// [`Header::len`] is larger than what the netlink message holds.
    MessageLength,
}

impl Malformed {
    /// Whether the netlink header can be trusted to say how much of the message there is.
    ///
    /// Where it can't, or where the message is over the limit, an answer must not quote it.
    #[inline]
    pub fn is_quotable(self) -> bool {
        matches!(self, Self::Payload | Self::MessageLength)
    }
}

/// One netlink message of a datagram: where it is, and whether it can be delivered.
///
/// Holds no reference to the datagram: while a message is handed to a callback that is written in
/// C, the callback may write to it.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// Where in the datagram the netlink header starts, in bytes.
    pub offset: usize,
    /// Where it ends, padding not included; what comes behind is the next message. If the length
    /// can't be trusted, this is the end of the datagram.
    end: usize,
    flags: u16,
    /// The addressed id, or why the message can't be delivered.
    pub id: Result<Id, Malformed>,
}

impl Frame {
    /// Reads the message that starts at `offset`: 0 for the first one, then [`Self::following`].
    ///
    /// Returns [`None`] where the datagram ends: when nothing is left, when what is left is padding
    /// (too short for a header, or a header of zero length), or when the length of the previous
    /// message is unknown. Offset 0 always gives a message.
    #[inline]
    pub fn at(datagram: &[u8], offset: usize) -> Option<Self> {
        if offset > 0 {
            let (netlink, _) = NetlinkHeader::read_from_prefix(datagram.get(offset..)?).ok()?;
            if netlink.len == 0 {
                return None;
            }
        }
        Some(Self::read(datagram, offset))
    }

    /// Reads the message that starts at `offset`, if it is as most are: well-formed, and the sender
    /// asks for no answer. [`Self::at`] reads any other message.
    #[inline]
    pub fn simple(datagram: &[u8], offset: usize) -> Option<Self> {
        Self::read_simple(datagram.get(offset..)?, offset, isize::MAX as usize)
    }

    /// Reads the first message, if it is as [`Self::simple`] says and nothing follows it.
    #[inline]
    pub fn single(datagram: &[u8]) -> Option<Self> {
        Self::read_simple(datagram, 0, NETLINK_HEADER_LEN - 1)
    }

    /// Reads a simple message from the start of `rest`, with at most `behind` bytes behind it.
    #[inline(always)]
    fn read_simple(rest: &[u8], offset: usize, behind: usize) -> Option<Self> {
        const HEADERS: usize = NETLINK_HEADER_LEN + HEADER_LEN;

        let (netlink, payload) = NetlinkHeader::read_from_prefix(rest).ok()?;
        let (header, _) = Header::read_from_prefix(payload).ok()?;
        // A difference that is too small becomes a huge one.
        let len = netlink.len as usize;
        let room = len.wrapping_sub(HEADERS);
        let is_simple = rest.len().wrapping_sub(len) <= behind
            && room <= MAX_PAYLOAD - HEADER_LEN
            && usize::from(header.len) <= room
            && netlink.flags & WANTS_ACK == 0;
        is_simple.then_some(Self {
            offset,
            end: offset.wrapping_add(len),
            flags: netlink.flags,
            id: Ok(header.id),
        })
    }

    /// Where the next message starts, if there is one.
    #[inline]
    pub fn following(&self) -> usize {
        // Lengths of slices are far from the largest number.
        self.end.wrapping_add(ALIGNMENT - 1) & !(ALIGNMENT - 1)
    }

    #[inline]
    fn read(datagram: &[u8], offset: usize) -> Self {
        let mut frame = Self {
            offset,
            // At least 1, so that an empty datagram is read only once.
            end: datagram.len().max(1),
            flags: 0,
            id: Err(Malformed::Short),
        };
        let rest = datagram.get(offset..).unwrap_or_default();
        let Ok((netlink, payload)) = NetlinkHeader::read_from_prefix(rest) else {
            return frame;
        };
        frame.flags = netlink.flags;
        let len = (netlink.len as usize).wrapping_sub(NETLINK_HEADER_LEN);
        // A length that is too small has become a huge one.
        let Some(payload) = payload.get(..len) else {
            frame.id = Err(Malformed::Length);
            return frame;
        };
        frame.end = offset.wrapping_add(netlink.len as usize);
        frame.id = Self::read_id(payload);
        frame
    }

    #[inline]
    fn read_id(payload: &[u8]) -> Result<Id, Malformed> {
        let Ok((header, rest)) = Header::read_from_prefix(payload) else {
            return Err(Malformed::Payload);
        };
        if payload.len() > MAX_PAYLOAD {
            return Err(Malformed::TooLong);
        }
        if rest.len() < usize::from(header.len) {
            return Err(Malformed::MessageLength);
        }
        Ok(header.id)
    }

    /// The netlink header of this message; [`None`] if there isn't a whole one.
    pub fn netlink(&self, datagram: &[u8]) -> Option<NetlinkHeader> {
        let rest = datagram.get(self.offset..)?;
        Some(NetlinkHeader::read_from_prefix(rest).ok()?.0)
    }

    /// The length of the connector's payload, in bytes; 0 if the message is malformed.
    pub fn payload_len(&self, datagram: &[u8]) -> usize {
        let header = datagram
            .get(self.header_offset()..)
            .and_then(|rest| Header::read_from_prefix(rest).ok());
        match (self.id, header) {
            (Ok(_), Some((header, _))) => header.len.into(),
            _ => 0,
        }
    }

    /// Where in the datagram the connector's header starts, in bytes.
    #[inline]
    pub fn header_offset(&self) -> usize {
        self.offset.wrapping_add(NETLINK_HEADER_LEN)
    }

    /// Whether the sender asks for an answer.
    #[inline]
    pub fn wants_ack(&self) -> bool {
        self.flags & WANTS_ACK != 0
    }
}
