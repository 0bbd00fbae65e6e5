// SPDX-License-Identifier: GPL-2.0

//! The decoder on bytes of all kinds: what was written is read, and what was not is an error, never a panic.

use connector_client::wire::{Content, Datagram, DecodeError, Frames, RawAnswer, NETLINK_HEADER};
use connector_client::{Id, Message, ProcessEvent, Registrations, Statistics};
use proptest::prelude::*;

fn message() -> impl Strategy<Value = Message<'static>> {
    let payload = prop::collection::vec(any::<u8>(), 0..100);
    (any::<[u32; 4]>(), any::<u16>(), payload).prop_map(|([idx, val, seq, ack], flags, payload)| {
        let message = Message::new(Id::new(idx, val), payload).unwrap();
        message.with_seq(seq).with_ack(ack).with_flags(flags)
    })
}

#[derive(Debug, Default, PartialEq)]
struct Read {
    bundles: Vec<Vec<Message<'static>>>,
    answers: Vec<(i32, u32, Option<String>)>,
    errors: Vec<DecodeError>,
}

fn read(bytes: &[u8]) -> Read {
    let mut read = Read::default();
    for frame in Frames::new(bytes) {
        match frame.and_then(|frame| frame.content()) {
            Ok(Content::Messages(messages)) => {
                let mut bundle = Vec::new();
                for message in messages {
                    match message {
                        Ok(message) => bundle.push(message.into_owned()),
                        Err(error) => read.errors.push(error),
                    }
                }
                read.bundles.push(bundle);
            }
            Ok(Content::Answer(RawAnswer { error, seq, text })) => {
                read.answers.push((error, seq, text.map(str::to_owned)));
            }
            Err(error) => read.errors.push(error),
        }
    }
    read
}

fn answer(error: i32, seq: u32, flags: u16, quoted: &[u8], attributes: &[u8]) -> Vec<u8> {
    let len = NETLINK_HEADER + 4 + NETLINK_HEADER + quoted.len() + attributes.len();
    let mut bytes = Vec::new();
    bytes.extend((len as u32).to_ne_bytes());
    bytes.extend(2u16.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend([0; 8]);
    bytes.extend(error.to_ne_bytes());
    bytes.extend(((NETLINK_HEADER + quoted.len()) as u32).to_ne_bytes());
    bytes.extend([3, 0, 4, 0]);
    bytes.extend(seq.to_ne_bytes());
    bytes.extend([0; 4]);
    bytes.extend(quoted);
    bytes.extend(attributes);
    bytes
}

proptest! {
    #[test]
    fn what_was_written_is_read(
        bundles in prop::collection::vec(prop::collection::vec(message(), 1..4), 0..5),
    ) {
        let mut datagram = Datagram::new();
        for bundle in &bundles {
            datagram.push_bundle(bundle, 7, false);
        }
        prop_assert_eq!(read(datagram.as_bytes()), Read { bundles, ..Read::default() });
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let read = read(&bytes);
        // Whatever is an error has a frame, or ends the search for frames.
        let frames = read.bundles.len() + read.answers.len();
        prop_assert!(read.errors.len() <= bytes.len() / NETLINK_HEADER + 1);
        prop_assert!(frames <= bytes.len() / NETLINK_HEADER);
        // What was read is a part of what was there, and no part of it was read twice.
        let messages = read.bundles.iter().flatten();
        prop_assert!(messages.clone().map(|message| 20 + message.payload.len()).sum::<usize>() <= bytes.len());
        for message in messages.filter(|message| !message.payload.is_empty()) {
            prop_assert!(bytes.windows(message.payload.len()).any(|window| window == &*message.payload));
        }
        let _ = Message::decode(&bytes).map(|(message, _)| ProcessEvent::decode(&message));
    }

    #[test]
    fn lies_about_lengths_are_found(
        messages in prop::collection::vec(message(), 1..4),
        netlink in any::<bool>(),
        lie in prop_oneof![any::<u32>(), 0..300u32],
    ) {
        let mut datagram = Datagram::new();
        for message in &messages {
            datagram.push(message, 7, false);
        }
        let mut bytes = datagram.as_bytes().to_vec();
        if netlink {
            bytes[0..4].copy_from_slice(&lie.to_ne_bytes());
        } else {
            bytes[32..34].copy_from_slice(&(lie as u16).to_ne_bytes());
        }
        let true_len = NETLINK_HEADER + 20 + messages[0].payload.len();
        let read = read(&bytes);
        let first = read.bundles.first().and_then(|bundle| bundle.first());
        let (says, most) = if netlink {
            (lie as usize, bytes.len())
        } else {
            (NETLINK_HEADER + 20 + usize::from(lie as u16), true_len)
        };
        if says > most || netlink && says < true_len {
            prop_assert!(!read.errors.is_empty());
            prop_assert_eq!(first, None);
        } else if netlink {
            // Only behind the message is something else than there was.
            prop_assert_eq!(first, Some(&messages[0]));
        } else {
            prop_assert_eq!(&*first.unwrap().payload, &bytes[NETLINK_HEADER + 20..says]);
        }
    }

    #[test]
    fn every_cut_is_an_error_or_a_whole_message(messages in prop::collection::vec(message(), 1..4)) {
        let mut datagram = Datagram::new();
        for message in &messages {
            datagram.push(message, 7, false);
        }
        let whole = read(datagram.as_bytes());
        for end in 0..datagram.as_bytes().len() {
            let part = read(&datagram.as_bytes()[..end]);
            prop_assert!(whole.bundles.starts_with(&part.bundles), "{} bytes", end);
            prop_assert!(part.errors.len() <= 1);
        }
    }

    #[test]
    fn answers_with_text(
        error in -200i32..=0,
        seq in any::<u32>(),
        capped in any::<bool>(),
        quoted in prop::collection::vec(any::<u8>(), 0..40),
        text in "[a-z ]{0,30}",
    ) {
        let header_only = capped || error == 0;
        let mut quoted = if header_only { Vec::new() } else { quoted };
        quoted.resize(quoted.len().next_multiple_of(4), 0);
        // Another attribute comes first.
        let mut attributes = vec![8, 0, 2, 0, 1, 2, 3, 4];
        attributes.extend((4 + text.len() as u16 + 1).to_ne_bytes());
        attributes.extend([1, 0]);
        attributes.extend(text.as_bytes());
        attributes.push(0);
        let flags = 0x200 | if capped { 0x100 } else { 0 };
        let bytes = answer(error, seq, flags, &quoted, &attributes);
        prop_assert_eq!(read(&bytes).answers, [(error, seq, Some(text))]);
        // Without the flag there are no attributes, whatever is there.
        let bytes = answer(error, seq, flags & 0x100, &quoted, &attributes);
        prop_assert_eq!(read(&bytes).answers, [(error, seq, None)]);
    }

    #[test]
    fn answers_cut_anywhere_are_survived(
        attributes in prop::collection::vec(any::<u8>(), 0..40),
        keep in 0usize..100,
    ) {
        let mut bytes = answer(-22, 1, 0x300, &[], &attributes);
        bytes.truncate(keep.max(NETLINK_HEADER).min(bytes.len()));
        let len = bytes.len() as u32;
        bytes[0..4].copy_from_slice(&len.to_ne_bytes());
        let read = read(&bytes);
        prop_assert_eq!(read.answers.len() + read.errors.len(), 1);
    }

    #[test]
    fn files_of_any_text_are_survived(text in "([a-z0-9:_ ]{0,30}\n){0,5}") {
        let _ = Registrations::parse(&text);
        let _ = Statistics::parse(&text);
    }
}
