// SPDX-License-Identifier: GPL-2.0

//! The way of a datagram from a socket to callbacks.
//!
//! Every message of the datagram is handed to the callback of its id, in order, or dropped and
//! counted. The core answers exactly those that ask for it with `NLM_F_ACK`.
//!
//! C counterpart: `cn_rx_skb()` in `drivers/connector/connector.c`.

use crate::{counters::Counter, received::Received, registry::Registry};
use connector::{wire::Malformed, Id};
use kernel::prelude::*;

/// Handles a datagram.
///
/// Context: process, that of the program that sends; may sleep.
pub(crate) fn receive(registry: &Registry, mut datagram: Received<'_>) {
    while let Some(frame) = datagram.current() {
        Counter::Received.count();
        let (result, text) = match frame.header {
            Ok(header) => deliver(registry, &mut datagram, header.id),
            Err(reason) => refuse(reason),
        };
        if frame.wants_ack() {
            Counter::Answered.count();
            datagram.answer(result, text);
        }
        datagram.advance();
    }
}

/// Hands the current message to the callback of its id. Says what came of it, in a number and in
/// words.
#[inline]
fn deliver(
    registry: &Registry,
    datagram: &mut Received<'_>,
    id: Id,
) -> (Result, Option<&'static CStr>) {
    match registry.with_callback(id, |active| datagram.call(active)) {
        Ok(result) => {
            Counter::Delivered.count();
            (result, None)
        }
        Err(error) if error == ENODEV => {
            Counter::DropUnknownId.count();
            (Err(error), Some(c"no callback is registered under this id"))
        }
        Err(error) => {
            Counter::DropNoMemory.count();
            (Err(error), Some(c"no memory to run the callback"))
        }
    }
}

#[cold]
fn refuse(reason: Malformed) -> (Result, Option<&'static CStr>) {
    let (counter, error, text) = match reason {
        Malformed::Short => (
            Counter::DropShort,
            EINVAL,
            c"datagram is shorter than a netlink header",
        ),
        Malformed::Length => (
            Counter::DropLength,
            EINVAL,
            c"nlmsg_len does not fit the datagram",
        ),
        Malformed::Payload => (
            Counter::DropPayload,
            EINVAL,
            c"payload is shorter than struct cn_msg",
        ),
        Malformed::TooLong => (
            Counter::DropTooLong,
            EMSGSIZE,
            c"payload is longer than 16384 bytes",
        ),
        Malformed::MessageLength => (
            Counter::DropMessageLength,
            EINVAL,
            c"cn_msg.len does not fit the netlink message",
        ),
    };
    counter.count();
    (Err(error), Some(text))
}
