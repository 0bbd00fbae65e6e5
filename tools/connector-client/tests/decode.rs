// SPDX-License-Identifier: GPL-2.0

//! Property tests of the decoders: valid bytes are decoded, other bytes are errors, and nothing panics.

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
        // An error belongs to a frame, or ends the search for frames.
        let frames = read.bundles.len() + read.answers.len();
        prop_assert!(read.errors.len() <= bytes.len() / NETLINK_HEADER + 1);
        prop_assert!(frames <= bytes.len() / NETLINK_HEADER);
        // The decoded bytes are a part of the input, and no byte was decoded twice.
        let messages = read.bundles.iter().flatten();
        prop_assert!(messages.clone().map(|message| 20 + message.payload.len()).sum::<usize>() <= bytes.len());
        for message in messages.filter(|message| !message.payload.is_empty()) {
            prop_assert!(bytes.windows(message.payload.len()).any(|window| window == &*message.payload));
        }
        let _ = Message::decode(&bytes).map(|(message, _)| ProcessEvent::decode(&message));
    }

    #[test]
    fn corrupt_lengths_are_found(
        messages in prop::collection::vec(message(), 1..4),
        netlink in any::<bool>(),
        corrupt in prop_oneof![any::<u32>(), 0..300u32],
    ) {
        let mut datagram = Datagram::new();
        for message in &messages {
            datagram.push(message, 7, false);
        }
        let mut bytes = datagram.as_bytes().to_vec();
        if netlink {
            bytes[0..4].copy_from_slice(&corrupt.to_ne_bytes());
        } else {
            bytes[32..34].copy_from_slice(&(corrupt as u16).to_ne_bytes());
        }
        let true_len = NETLINK_HEADER + 20 + messages[0].payload.len();
        let read = read(&bytes);
        let first = read.bundles.first().and_then(|bundle| bundle.first());
        let (says, most) = if netlink {
            (corrupt as usize, bytes.len())
        } else {
            (NETLINK_HEADER + 20 + usize::from(corrupt as u16), true_len)
        };
        if says > most || netlink && says < true_len {
            prop_assert!(!read.errors.is_empty());
            prop_assert_eq!(first, None);
        } else if netlink {
            // Only bytes after the message may differ.
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
        // Another attribute precedes the text.
        let mut attributes = vec![8, 0, 2, 0, 1, 2, 3, 4];
        attributes.extend((4 + text.len() as u16 + 1).to_ne_bytes());
        attributes.extend([1, 0]);
        attributes.extend(text.as_bytes());
        attributes.push(0);
        let flags = 0x200 | if capped { 0x100 } else { 0 };
        let bytes = answer(error, seq, flags, &quoted, &attributes);
        prop_assert_eq!(read(&bytes).answers, [(error, seq, Some(text))]);
        // Without the flag there are no attributes, whatever the bytes are.
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
    fn files_of_any_bytes_are_survived(file in file()) {
        let all = Registrations::parse(&file);
        prop_assert!(all.iter().count() + all.odd().len() <= file.len() + 1);
        let _ = Registrations::parse_raw(&file);
        let _ = Statistics::parse(&file);
    }

    /// One invalid line does not change the result of the others, wherever it is.
    #[test]
    fn an_odd_line_is_the_only_one(names in prop::collection::vec(name(), 1..6), at in 0usize..6, odd in "[^\n0-9]{0,60}") {
        let mut files = files(&names);
        let whole = (Registrations::parse(files[0].concat()), Statistics::parse(files[1].concat()));
        for file in &mut files {
            let at = 1 + at.min(file.len() - 1);
            file.insert(at, format!("{odd}\n").into_bytes());
        }
        let all = Registrations::parse(files[0].concat());
        prop_assert_eq!(all.odd(), [odd.clone()]);
        prop_assert!(all.iter().eq(whole.0.iter()));
        let statistics = Statistics::parse(files[1].concat());
        prop_assert_eq!(&statistics.odd, &[odd]);
        prop_assert_eq!((statistics.counters, statistics.callbacks), (whole.1.counters, whole.1.callbacks));
    }

    /// All names and descriptions are decoded as the kernel escapes them, and none adds lines or fields.
    #[test]
    fn escaped_names_are_read(names in prop::collection::vec(name(), 1..6)) {
        let files = files(&names);
        let expected: Vec<_> = names.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
        let all = Registrations::parse(files[0].concat());
        prop_assert!(all.odd().is_empty());
        for (entry, (val, name)) in all.iter().zip((0..).zip(&expected)) {
            prop_assert_eq!(entry.id, Id::new(25, val));
            // Blanks that pad a short name are not a part of it.
            prop_assert_eq!(entry.name.trim_end_matches(' '), name.trim_end_matches(' '));
        }
        let statistics = Statistics::parse(files[1].concat());
        prop_assert!(statistics.odd.is_empty());
        prop_assert_eq!(&statistics.counters, &[("received".to_owned(), 7)]);
        for (entry, name) in statistics.callbacks.iter().zip(&expected) {
            prop_assert_eq!(&entry.name, name);
            prop_assert_eq!(entry.description.as_ref(), Some(name));
            prop_assert_eq!((entry.delivered, entry.failed, entry.refused), (1, 2, 3));
        }
        prop_assert_eq!((all.iter().count(), statistics.callbacks.len()), (names.len(), names.len()));
    }

    /// The C connector cuts names to 31 bytes. Names that do not look like whole lines are decoded.
    #[test]
    fn raw_names_are_read(names in prop::collection::vec("[a-c0-2: \n\t\\\\]{0,15}[a-z]", 1..6)) {
        let mut file = String::from("Name            ID\n");
        for (val, name) in names.iter().enumerate() {
            file += &format!("{name:15} 25:{val}\n");
        }
        let all = Registrations::parse_raw(&file);
        prop_assert!(all.odd().is_empty());
        prop_assert_eq!(all.iter().map(|entry| &entry.name).collect::<Vec<_>>(), names.iter().collect::<Vec<_>>());
    }
}

/// Names of all bytes except 0, and names that look like lines and fields.
fn name() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(1u8.., 0..40),
        Just(b"a\nb 1:1".to_vec()),
        Just(b"xxxxxxxxxxxxxxx 1:1\ny".to_vec()),
        Just(b"x description y name z delivered 9".to_vec()),
        Just(b"\\012\\".to_vec()),
        Just(vec![b'n'; 10_000]),
    ]
}

