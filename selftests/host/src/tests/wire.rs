// SPDX-License-Identifier: GPL-2.0

use crate::{
    wire::{Frame, Malformed, HEADER_LEN, MAX_PAYLOAD, NETLINK_HEADER_LEN},
    Id,
};
use proptest::prelude::*;

const ACK: u16 = 4;

/// A netlink message with a connector message, both as long as they say.
fn message(id: Id, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let len = (NETLINK_HEADER_LEN + HEADER_LEN + payload.len()) as u32;
    bytes.extend(len.to_ne_bytes());
    bytes.extend(3u16.to_ne_bytes());
    bytes.extend(0u16.to_ne_bytes());
    bytes.extend(7u32.to_ne_bytes());
    bytes.extend(0u32.to_ne_bytes());
    bytes.extend(id.idx().to_ne_bytes());
    bytes.extend(id.val().to_ne_bytes());
    bytes.extend(1u32.to_ne_bytes());
    bytes.extend(2u32.to_ne_bytes());
    bytes.extend((payload.len() as u16).to_ne_bytes());
    bytes.extend(0u16.to_ne_bytes());
    bytes.extend(payload);
    bytes
}

fn set_u32(bytes: &mut [u8], offset: usize, value: u32) {
    bytes[offset..offset + 4].copy_from_slice(&value.to_ne_bytes());
}

fn set_u16(bytes: &mut [u8], offset: usize, value: u16) {
    bytes[offset..offset + 2].copy_from_slice(&value.to_ne_bytes());
}

fn get_u32(bytes: &[u8], offset: usize) -> u32 {
    u32::from_ne_bytes(bytes[offset..offset + 4].try_into().unwrap())
}

fn get_u16(bytes: &[u8], offset: usize) -> u16 {
    u16::from_ne_bytes(bytes[offset..offset + 2].try_into().unwrap())
}

const NLMSG_LEN: usize = 0;
const NLMSG_FLAGS: usize = 6;
const CN_LEN: usize = NETLINK_HEADER_LEN + 16;

fn first(datagram: &[u8]) -> Frame {
    Frame::at(datagram, 0).unwrap()
}

fn next(frame: &Frame, datagram: &[u8]) -> Option<Frame> {
    Frame::at(datagram, frame.following())
}

fn frames(datagram: &[u8]) -> Vec<Frame> {
    let mut frames = vec![first(datagram)];
    while let Some(frame) = next(frames.last().unwrap(), datagram) {
        frames.push(frame);
    }
    frames
}

fn verdict(datagram: &[u8]) -> Result<Id, Malformed> {
    first(datagram).id
}

/// Whether the C connector hands the first message of a datagram to a callback; written from the
/// rules of the format, in numbers that can't wrap.
fn is_delivered_by_c(datagram: &[u8]) -> bool {
    let size = datagram.len() as i64;
    if size < 16 {
        return false;
    }
    let total = i64::from(get_u32(datagram, NLMSG_LEN));
    // The payload's length is an `int` there.
    let payload = i64::from((total - 16) as i32);
    payload >= 20
        && size >= total
        && payload <= 16384
        && total >= 16 + 20 + i64::from(get_u16(datagram, CN_LEN))
}

#[test]
fn whole_message_is_read() {
    let datagram = message(Id::new(20, 1), b"hello");
    let frame = first(&datagram);
    assert_eq!(frame.id, Ok(Id::new(20, 1)));
    assert_eq!((frame.offset, frame.header_offset()), (0, 16));
    assert_eq!(frame.netlink(&datagram).unwrap().seq, 7);
    assert!(!frame.wants_ack());
    assert!(next(&frame, &datagram).is_none());
}

/// A message is simple if it can be delivered, wants no answer, and is single.
fn is_single(datagram: &[u8]) -> bool {
    let frame = first(datagram);
    frame.id.is_ok()
        && !frame.wants_ack()
        && datagram.len() - (get_u32(datagram, NLMSG_LEN) as usize) < NETLINK_HEADER_LEN
}

#[test]
fn plain_messages() {
    let mut datagram = message(Id::new(20, 1), b"hello");
    let frame = Frame::single(&datagram).unwrap();
    assert_eq!(frame.id, Ok(Id::new(20, 1)));
    assert_eq!(frame.header_offset(), 16);
    assert!(next(&frame, &datagram).is_none());
    // Padding and less than a header may follow.
    datagram.extend([0xff; 15]);
    assert!(Frame::single(&datagram).is_some());
    datagram.push(0xff);
    assert!(Frame::single(&datagram).is_none());
}

