// SPDX-License-Identifier: GPL-2.0

//! A datagram that came in.
//!
//! C counterparts: `struct sk_buff`, `NETLINK_CB()` and `netlink_ack()`.

use crate::{active::Active, counters::count_delivered, entry::Callback, receive::Outcome, trace};
use connector_base::{
    bindings::{cb_id, cn_msg, CONNECTOR_MAX_MSG_SIZE},
    wire::{self, Frame, Header, NetlinkHeader, NETLINK_HEADER_LEN},
    Id,
};
use core::{marker::PhantomData, ptr::NonNull};
use kernel::{
    bindings::{self, netlink_ext_ack, netlink_skb_parms, nlmsghdr, sk_buff},
    prelude::*,
};

/// A datagram that netlink has handed over.
///
/// # Invariants
///
/// For `'a`, `skb` points to a buffer that netlink has handed to the connector: it is linear,
/// starts with the datagram, nobody else changes it, and its control block and its sockets are
/// valid.
#[derive(Clone, Copy)]
pub(crate) struct Datagram<'a> {
    skb: NonNull<sk_buff>,
    _skb: PhantomData<&'a sk_buff>,
}

impl<'a> Datagram<'a> {
    /// Wraps what netlink has handed over.
    ///
    /// # Safety
    ///
    /// For the lifetime of the result, `skb` must be what the type's invariants say.
    #[inline]
    pub(crate) unsafe fn from_raw(skb: NonNull<sk_buff>) -> Self {
        // INVARIANT: By the safety requirements.
        Self {
            skb,
            _skb: PhantomData,
        }
    }

    /// The bytes. The borrow ends before a callback is called, since a C callback may write to the
    /// datagram.
    #[inline]
    fn bytes(&self) -> &[u8] {
        // SAFETY: By the type invariants the buffer is there.
        let (data, len) = unsafe { ((*self.skb.as_ptr()).data, (*self.skb.as_ptr()).len) };
        // SAFETY: By the type invariants the buffer is linear, so that all its bytes are at `data`;
        // while this borrow lives nobody writes to it.
        unsafe { core::slice::from_raw_parts(data, len as usize) }
    }

    /// Its only message, if there is nothing special about it; see [`Frame::single`].
    #[inline]
    pub(crate) fn single(self) -> Option<Received<'a>> {
        self.message(Frame::single(self.bytes()))
    }

    /// The message at `offset`, if there is nothing special about it; see [`Frame::simple`].
    #[inline]
    pub(crate) fn simple(self, offset: usize) -> Option<Received<'a>> {
        self.message(Frame::simple(self.bytes(), offset))
    }

    /// The message at `offset`; see [`Frame::at`].
    pub(crate) fn at(self, offset: usize) -> Option<Received<'a>> {
        self.message(Frame::at(self.bytes(), offset))
    }

    #[inline]
    fn message(self, frame: Option<Frame>) -> Option<Received<'a>> {
        // INVARIANT: The callers read the frame from this datagram.
        Some(Received {
            datagram: self,
            frame: frame?,
        })
    }
}

/// A message of a datagram, on its way to a callback.
///
/// # Invariants
///
/// `frame` was read from `datagram`.
#[derive(Clone)]
pub(crate) struct Received<'a> {
    datagram: Datagram<'a>,
    frame: Frame,
}

