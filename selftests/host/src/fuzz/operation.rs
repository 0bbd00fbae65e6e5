// SPDX-License-Identifier: GPL-2.0

use crate::event::{Operation, Refused};

/// The kinds of events that there are, as bits.
const KNOWN: u32 = 0xe000_03c7;

fn number(bytes: &[u8]) -> u32 {
    u32::from_ne_bytes(bytes.try_into().unwrap())
}

/// A request for process events.
pub fn operation(bytes: &[u8]) {
    let bits = match bytes.len() {
        4 => 0,
        8 => number(&bytes[4..]) & KNOWN,
        _ => return assert_eq!(Operation::read(bytes), Err(Refused::Length)),
    };
    match (number(&bytes[..4]), Operation::read(bytes)) {
        (1, Ok(Operation::Listen(kinds))) => {
            let wanted = if bits == 0 { KNOWN } else { bits };
            assert_eq!(kinds.bits(), wanted);
        }
        (2, Ok(Operation::Ignore)) => {}
        (word, Err(Refused::Operation)) => assert!(word != 1 && word != 2),
        (word, read) => panic!("{word} is read as {read:?}"),
    }
}
