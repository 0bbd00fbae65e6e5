// SPDX-License-Identifier: GPL-2.0

//! What happened so far, for `/proc/net/connector_stats`.
//!
//! Each CPU counts for itself, so counting is cheap in any context; a reader gets the sum.

use connector_base::bindings;
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
    /// Handed to a callback.
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
    /// Dropped: the sender may not send to the callback.
    DropRefused = cn_counter_CN_DROP_REFUSED, c"drop_refused";
    /// Messages that were sent and reached a receive buffer.
    Sent = cn_counter_CN_SENT, c"sent";
    /// Not sent: nothing is registered under the id.
    SendUnknownId = cn_counter_CN_SEND_UNKNOWN_ID, c"send_unknown_id";
    /// Not sent: nobody listens to the group.
    SendNoListener = cn_counter_CN_SEND_NO_LISTENER, c"send_no_listener";
    /// Not sent: no memory.
    SendNoMemory = cn_counter_CN_SEND_NO_MEMORY, c"send_no_memory";
    /// Sent, but no receiver took it: buffers full, port gone, filtered out.
    SendUndelivered = cn_counter_CN_SEND_UNDELIVERED, c"send_undelivered";
    /// Notifications of ids coming and going that were sent.
    Notified = cn_counter_CN_NOTIFIED, c"notified";
    /// Notifications that were lost for lack of memory or because no receiver took them.
    NotifyLost = cn_counter_CN_NOTIFY_LOST, c"notify_lost";
}

/// The counters of messages that came in and reached no callback; each message is counted once.
const DROPPED: &[Counter] = &[
    Counter::DropShort,
    Counter::DropLength,
    Counter::DropPayload,
    Counter::DropTooLong,
    Counter::DropMessageLength,
    Counter::DropUnknownId,
    Counter::DropRefused,
];

/// Counts a message that was handed to a callback: [`Counter::Delivered`], in fewer instructions.
///
/// Context: any.
#[inline(always)]
pub(crate) fn count_delivered() {
    // SAFETY: In any context.
    unsafe { bindings::cn_glue_count_delivered() };
}

/// How many messages came in and reached no callback.
pub(crate) fn dropped() -> u64 {
    let totals = DROPPED.iter().map(|counter| counter.total());
    totals.fold(0, u64::wrapping_add)
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
