// SPDX-License-Identifier: GPL-2.0

//! The route of a datagram from a socket to callbacks.
//!
//! Every message of the datagram is handed to the callback of its id, in order, or dropped and
//! counted. The core answers exactly those that ask for it with `NLM_F_ACK`.
//!
//! C counterpart: `cn_rx_skb()` in `drivers/connector/connector.c`.

use crate::{
    active::Active,
    autoload,
    counters::Counter,
    instance,
    received::{Datagram, Received},
    registry::Registry,
    trace,
};
use connector_base::wire::Malformed;
use kernel::prelude::*;

/// Handles a datagram.
///
/// Context: process, that of the program that sends; may sleep.
#[inline]
pub(crate) fn receive(registry: &Registry, datagram: Datagram<'_>) {
    match datagram.single() {
        Some(message) if !trace::traces_receive() => {
            fast_path(registry, &message, || handle_unknown_single(datagram));
        }
        _ => receive_all(registry, datagram),
    }
}

/// The fast path: for a message that is well-formed and wants no answer.
#[inline(always)]
fn fast_path(registry: &Registry, message: &Received<'_>, otherwise: impl FnOnce()) {
    if let Ok(id) = message.current().id {
        let call = |active: &Active| {
            message.call(active);
        };
        registry.with_callback(id, call, otherwise, the_registry);
    }
}

/// Handles all messages of a datagram.
#[inline(never)]
fn receive_all(registry: &Registry, datagram: Datagram<'_>) {
    let mut next = 0;
    loop {
        match datagram.simple(next) {
            Some(message) if !trace::traces_receive() => {
                next = message.current().following();
                fast_path(registry, &message, || {
                    handle_unknown(&message);
                });
            }
            _ => match datagram.at(next) {
                Some(message) => {
                    next = message.current().following();
                    handle(registry, message);
                }
                None => return,
            },
        }
    }
}

/// Handles any message.
#[inline(never)]
fn handle(registry: &Registry, message: Received<'_>) {
    let outcome = match message.current().id {
        Ok(id) => registry.with_callback(
            id,
            |active| message.call(active),
            || handle_unknown(&message),
            the_registry,
        ),
        Err(reason) => Outcome::drop_malformed(reason),
    };
    if trace::traces_receive() {
        message.trace(&outcome);
    }
    if message.current().wants_ack() {
        Counter::Answered.count();
        message.answer(&outcome);
    }
}

/// Handles a message for which there is no callback: loads the module that may have one, if it is
/// loaded on demand.
#[cold]
#[inline(never)]
fn handle_unknown(message: &Received<'_>) -> Outcome {
    match (message.current().id, the_registry()) {
        (Ok(id), Some(registry)) if autoload::is_loaded_on_demand(id) => {
            autoload::load();
            registry.with_callback(
                id,
                |active| message.call(active),
                Outcome::drop_unknown,
                the_registry,
            )
        }
        _ => Outcome::drop_unknown(),
    }
}

/// The same for the only message of a datagram. Reads it again, so that nothing of it is kept in a
/// register until here.
#[cold]
#[inline(never)]
fn handle_unknown_single(datagram: Datagram<'_>) {
    match datagram.single() {
        Some(message)
            if message
                .current()
                .id
                .is_ok_and(autoload::is_loaded_on_demand) =>
        {
            handle_unknown(&message);
        }
        _ => Counter::DropUnknownId.count(),
    }
}

/// The registry, for what is seldom done, so that it is not kept in a register until there.
fn the_registry() -> Option<&'static Registry> {
    Some(instance::get()?.registry())
}

/// What came of a message.
pub(crate) enum Outcome {
    /// The callback has returned.
    Returned(Result),
    /// There is no callback to be called.
    Unknown,
    /// The sender may not send to the callback.
    Refused,
    /// The message is malformed.
    Malformed(Malformed),
}

impl Outcome {
    #[cold]
    #[inline(never)]
    fn drop_unknown() -> Self {
        Counter::DropUnknownId.count();
        Self::Unknown
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

    /// The error that the sender is notified of, as a number.
    pub(crate) fn result(&self) -> Result {
        match *self {
            Self::Returned(result) => result,
            Self::Unknown => Err(ENODEV),
            Self::Refused => Err(EPERM),
            Self::Malformed(Malformed::TooLong) => Err(EMSGSIZE),
            Self::Malformed(_) => Err(EINVAL),
        }
    }

    /// The same in words.
    pub(crate) fn text(&self) -> Option<&'static CStr> {
        Some(match *self {
            Self::Returned(_) => return None,
            Self::Unknown => c"no callback is registered under this id",
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
