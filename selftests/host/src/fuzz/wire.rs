// SPDX-License-Identifier: GPL-2.0

use super::input::Input;
use crate::{
    wire::{Frame, Malformed, HEADER_LEN, MAX_PAYLOAD, NETLINK_HEADER_LEN},
    Id,
};

/// A message as the rules of the format read it, in numbers that can't wrap.
#[derive(Debug, PartialEq)]
struct Expected {
    offset: usize,
    id: Result<Id, Malformed>,
    wants_ack: bool,
    payload_len: usize,
}

fn number<const N: usize>(datagram: &[u8], offset: usize) -> i128 {
    let mut bytes = [0; 16];
    bytes[..N].copy_from_slice(&datagram[offset..offset + N]);
    i128::from_le_bytes(bytes)
}

/// The defect of the message at `offset`, which has `len` bytes and a whole netlink header.
fn judge(datagram: &[u8], offset: usize, len: i128) -> Result<Id, Malformed> {
    let (header, room) = (offset + 16, datagram.len() as i128 - offset as i128);
    if len < 16 || len > room {
        Err(Malformed::Length)
    } else if len < 16 + 20 {
        Err(Malformed::Payload)
    } else if len - 16 > 16384 {
        Err(Malformed::TooLong)
    } else if len < 16 + 20 + number::<2>(datagram, header + 16) {
        Err(Malformed::MessageLength)
    } else {
        let half = |offset| number::<4>(datagram, offset) as u32;
        Ok(Id::new(half(header), half(header + 4)))
    }
}

/// All messages of a datagram.
fn expected(datagram: &[u8]) -> Vec<Expected> {
    let mut all = Vec::new();
    let mut offset = 0;
    while datagram.len() - offset >= 16 {
        let len = number::<4>(datagram, offset);
        if len == 0 && offset > 0 {
            return all;
        }
        let id = judge(datagram, offset, len);
        all.push(Expected {
            offset,
            id,
            wants_ack: number::<2>(datagram, offset + 6) & 4 != 0,
            payload_len: id.map_or(0, |_| number::<2>(datagram, offset + 32) as usize),
        });
        let end = offset + len as usize;
        if id == Err(Malformed::Length) || datagram.len() - end < 16 {
            return all;
        }
        offset = end.div_ceil(4) * 4;
        if offset > datagram.len() {
            return all;
        }
    }
    if all.is_empty() {
        all.push(Expected {
            offset,
            id: Err(Malformed::Short),
            wants_ack: false,
            payload_len: 0,
        });
    }
    all
}

fn found(frame: &Frame, datagram: &[u8]) -> Expected {
    Expected {
        offset: frame.offset,
        id: frame.id,
        wants_ack: frame.wants_ack(),
        payload_len: frame.payload_len(datagram),
    }
}

/// A datagram, as it is.
pub fn wire(datagram: &[u8]) {
    let expected = expected(datagram);
    let mut next = Frame::at(datagram, 0);
    for message in &expected {
        let frame = next.expect("a message is missing");
        assert_eq!(&found(&frame, datagram), message);
        assert_eq!(frame.header_offset(), message.offset + NETLINK_HEADER_LEN);
        let netlink = frame.netlink(datagram);
        assert_eq!(netlink.is_none(), message.id == Err(Malformed::Short));
        if let Some(netlink) = netlink {
            assert_eq!(
                i128::from(netlink.seq),
                number::<4>(datagram, message.offset + 8)
            );
        }
        let simple = Frame::simple(datagram, frame.offset);
        assert_eq!(simple.is_some(), message.id.is_ok() && !message.wants_ack);
        if let Some(simple) = simple {
            assert_eq!(&found(&simple, datagram), message);
            assert_eq!(simple.following(), frame.following());
        }
        // A datagram that has become shorter meanwhile does not matter: nothing is read past its end.
        let _ = Frame::at(&datagram[..datagram.len() / 2], frame.following());
        let _ = frame.netlink(&datagram[..datagram.len() / 2]);
        let _ = frame.payload_len(&datagram[..datagram.len() / 2]);
        next = Frame::at(datagram, frame.following());
    }
    assert!(next.is_none(), "a message too many: {next:?}");

    let single = Frame::single(datagram);
    let is_single = match &expected[..] {
        [only] if only.id.is_ok() && !only.wants_ack => {
            // Less than a header may follow.
            datagram.len() as i128 - number::<4>(datagram, 0) < 16
        }
        _ => false,
    };
    assert_eq!(single.is_some(), is_single);
    if let Some(single) = single {
        assert_eq!(found(&single, datagram), expected[0]);
        assert!(Frame::at(datagram, single.following()).is_none());
    }
}

/// Builds a datagram from the bytes. Its lengths are right or slightly corrupt, and large where
/// that matters.
pub fn datagram(bytes: &[u8]) {
    let mut input = Input(bytes);
    let mut datagram = Vec::new();
    while !input.is_empty() && datagram.len() < 3 * MAX_PAYLOAD {
        let how = input.u8();
        let payload = match how & 3 {
            0 => vec![0; usize::from(input.u8())],
            // Around the limit.
            1 => vec![0; MAX_PAYLOAD - HEADER_LEN - 128 + usize::from(input.u8())],
            _ => {
                let len = usize::from(input.u8() & 0x1f);
                input.take(len).to_vec()
            }
        };
        let corruption = |input: &mut Input<'_>, how| match how & 3 {
            0 => i32::from(input.u8() as i8),
            1 => input.u32() as i32,
            _ => 0,
        };
        let len = (NETLINK_HEADER_LEN + HEADER_LEN + payload.len()) as u32;
        let len = len.wrapping_add_signed(corruption(&mut input, how >> 2));
        let message_len =
            (payload.len() as u16).wrapping_add(corruption(&mut input, how >> 4) as u16);
        let flags = if how & 0x40 == 0 { 0 } else { input.u16() };
        datagram.extend(len.to_ne_bytes());
        datagram.extend(input.bytes::<2>());
        datagram.extend(flags.to_ne_bytes());
        datagram.extend([0; 8]);
        datagram.extend(input.bytes::<8>());
        datagram.extend([0; 8]);
        datagram.extend(message_len.to_ne_bytes());
        datagram.extend([0; 2]);
        datagram.extend(payload);
        let padding = datagram.len().div_ceil(4) * 4;
        datagram.resize(padding, 0);
        if how & 0x80 != 0 {
            let cut = usize::from(input.u8());
            datagram.truncate(datagram.len().saturating_sub(cut));
        }
    }
    wire(&datagram);
}
