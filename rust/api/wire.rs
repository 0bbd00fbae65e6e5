// SPDX-License-Identifier: GPL-2.0

//! The wire format: what a datagram on a connector socket looks like.
//!
//! A datagram holds one or more netlink messages, each padded to four bytes; the payload of each
//! starts with the connector's own header, see [`Header`]. [`Frame::read`] decides what a netlink
//! message at some place of a datagram is, and where the next one starts. It looks at each byte
//! only after it has checked that it is there, and all sums are checked.
//!
//! Pure: depends on nothing but `core` and `zerocopy`, so that it compiles on the host too.
//!
//! C counterparts: `struct nlmsghdr` in `include/uapi/linux/netlink.h`, `struct cn_msg` in
//! `include/uapi/linux/connector.h`, `cn_rx_skb()` and `cn_call_callback()` in
//! `drivers/connector/connector.c`.

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
    /// Kind of message; not looked at.
    pub kind: u16,
    /// `NLM_F_*` bits; the connector knows `NLM_F_ACK`.
    pub flags: u16,
    /// Number chosen by the sender, repeated in the answer.
    pub seq: u32,
    /// Port of the sender, as it claims; not looked at.
    pub portid: u32,
}

/// The connector's header, in front of the payload of each message.
///
/// C counterpart: `struct cn_msg`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Header {
    /// Whom the message is for, or who sends it.
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

/// One netlink message of a datagram.
///
/// Holds no reference to the datagram: while a message is handed to a callback that is written in
/// C, the callback may write to it.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// Where in the datagram the netlink header starts, in bytes.
    pub offset: usize,
    /// The netlink header, where there is a whole one.
    pub netlink: Option<NetlinkHeader>,
    /// The connector's header, or why the message can't be delivered.
    pub header: Result<Header, Malformed>,
    /// Where the next message starts; [`None`] if the end of this one is unknown.
    next: Option<usize>,
}

impl Frame {
    /// Reads the netlink message that starts at `offset` bytes into the datagram.
    ///
    /// Returns [`None`] at the end of the datagram: when nothing is left, or, after the first
    /// message, when what is left is padding (too short for a header, or a header of zero length).
    #[inline]
    pub fn read(datagram: &[u8], offset: usize) -> Option<Self> {
        let rest = datagram.get(offset..)?;
        let Ok((netlink, payload)) = NetlinkHeader::read_from_prefix(rest) else {
            return Self::undelimited(offset, None, Malformed::Short).filter(|_| offset == 0);
        };
        if netlink.len == 0 && offset != 0 {
            return None;
        }

        let len = netlink.len as usize;
        let Some(payload) = len
            .checked_sub(NETLINK_HEADER_LEN)
            .and_then(|len| payload.get(..len))
        else {
            return Self::undelimited(offset, Some(netlink), Malformed::Length);
        };
        Some(Self {
            offset,
            netlink: Some(netlink),
            header: Self::read_header(payload),
            next: len
                .checked_next_multiple_of(ALIGNMENT)
                .and_then(|len| offset.checked_add(len)),
        })
    }

    /// A frame behind which nothing can be read any more.
    fn undelimited(
        offset: usize,
        netlink: Option<NetlinkHeader>,
        reason: Malformed,
    ) -> Option<Self> {
        Some(Self {
            offset,
            netlink,
            header: Err(reason),
            next: None,
        })
    }

    #[inline]
    fn read_header(payload: &[u8]) -> Result<Header, Malformed> {
        let Ok((header, rest)) = Header::read_from_prefix(payload) else {
            return Err(Malformed::Payload);
        };
        if payload.len() > MAX_PAYLOAD {
            return Err(Malformed::TooLong);
        }
        if rest.len() < usize::from(header.len) {
            return Err(Malformed::MessageLength);
        }
        Ok(header)
    }

    /// Reads the message after this one; [`None`] at the end of the datagram, see [`Self::read`].
    #[inline]
    pub fn next(&self, datagram: &[u8]) -> Option<Self> {
        Self::read(datagram, self.next?)
    }

    /// Where in the datagram the connector's header starts, in bytes.
    #[inline]
    pub fn header_offset(&self) -> usize {
        self.offset.saturating_add(NETLINK_HEADER_LEN)
    }

    /// Whether the sender asks for an answer.
    #[inline]
    pub fn wants_ack(&self) -> bool {
        self.netlink
            .is_some_and(|netlink| netlink.flags & WANTS_ACK != 0)
    }
}
