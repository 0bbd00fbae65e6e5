// SPDX-License-Identifier: GPL-2.0

//! The way of a datagram from a socket to callbacks.
//!
//! Every message of the datagram is handed to the callback of its id, in order, or dropped and
//! counted. The core answers exactly those that ask for it with `NLM_F_ACK`.
//!
//! C counterpart: `cn_rx_skb()` in `drivers/connector/connector.c`.

use crate::{counters::Counter, received::Received, registry::Registry, trace};
use connector::wire::Malformed;
use kernel::prelude::*;

/// Handles a datagram.
///
/// Context: process, that of the program that sends; may sleep.
#[inline]
pub(crate) fn receive(registry: &Registry, mut datagram: Received<'_>) {
    handle(registry, &mut datagram);
    if datagram.advance() {
        receive_rest(registry, datagram);
    }
}

/// Handles the messages after the first one; apart, so that datagrams with one message stay cheap.
#[inline(never)]
fn receive_rest(registry: &Registry, mut datagram: Received<'_>) {
    loop {
        handle(registry, &mut datagram);
        if !datagram.advance() {
            return;
        }
    }
}

/// Handles the current message.
#[inline(always)]
fn handle(registry: &Registry, datagram: &mut Received<'_>) {
    let outcome = match datagram.current().id {
        Ok(id) => registry.with_callback(
            id,
            |active| datagram.call(active),
            Outcome::drop_undeliverable,
        ),
        Err(reason) => Outcome::drop_malformed(reason),
    };
    if trace::traces_receive() {
        datagram.trace(&outcome);
    }
    if datagram.current().wants_ack() {
        Counter::Answered.count();
        datagram.answer(&outcome);
    }
}

/// What came of a message.
pub(crate) enum Outcome {
    /// The callback has returned.
    Returned(Result),
    /// There is no callback to be called, or no memory to call it.
    Undeliverable(Error),
    /// The sender may not send to the callback.
    Refused,
    /// The message is malformed.
    Malformed(Malformed),
}

impl Outcome {
    #[cold]
    #[inline(never)]
    fn drop_undeliverable(error: Error) -> Self {
        if error == ENODEV {
            Counter::DropUnknownId.count();
        } else {
            Counter::DropNoMemory.count();
        }
        Self::Undeliverable(error)
    }

    #[cold]
    #[inline(never)]
    fn drop_malformed(reason: Malformed) -> Self {
        match reason {
            Malformed::Short => Counter::DropShort,
            Malformed::Length => Counter::DropLength,
            Malformed::Payload => Counter::DropPayload,
            Malformed::TooLong => Counter::DropTooLong,
            Malformed::MessageLength => Counter::DropMessageLength,
        }
        .count();
        Self::Malformed(reason)
    }

    /// What the sender is told, as a number.
    pub(crate) fn result(&self) -> Result {
        match *self {
            Self::Returned(result) => result,
            Self::Undeliverable(error) => Err(error),
            Self::Refused => Err(EPERM),
            Self::Malformed(Malformed::TooLong) => Err(EMSGSIZE),
            Self::Malformed(_) => Err(EINVAL),
        }
    }

    /// What the sender is told, in words.
    pub(crate) fn text(&self) -> Option<&'static CStr> {
        Some(match *self {
            Self::Returned(_) => return None,
            Self::Undeliverable(error) if error == ENODEV => {
                c"no callback is registered under this id"
            }
            Self::Undeliverable(_) => c"no memory to run the callback",
            Self::Refused => c"the sender may not send to this id",
            Self::Malformed(Malformed::Short) => c"datagram is shorter than a netlink header",
            Self::Malformed(Malformed::Length) => c"nlmsg_len does not fit the datagram",
            Self::Malformed(Malformed::Payload) => c"payload is shorter than struct cn_msg",
            Self::Malformed(Malformed::TooLong) => c"payload is longer than 16384 bytes",
            Self::Malformed(Malformed::MessageLength) => {
                c"cn_msg.len does not fit the netlink message"
            }
        })
    }
}