#[test]
fn ack_is_one_bit() {
    for bit in 0..16 {
        let mut datagram = message(Id::new(1, 1), b"");
        set_u16(&mut datagram, NLMSG_FLAGS, 1 << bit);
        assert_eq!(first(&datagram).wants_ack(), 1 << bit == ACK);
    }
}

#[test]
fn short_datagrams() {
    for len in 1..NETLINK_HEADER_LEN {
        let datagram = vec![0xff; len];
        let frame = first(&datagram);
        assert_eq!(frame.id, Err(Malformed::Short));
        assert!(frame.netlink(&datagram).is_none() && !frame.wants_ack());
        assert!(next(&frame, &datagram).is_none());
    }
}

#[test]
fn corrupt_netlink_length() {
    let good = message(Id::new(1, 1), b"four");
    let len = good.len() as u32;
    for corrupt in (0..16).chain([len + 1, len + 4, i32::MAX as u32, u32::MAX - 3, u32::MAX]) {
        let mut datagram = good.clone();
        set_u32(&mut datagram, NLMSG_LEN, corrupt);
        assert_eq!(
            verdict(&datagram).unwrap_err(),
            Malformed::Length,
            "{corrupt}"
        );
        assert_eq!(frames(&datagram).len(), 1, "nothing can be found behind it");
    }
}

#[test]
fn payload_limits() {
    let mut datagram = message(Id::new(1, 1), &vec![0; MAX_PAYLOAD - HEADER_LEN]);
    assert!(verdict(&datagram).is_ok());
    datagram.push(0);
    set_u32(
        &mut datagram,
        NLMSG_LEN,
        (NETLINK_HEADER_LEN + MAX_PAYLOAD + 1) as u32,
    );
    assert_eq!(verdict(&datagram).unwrap_err(), Malformed::TooLong);

    let mut datagram = message(Id::new(1, 1), b"");
    set_u32(
        &mut datagram,
        NLMSG_LEN,
        (NETLINK_HEADER_LEN + HEADER_LEN - 1) as u32,
    );
    assert_eq!(verdict(&datagram).unwrap_err(), Malformed::Payload);
}

#[test]
fn corrupt_message_length() {
    let mut datagram = message(Id::new(1, 1), b"four");
    for (len, good) in [
        (0, true),
        (3, true),
        (4, true),
        (5, false),
        (u16::MAX, false),
    ] {
        set_u16(&mut datagram, CN_LEN, len);
        assert_eq!(
            verdict(&datagram).err(),
            (!good).then_some(Malformed::MessageLength)
        );
    }
}

#[test]
fn only_trusted_messages_are_quoted() {
    for (reason, quotable) in [
        (Malformed::Short, false),
        (Malformed::Length, false),
        (Malformed::TooLong, false),
        (Malformed::Payload, true),
        (Malformed::MessageLength, true),
    ] {
        assert_eq!(reason.is_quotable(), quotable);
    }
}

#[test]
fn malformed_payload_does_not_end_the_datagram() {
    let mut datagram = message(Id::new(1, 1), b"four");
    set_u16(&mut datagram, CN_LEN, 5);
    datagram.extend(message(Id::new(2, 2), b""));
    let frames = frames(&datagram);
    assert_eq!(frames[0].id, Err(Malformed::MessageLength));
    assert_eq!(frames[1].id, Ok(Id::new(2, 2)));
    assert_eq!(frames.len(), 2);
}

#[test]
fn padding_ends_the_datagram() {
    for padding in 0..64 {
        let mut datagram = message(Id::new(1, 1), b"four");
        datagram.extend(vec![0; padding]);
        assert_eq!(frames(&datagram).len(), 1, "{padding} zeroes");
    }
    for rest in 1..NETLINK_HEADER_LEN {
        let mut datagram = message(Id::new(1, 1), b"four");
        datagram.extend(vec![0xff; rest]);
        assert_eq!(frames(&datagram).len(), 1, "{rest} bytes");
    }
}

#[test]
fn zero_length_at_the_start_is_malformed() {
    assert_eq!(verdict(&[0; 64]).unwrap_err(), Malformed::Length);
}

#[test]
fn last_message_needs_no_padding() {
    let mut datagram = message(Id::new(1, 1), b"five!");
    let first = datagram.len();
    datagram.extend([0; 3]);
    datagram.extend(message(Id::new(2, 2), b"x"));
    let frames = frames(&datagram);
    assert_eq!(frames[1].offset, first.next_multiple_of(4));
    assert!(frames[1].id.is_ok());
}

#[test]
fn empty_datagram_is_short() {
    assert_eq!(verdict(&[]), Err(Malformed::Short));
    assert!(next(&first(&[]), &[]).is_none());
}

