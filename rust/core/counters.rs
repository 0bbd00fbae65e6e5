// SPDX-License-Identifier: GPL-2.0

//! What happened so far, for `/proc/net/connector_stats`.
//!
//! Each CPU counts for itself, so counting is cheap in any context; a reader gets the sum.

use connector::bindings;
use kernel::prelude::*;

macro_rules! counters {
    ($($(#[$meta:meta])* $variant:ident = $constant:ident, $name:literal;)*) => {
        /// What is counted.
        #[derive(Clone, Copy)]
        #[repr(u32)]
        pub(crate) enum Counter {
            $($(#[$meta])* $variant = bindings::$constant,)*
        }

        /// All counters with their names.
        pub(crate) const ALL: &[(Counter, &CStr)] = &[$((Counter::$variant, $name),)*];
    };
}

counters! {
    /// Messages that were handed to a callback.
    Delivered = cn_counter_CN_DELIVERED, c"delivered";
    /// Answers to `NLM_F_ACK`, errors included.
    Answered = cn_counter_CN_ANSWERED, c"answered";
    /// Dropped: the datagram is too short for a netlink header.
    DropShort = cn_counter_CN_DROP_SHORT, c"drop_short";
    /// Dropped: `nlmsg_len` is smaller than the header or larger than what there is.
    DropLength = cn_counter_CN_DROP_LENGTH, c"drop_length";
    /// Dropped: the payload is too short for a connector header.
    DropPayload = cn_counter_CN_DROP_PAYLOAD, c"drop_payload";
    /// Dropped: the payload is larger than the limit.
    DropTooLong = cn_counter_CN_DROP_TOO_LONG, c"drop_too_long";
    /// Dropped: the connector header's `len` is larger than what there is.
    DropMessageLength = cn_counter_CN_DROP_MESSAGE_LENGTH, c"drop_message_length";
    /// Dropped: nothing is registered under the id.
    DropUnknownId = cn_counter_CN_DROP_UNKNOWN_ID, c"drop_unknown_id";
    /// Dropped: no memory to run the callback.
    DropNoMemory = cn_counter_CN_DROP_NO_MEMORY, c"drop_no_memory";
    /// Messages that were sent and reached a receive buffer.
    Sent = cn_counter_CN_SENT, c"sent";
    /// Not sent: nothing is registered under the id.
    SendUnknownId = cn_counter_CN_SEND_UNKNOWN_ID, c"send_unknown_id";
    /// Not sent: nobody listens to the group.
    SendNoListener = cn_counter_CN_SEND_NO_LISTENER, c"send_no_listener";
    /// Not sent: no memory.
    SendNoMemory = cn_counter_CN_SEND_NO_MEMORY, c"send_no_memory";
    /// Sent, but no receiver took it: buffers full, port gone, filtered out.
    SendRefused = cn_counter_CN_SEND_REFUSED, c"send_refused";
}

/// The counters of messages that came in; each message is counted once.
const INCOMING: &[Counter] = &[
    Counter::Delivered,
    Counter::DropShort,
    Counter::DropLength,
    Counter::DropPayload,
    Counter::DropTooLong,
    Counter::DropMessageLength,
    Counter::DropUnknownId,
    Counter::DropNoMemory,
];

/// How many messages came in, well-formed or not.
pub(crate) fn received() -> u64 {
    INCOMING
        .iter()
        .fold(0, |sum: u64, counter| sum.wrapping_add(counter.total()))
}

static_assert!(ALL.len() == bindings::cn_counter_CN_COUNTERS as usize);

impl Counter {
    /// Adds one. Context: any.
    #[inline]
    pub(crate) fn count(self) {
        // SAFETY: `self` is one of the counters that the glue has.
        unsafe { bindings::cn_glue_count(self as u32) };
    }

    /// The sum over all CPUs.
    pub(crate) fn total(self) -> u64 {
        // SAFETY: `self` is one of the counters that the glue has.
        unsafe { bindings::cn_glue_counted(self as u32) }
    }
}