impl Received<'_> {
    /// What the headers say.
    #[inline]
    pub(crate) fn current(&self) -> &Frame {
        &self.frame
    }

    /// A pointer to what is `offset` bytes into the datagram.
    #[inline]
    fn at<T>(&self, offset: usize) -> *mut T {
        // SAFETY: By the type invariants the buffer is there.
        let data = unsafe { (*self.datagram.skb.as_ptr()).data };
        data.wrapping_add(offset).cast()
    }

    #[inline]
    fn parms(&self) -> *mut netlink_skb_parms {
        // SAFETY: By the type invariants the buffer is there.
        unsafe { &raw mut (*self.datagram.skb.as_ptr()).cb }.cast()
    }

    /// Calls a callback with the current message, and counts what came of it.
    #[inline]
    pub(crate) fn call(&self, active: &Active) -> Outcome {
        if let Err(reason) = self.frame.id {
            return Outcome::Malformed(reason);
        }
        let message = self.at::<cn_msg>(self.frame.header_offset());
        match active.entry().callback() {
            Callback::C(function) => {
                // SAFETY: The message is as long as it says, as the frame was checked; by the type
                // invariants the control block is that of netlink. `active` proves that the
                // callback may be called.
                unsafe { function(message, self.parms()) };
                count_delivered();
                Outcome::Returned(Ok(()))
            }
            Callback::Handler(handler) => {
                // SAFETY: As above; `active` proves that the handler was not released.
                let returned = unsafe { handler.receive(message, self.parms()) };
                handler.outcomes.count(returned);
                returned.map_or(Outcome::Refused, Outcome::Returned)
            }
        }
    }

    /// Traces the current message and what came of it. The id and the length of a malformed message
    /// are 0.
    #[inline]
    pub(crate) fn trace(&self, outcome: &Outcome) {
        // By value, as in `answer`.
        self.clone().trace_now(outcome);
    }

    #[cold]
    #[inline(never)]
    fn trace_now(self, outcome: &Outcome) {
        let id = self.frame.id.unwrap_or(Id::new(0, 0));
        // SAFETY: By the type invariants the control block is that of netlink.
        let portid = unsafe { (*self.parms()).portid };
        trace::receive(
            id,
            portid,
            self.frame.payload_len(self.datagram.bytes()),
            outcome.result(),
            outcome.text().unwrap_or_default(),
        );
    }

    /// Answers the current message: what came of it, with a text if something is wrong.
    ///
    /// Answers to messages which can't be trusted, or which are over the limit, quote a bare header
    /// only. May sleep.
    #[inline]
    pub(crate) fn answer(&self, outcome: &Outcome) {
        // By value, so that what is seldom needed does not keep the datagram out of registers.
        self.clone().answer_now(outcome);
    }

    #[cold]
    #[inline(never)]
    fn answer_now(self, outcome: &Outcome) {
        let Some(netlink) = self.frame.netlink(self.datagram.bytes()) else {
            return;
        };
        let mut bare_header = nlmsghdr {
            nlmsg_len: NETLINK_HEADER_LEN as u32,
            nlmsg_type: netlink.kind,
            nlmsg_flags: netlink.flags,
            nlmsg_seq: netlink.seq,
            nlmsg_pid: netlink.portid,
        };
        let quoted = match self.frame.id {
            Err(reason) if !reason.is_quotable() => &raw mut bare_header,
            _ => self.at(self.frame.offset),
        };
        let mut extack = netlink_ext_ack {
            _msg: outcome
                .text()
                .map_or(core::ptr::null(), |text| text.as_char_ptr()),
            ..Default::default()
        };
        let errno = match outcome.result() {
            Ok(()) => 0,
            Err(error) => error.to_errno(),
        };
        // SAFETY: By the type invariants the buffer came from a socket. `quoted` is a header that
        // is followed by as many bytes as it says. The text is static.
        unsafe {
            bindings::netlink_ack(self.datagram.skb.as_ptr(), quoted, errno, &raw mut extack)
        };
    }
}

// What is read of the headers, and what C reads, are the same bytes.
macro_rules! assert_same_field {
    ($ours:ident.$field:ident == $theirs:ident.$raw:ident) => {
        static_assert!(
            core::mem::offset_of!($ours, $field) == core::mem::offset_of!($theirs, $raw)
        );
    };
}
static_assert!(size_of::<NetlinkHeader>() == size_of::<nlmsghdr>());
assert_same_field!(NetlinkHeader.len == nlmsghdr.nlmsg_len);
assert_same_field!(NetlinkHeader.kind == nlmsghdr.nlmsg_type);
assert_same_field!(NetlinkHeader.flags == nlmsghdr.nlmsg_flags);
assert_same_field!(NetlinkHeader.seq == nlmsghdr.nlmsg_seq);
assert_same_field!(NetlinkHeader.portid == nlmsghdr.nlmsg_pid);
static_assert!(size_of::<Header>() == size_of::<cn_msg>());
assert_same_field!(Header.id == cn_msg.id);
assert_same_field!(Header.seq == cn_msg.seq);
assert_same_field!(Header.ack == cn_msg.ack);
assert_same_field!(Header.len == cn_msg.len);
assert_same_field!(Header.flags == cn_msg.flags);
static_assert!(size_of::<Id>() == size_of::<cb_id>());
static_assert!(wire::MAX_PAYLOAD == CONNECTOR_MAX_MSG_SIZE as usize);
