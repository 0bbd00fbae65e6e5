// SPDX-License-Identifier: GPL-2.0

//! Statistics for `/proc/net/connector_stats`: of all messages, and of those for one callback.
//!
//! For all messages, each CPU counts for itself, so counting is cheap in any context; a reader gets
//! the sum.

#![forbid(unsafe_code)]

use crate::{
    helpers::{self, count_delivered},
    sync::{add, read_once},
};
use connector_base::bindings;
use kernel::{prelude::*, sync::atomic::Atomic};

macro_rules! counters {
    ($($(#[$meta:meta])* $variant:ident = $constant:ident, $name:literal;)*) => {
        /// A counter.
        #[derive(Clone, Copy)]
        #[repr(u32)]
        pub(crate) enum Counter {
            $($(#[$meta])* $variant = bindings::$constant,)*
        }

        /// All counters with their names.
        pub(crate) const ALL: &[(Counter, &str)] = &[$((Counter::$variant, $name),)*];
    };
}

counters! {
    /// Handed to a callback.
    Delivered = cn_counter_CN_DELIVERED, "delivered";
    /// Answers to `NLM_F_ACK`, errors included.
    Answered = cn_counter_CN_ANSWERED, "answered";
    /// Dropped: the datagram is too short for a netlink header.
    DropShort = cn_counter_CN_DROP_SHORT, "drop_short";
    /// Dropped: `nlmsg_len` is smaller than the header or larger than what there is.
    DropLength = cn_counter_CN_DROP_LENGTH, "drop_length";
    /// Dropped: the payload is too short for a connector header.
    DropPayload = cn_counter_CN_DROP_PAYLOAD, "drop_payload";
    /// Dropped: the payload is larger than the limit.
    DropTooLong = cn_counter_CN_DROP_TOO_LONG, "drop_too_long";
    /// Dropped: the connector header's `len` is larger than what there is.
    DropMessageLength = cn_counter_CN_DROP_MESSAGE_LENGTH, "drop_message_length";
    /// Dropped: nothing is registered under the id.
    DropUnknownId = cn_counter_CN_DROP_UNKNOWN_ID, "drop_unknown_id";
    /// Dropped: the sender may not send to the callback.
    DropRefused = cn_counter_CN_DROP_REFUSED, "drop_refused";
    /// Dropped: a datagram to a guest, which has no memory to remember the socket. Only a task that
    /// is being killed sees this.
    DropNoMemory = cn_counter_CN_DROP_NO_MEMORY, "drop_no_memory";
    /// Messages that were sent and reached a receive buffer.
    Sent = cn_counter_CN_SENT, "sent";
    /// Not sent: nothing is registered under the id.
    SendUnknownId = cn_counter_CN_SEND_UNKNOWN_ID, "send_unknown_id";
    /// Not sent: the group has no listener.
    SendNoListener = cn_counter_CN_SEND_NO_LISTENER, "send_no_listener";
    /// Not sent: no memory.
    SendNoMemory = cn_counter_CN_SEND_NO_MEMORY, "send_no_memory";
    /// Sent, but no receiver took it: buffers full, port gone, filtered out.
    SendUndelivered = cn_counter_CN_SEND_UNDELIVERED, "send_undelivered";
    /// Notifications of registered and unregistered ids that were sent.
    Notified = cn_counter_CN_NOTIFIED, "notified";
    /// Notifications that were lost for lack of memory or because no receiver took them.
    NotifyLost = cn_counter_CN_NOTIFY_LOST, "notify_lost";
}

/// The counters of received messages that reached no callback; each message is counted once.
const DROPPED: &[Counter] = &[
    Counter::DropShort,
    Counter::DropLength,
    Counter::DropPayload,
    Counter::DropTooLong,
    Counter::DropMessageLength,
    Counter::DropUnknownId,
    Counter::DropRefused,
    Counter::DropNoMemory,
];

/// The number of received messages that reached no callback.
pub(crate) fn dropped() -> u64 {
    let totals = DROPPED.iter().map(|counter| counter.total());
    totals.fold(0, u64::wrapping_add)
}

static_assert!(ALL.len() == bindings::cn_counter_CN_COUNTERS as usize);

impl Counter {
    /// Adds one. Context: any.
    #[inline]
    pub(crate) fn count(self) {
        helpers::count(self as u32);
    }

    /// Adds a number. Context: any.
    pub(crate) fn count_many(self, number: u64) {
        helpers::count_many(self as u32, number as usize);
    }

    /// The sum over all CPUs.
    pub(crate) fn total(self) -> u64 {
        helpers::counted(self as u32)
    }
}

/// The outcomes of the messages for a handler.
pub(crate) struct Outcomes {
    /// Handed to it, and it returned an error.
    failed: Atomic<u64>,
    /// Not handed to it, because the sender may not send to it.
    refused: Atomic<u64>,
}

impl Outcomes {
    /// Nothing happened yet.
    pub(crate) const fn new() -> Self {
        Self {
            failed: Atomic::new(0),
            refused: Atomic::new(0),
        }
    }

    /// Counts a message by what the handler returned; [`None`] if it was not called.
    #[inline(never)]
    pub(crate) fn count(&self, returned: Option<Result>) {
        match returned {
            Some(Ok(())) => count_delivered(),
            Some(Err(_)) => {
                count_delivered();
                add(&self.failed, 1);
            }
            None => {
                add(&self.refused, 1);
                Counter::DropRefused.count();
            }
        }
    }
}

/// How many messages a callback got, and did not get.
pub(crate) struct Stats {
    /// Handed to the callback; of those under way, none is counted yet.
    pub(crate) delivered: u64,
    /// Of these, those for which it returned an error.
    pub(crate) failed: u64,
    /// Not handed to it, because the sender may not send to it.
    pub(crate) refused: u64,
}

impl Stats {
    /// Of a callback with `completed` returned calls, refusals of senders included.
    pub(crate) fn new(completed: u64, outcomes: Option<&Outcomes>) -> Self {
        let count = |of: fn(&Outcomes) -> &Atomic<u64>| {
            outcomes.map_or(0, |outcomes| read_once(of(outcomes)))
        };
        let refused = count(|outcomes| &outcomes.refused);
        Self {
            delivered: completed.saturating_sub(refused),
            failed: count(|outcomes| &outcomes.failed),
            refused,
        }
    }
}
