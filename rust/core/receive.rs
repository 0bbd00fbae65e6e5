// SPDX-License-Identifier: GPL-2.0

//! The route of a datagram from a socket to callbacks.
//!
//! Every message of the datagram is delivered to the callback of its id, in order, or dropped and
//! counted. The core answers exactly those that ask for it with `NLM_F_ACK`.
//!
//! Also handles programs that join groups and close their sockets.
//!
//! C counterparts: `cn_rx_skb()`, `cn_bind()` and `cn_release()` in
//! `drivers/connector/connector.c`.

#![forbid(unsafe_code)]

use crate::{
    carrier::FEATURES,
    connector,
    helpers::{request_process_events, trace_receive, traces_receive},
    netlink::{ClosedSocket, Datagram, Protocol, Received},
    notify::RequestOwner,
    stats::Counter,
    table::{Active, Registry},
};
use connector_base::{
    bindings::{CN_IDX_PROC, CN_NATIVE, CN_VAL_PROC},
    wire::Malformed,
    Id,
};
use kernel::prelude::*;

/// The id of process events, whose module is loaded when a program asks for it. Its alias is
/// `cn-id-1-1`.
///
/// Existing programs load no module, because they expect the built-in provider.
/// No other id loads a module: a program chooses the id that it sends to, so every user could make
/// the kernel run `modprobe` for any id.
const PROCESS_EVENTS: Id = Id::new(CN_IDX_PROC, CN_VAL_PROC);

/// Whether a message to this id loads a module. A guest loads nothing: the built-in connector knows
/// whether the id is taken.
#[inline]
fn is_loaded_on_demand(id: Id) -> bool {
    FEATURES & CN_NATIVE != 0 && id.as_u64() == PROCESS_EVENTS.as_u64()
}

/// The connector as netlink sees it.
pub(crate) struct Receiver;

impl Protocol for Receiver {
    #[inline]
    fn receive(datagram: Datagram<'_>) {
        if let Some(connector) = connector::get() {
            receive(connector.registry(), datagram);
        }
    }

    fn is_open(group: u32) -> bool {
        connector::get().is_some_and(|connector| connector.is_open(group))
    }

    fn joins(group: u32) {
        if let Some(connector) = connector::get() {
            connector.socket_watchers().notify_joins(group);
        }
    }

    fn left(group: u32) {
        if let Some(connector) = connector::get() {
            connector.socket_watchers().notify_left(group);
        }
    }

    /// Removes the socket's requests for notification.
    fn closed(socket: ClosedSocket<'_>) {
        if let Some(connector) = connector::get() {
            connector
                .notifier()
                .forget(RequestOwner::new(socket.as_ptr()));
            connector
                .socket_watchers()
                .notify_closed(|| socket.number());
        }
    }
}

/// Handles a datagram.
///
/// Context: process, that of the program that sends; may sleep.
#[inline]
fn receive(registry: &Registry, datagram: Datagram<'_>) {
    match datagram.single() {
        Some(message) if !traces_receive() => {
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
            call(message, active);
        };
        registry.with_callback(id, call, otherwise, find_registry);
    }
}

/// Handles all messages of a datagram.
#[inline(never)]
fn receive_all(registry: &Registry, datagram: Datagram<'_>) {
    let mut next = 0;
    loop {
        match datagram.simple(next) {
            Some(message) if !traces_receive() => {
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
            |active| call(&message, active),
            || handle_unknown(&message),
            find_registry,
        ),
        Err(reason) => Outcome::drop_malformed(reason),
    };
    if traces_receive() {
        trace(&message, &outcome);
    }
    if message.current().wants_ack() {
        Counter::Answered.count();
        // By value, so that what is seldom needed does not keep the datagram out of registers.
        message
            .clone()
            .acknowledge(outcome.result(), outcome.text());
    }
}

/// Calls a callback with a message.
#[inline]
fn call(message: &Received<'_>, active: &Active) -> Outcome {
    match message.current().id {
        Err(reason) => Outcome::Malformed(reason),
        Ok(_) => message
            .message()
            .and_then(|message| active.call(message))
            .map_or(Outcome::Refused, Outcome::Returned),
    }
}

/// Traces a message and its outcome. The id and the length of a malformed message are 0.
#[cold]
#[inline(never)]
fn trace(message: &Received<'_>, outcome: &Outcome) {
    trace_receive(
        message.current().id.unwrap_or(Id::new(0, 0)),
        message.sender().portid(),
        message.payload_len(),
        outcome.result(),
        outcome.text().unwrap_or_default(),
    );
}

/// Handles a message for which there is no callback: loads the module that may have one, if it is
/// loaded on demand.
#[cold]
#[inline(never)]
fn handle_unknown(message: &Received<'_>) -> Outcome {
    match (message.current().id, find_registry()) {
        (Ok(id), Some(registry)) if is_loaded_on_demand(id) => {
            request_process_events();
            registry.with_callback(
                id,
                |active| call(message, active),
                Outcome::drop_unknown,
                find_registry,
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
        Some(message) if message.current().id.is_ok_and(is_loaded_on_demand) => {
            handle_unknown(&message);
        }
        _ => Counter::DropUnknownId.count(),
    }
}

/// The registry, for what is seldom done, so that it is not kept in a register until there.
fn find_registry() -> Option<&'static Registry> {
    Some(connector::get()?.registry())
}

/// The outcome of a message.
enum Outcome {
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

    /// The result that acknowledges the message.
    fn result(&self) -> Result {
        match *self {
            Self::Returned(result) => result,
            Self::Unknown => Err(ENODEV),
            Self::Refused => Err(EPERM),
            Self::Malformed(Malformed::TooLong) => Err(EMSGSIZE),
            Self::Malformed(_) => Err(EINVAL),
        }
    }

    /// The same in words.
    fn text(&self) -> Option<&'static CStr> {
        Some(match *self {
            Self::Returned(_) => return None,
            Self::Unknown => c"no callback is registered under this id",
            Self::Refused => c"the sender may not send to this id",
            Self::Malformed(Malformed::Short) => c"datagram is shorter than a netlink header",
            Self::Malformed(Malformed::Length) => c"nlmsg_len does not fit the datagram",
            Self::Malformed(Malformed::Payload) => c"payload is shorter than struct cn_msg",
            Self::Malformed(Malformed::TooLong) => c"netlink payload is longer than 16384 bytes",
            Self::Malformed(Malformed::MessageLength) => {
                c"cn_msg.len does not fit the netlink message"
            }
        })
    }
}
