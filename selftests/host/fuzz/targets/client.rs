// SPDX-License-Identifier: GPL-2.0

//! The decoder of programs (tools/connector-client): any bytes are decoded or refused, and decoded
//! values are within the bytes.

#![no_main]

use connector_client::wire::{Content, Frames, MESSAGE_HEADER, NETLINK_HEADER};
use connector_client::{Message, ProcessEvent, Registrations, Statistics};

/// Encoding a decoded message gives the same bytes.
fn check(message: &Message<'_>) {
    let encoded = message.encode();
    assert_eq!(encoded.len(), MESSAGE_HEADER + message.payload.len());
    let (again, rest) = Message::decode(&encoded).expect("what was written is read");
    assert!(again == *message && rest.is_empty());
    let _ = ProcessEvent::decode(message);
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut read = 0;
    let mut failed = false;
    for frame in Frames::new(bytes) {
        assert!(!failed, "something comes after an error");
        let Ok(frame) = frame else {
            failed = true;
            continue;
        };
        read += NETLINK_HEADER + frame.payload.len();
        assert!(read <= bytes.len());
        match frame.content() {
            Ok(Content::Messages(messages)) => {
                let mut used = 0;
                for message in messages.flatten() {
                    used += MESSAGE_HEADER + message.payload.len();
                    check(&message);
                }
                assert!(used <= frame.payload.len());
            }
            Ok(Content::Answer(answer)) => {
                assert!(answer
                    .text
                    .is_none_or(|text| text.len() < frame.payload.len()));
            }
            Err(_) => {}
        }
        read = read.next_multiple_of(4);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = Registrations::parse(text);
        let _ = Statistics::parse(text);
    }
});