/// Arbitrary bytes, and pieces of lines in any order.
fn file() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        prop::sample::select(vec![
            "\n",
            " ",
            "id ",
            "20:1",
            " name ",
            " description ",
            "\\012",
            "\\",
            "received 1",
            "               ",
            " delivered 1",
            " failed 1",
            " refused 1",
            "Name            ID\n",
            "\r",
            "\t",
            "99999999999999999999",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

fn escaped(name: &[u8], blanks: bool) -> Vec<u8> {
    let mut text = Vec::new();
    for &byte in name {
        if byte.is_ascii_control() || byte == b'\\' || blanks && byte == b' ' {
            text.extend(format!("\\{byte:03o}").bytes());
        } else {
            text.push(byte);
        }
    }
    text
}

/// The lines of both files for callbacks with these names, which are also their descriptions.
fn files(names: &[Vec<u8>]) -> [Vec<Vec<u8>>; 2] {
    let mut list = vec![b"Name            ID\n".to_vec()];
    let mut statistics = vec![b"received 7\n".to_vec()];
    for (val, name) in names.iter().enumerate() {
        let mut line = escaped(name, false);
        line.resize(line.len().max(15), b' ');
        line.extend(format!(" 25:{val}\n").bytes());
        list.push(line);
        let numbers = "delivered 1 failed 2 refused 3 capability -1 group closed";
        let mut line = format!("id 25:{val} {numbers} name ").into_bytes();
        line.extend(escaped(name, true));
        line.extend(b" description ");
        line.extend(escaped(name, false));
        line.push(b'\n');
        statistics.push(line);
    }
    [list, statistics]
}