#[test]
fn shrunken_datagram_ends() {
    let mut datagram = message(Id::new(1, 1), b"");
    datagram.extend(message(Id::new(2, 2), b""));
    let frame = first(&datagram);
    for len in 0..datagram.len() {
        let behind = next(&frame, &datagram[..len]);
        assert!(behind.is_none_or(|next| next.id.is_err()), "{len}");
    }
}

/// Datagrams that are often nearly right: messages with slightly corrupt lengths, glued together.
fn nearly_right() -> impl Strategy<Value = Vec<u8>> {
    let one = (
        prop::collection::vec(any::<u8>(), 0..40),
        prop_oneof![4 => Just(0i32), 2 => -40i32..40, 1 => any::<i32>()],
        prop_oneof![4 => Just(0i16), 2 => -24i16..24, 1 => any::<i16>()],
        any::<u16>(),
        0usize..4,
    );
    (prop::collection::vec(one, 1..5), 0usize..20).prop_map(|(messages, cut)| {
        let mut datagram = Vec::new();
        for (payload, netlink_corruption, message_corruption, flags, padding) in messages {
            let mut bytes = message(Id::new(1, 2), &payload);
            let len = get_u32(&bytes, NLMSG_LEN).wrapping_add_signed(netlink_corruption);
            set_u32(&mut bytes, NLMSG_LEN, len);
            set_u16(
                &mut bytes,
                CN_LEN,
                (payload.len() as u16).wrapping_add_signed(message_corruption),
            );
            set_u16(&mut bytes, NLMSG_FLAGS, flags);
            bytes.extend(vec![0; padding]);
            datagram.extend(bytes);
        }
        datagram.truncate(datagram.len().saturating_sub(cut).max(1));
        datagram
    })
}

fn any_datagram() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => nearly_right(),
        1 => prop::collection::vec(any::<u8>(), 1..200),
        1 => prop::collection::vec(prop_oneof![Just(0u8), Just(0xff), Just(16)], 1..200),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn first_message_is_judged_as_by_c(datagram in any_datagram()) {
        prop_assert_eq!(verdict(&datagram).is_ok(), is_delivered_by_c(&datagram));
    }

    #[test]
    fn plain_messages_are_the_same_the_long_way(datagram in any_datagram()) {
        for frame in frames(&datagram) {
            let simple = Frame::simple(&datagram, frame.offset);
            prop_assert_eq!(simple.is_some(), frame.id.is_ok() && !frame.wants_ack());
            if let Some(simple) = simple {
                prop_assert_eq!(simple.id, frame.id);
                prop_assert!(!simple.wants_ack());
                prop_assert_eq!(simple.header_offset(), frame.header_offset());
                prop_assert_eq!(simple.following(), frame.following());
            }
        }
        let single = Frame::single(&datagram);
        prop_assert_eq!(single.is_some(), is_single(&datagram));
        if let Some(frame) = single {
            prop_assert_eq!(frame.id, verdict(&datagram));
            prop_assert!(frame.offset == 0 && !frame.wants_ack());
            prop_assert!(next(&frame, &datagram).is_none() && frames(&datagram).len() == 1);
        }
    }

    #[test]
    fn frames_stay_inside_and_go_forward(datagram in any_datagram()) {
        let mut end = 0;
        for frame in frames(&datagram) {
            prop_assert!(frame.offset >= end && frame.offset % 4 == 0);
            end = frame.offset + 1;
            if frame.id.is_ok() {
                let len = get_u16(&datagram, frame.header_offset() + 16);
                end = frame.header_offset() + HEADER_LEN + usize::from(len);
                prop_assert!(end <= datagram.len());
            }
            if frame.id.is_ok() || frame.id.is_err_and(Malformed::is_quotable) {
                let len = frame.netlink(&datagram).unwrap().len as usize;
                prop_assert!(frame.offset + len <= datagram.len());
            }
        }
    }

    #[test]
    fn well_formed_messages_all_arrive(payloads in prop::collection::vec(
        prop::collection::vec(any::<u8>(), 0..70), 1..8))
    {
        let mut datagram = Vec::new();
        for (number, payload) in payloads.iter().enumerate() {
            datagram.resize(datagram.len().next_multiple_of(4), 0);
            datagram.extend(message(Id::new(9, number as u32), payload));
        }
        let frames = frames(&datagram);
        prop_assert_eq!(frames.len(), payloads.len());
        for (number, (frame, payload)) in frames.iter().zip(&payloads).enumerate() {
            prop_assert_eq!(frame.id, Ok(Id::new(9, number as u32)));
            let start = frame.header_offset() + HEADER_LEN;
            prop_assert_eq!(&datagram[start..start + payload.len()], &payload[..]);
        }
    }
}
