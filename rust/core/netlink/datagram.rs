// SPDX-License-Identifier: GPL-2.0

//! A received datagram, its messages, and their sender.
//!
//! C counterparts: `struct sk_buff`, `NETLINK_CB()`, `netlink_capable()` and `netlink_ack()`.
//! Unlike [`Sender::is_capable`], `netlink_capable()` does not check the opener of the socket if
//! the sender gives a destination address.

#![allow(unsafe_code)]

use connector_base::{
    bindings::{cn_glue_file_of_other, cn_msg},
    wire::{Frame, Header, HEADER_LEN, NETLINK_HEADER_LEN},
};
use core::{marker::PhantomData, ptr::NonNull};
use kernel::{
    bindings::{self, netlink_ext_ack, netlink_skb_parms, nlmsghdr, sk_buff},
    prelude::*,
};

/// The sender of a message: the running task.
///
/// # Invariants
///
/// For `'a`, `parms` points to the control block of a datagram whose sender is the running task.
/// It is in `sendmsg()`, which keeps its socket and the file of that.
#[derive(Clone, Copy)]
pub(crate) struct Sender<'a> {
    parms: NonNull<netlink_skb_parms>,
    _lifetime: PhantomData<&'a netlink_skb_parms>,
}

impl Sender<'_> {
    /// # Safety
    ///
    /// `parms` must be as the invariants say for the lifetime of the result.
    #[inline]
    pub(crate) unsafe fn from_raw(parms: *mut netlink_skb_parms) -> Self {
        // INVARIANT: By the safety requirements; it is not null.
        Self {
            // SAFETY: As above.
            parms: unsafe { NonNull::new_unchecked(parms) },
            _lifetime: PhantomData,
        }
    }

    /// The port of its socket.
    pub(crate) fn portid(self) -> u32 {
        // SAFETY: By the type invariants.
        unsafe { (*self.parms.as_ptr()).portid }
    }

    /// Its socket, for comparison only.
    pub(crate) fn socket(self) -> *const bindings::sock {
        // SAFETY: By the type invariants.
        unsafe { (*self.parms.as_ptr()).sk }
    }

    /// Whether both the opener of the socket and the sender have a capability in the initial user
    /// namespace.
    ///
    /// A socket that was opened by the kernel has no file; its opener has all capabilities. Where
    /// the opener had the very credentials that the sender has, one question answers both.
    pub(crate) fn is_capable(self, capability: c_int) -> bool {
        // SAFETY: By the type invariants.
        let file = unsafe { cn_glue_file_of_other((*self.parms.as_ptr()).sk) };
        let namespace = &raw mut bindings::init_user_ns;
        // SAFETY: As above; the initial user namespace lives for ever.
        (file.is_null() || unsafe { bindings::file_ns_capable(file, namespace, capability) })
            // SAFETY: As above.
            && unsafe { bindings::ns_capable(namespace, capability) }
    }
}

/// A message that was checked, as a callback gets it.
///
/// # Invariants
///
/// For `'a`, `message` points to a message that is followed by as many bytes as it says. Nobody
/// else uses it.
#[derive(Clone, Copy)]
pub(crate) struct Message<'a> {
    message: *mut cn_msg,
    sender: Sender<'a>,
}

impl<'a> Message<'a> {
    /// # Safety
    ///
    /// `message` must be as the invariants say for the lifetime of the result, and `parms` be its
    /// control block; see [`Sender`].
    pub(crate) unsafe fn from_raw(message: *mut cn_msg, parms: *mut netlink_skb_parms) -> Self {
        // INVARIANT: By the safety requirements.
        Self {
            message,
            // SAFETY: By the safety requirements.
            sender: unsafe { Sender::from_raw(parms) },
        }
    }

    /// The arguments of a function in C.
    #[inline]
    pub(crate) fn as_raw(self) -> (*mut cn_msg, *mut netlink_skb_parms) {
        (self.message, self.sender.parms.as_ptr())
    }

    /// The sender.
    #[inline]
    pub(crate) fn sender(self) -> Sender<'a> {
        self.sender
    }

    /// The header.
    pub(crate) fn header(&self) -> Header {
        // SAFETY: By the type invariants; `Header` has the layout of `cn_msg`.
        unsafe { self.message.cast::<Header>().read() }
    }

    /// The payload. While this borrow lives, nobody may write to it.
    pub(crate) fn payload(&self) -> &[u8] {
        let len = usize::from(self.header().len);
        // SAFETY: By the type invariants.
        unsafe { core::slice::from_raw_parts(self.message.cast::<u8>().add(HEADER_LEN), len) }
    }
}

/// A datagram that netlink has passed to the connector.
///
/// # Invariants
///
/// For `'a`, `skb` points to a buffer that netlink has passed to the connector: it is linear,
/// starts with the datagram, nobody else changes it, and its control block and its sockets are
/// valid.
#[derive(Clone, Copy)]
pub(crate) struct Datagram<'a> {
    skb: NonNull<sk_buff>,
    _skb: PhantomData<&'a sk_buff>,
}

impl<'a> Datagram<'a> {
    /// Wraps what netlink has passed to the connector.
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
    /// The contents of the headers.
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

    /// The sender.
    #[inline]
    pub(crate) fn sender(&self) -> Sender<'_> {
        // SAFETY: By the type invariants the control block is that of netlink.
        unsafe { Sender::from_raw(self.parms()) }
    }

    /// The message for a callback; [`None`] if it is malformed.
    #[inline]
    pub(crate) fn message(&self) -> Option<Message<'_>> {
        self.frame.id.ok()?;
        // INVARIANT: The message is as long as it says, as the frame was checked.
        Some(Message {
            message: self.at(self.frame.header_offset()),
            sender: self.sender(),
        })
    }

    /// The length of the connector's payload, in bytes; 0 if the message is malformed.
    pub(crate) fn payload_len(&self) -> usize {
        self.frame.payload_len(self.datagram.bytes())
    }

    /// Answers the message: with an error, and a text if something is wrong; or with none.
    ///
    /// Answers to messages which can't be trusted, or which are over the limit, quote a bare header
    /// only. May sleep.
    #[cold]
    #[inline(never)]
    pub(crate) fn acknowledge(self, result: Result, text: Option<&'static CStr>) {
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
            _msg: text.map_or(core::ptr::null(), |text| text.as_char_ptr()),
            ..Default::default()
        };
        let errno = result.map_or_else(Error::to_errno, |()| 0);
        // SAFETY: By the type invariants the buffer came from a socket. `quoted` is a header that
        // is followed by as many bytes as it says. The text is static.
        unsafe {
            bindings::netlink_ack(self.datagram.skb.as_ptr(), quoted, errno, &raw mut extack)
        };
    }
}
