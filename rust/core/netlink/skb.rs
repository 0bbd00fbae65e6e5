// SPDX-License-Identifier: GPL-2.0

//! Socket buffers: a received [`Datagram`] with its messages and their sender, and an [`Skb`] with
//! a message of ours.
//!
//! C counterparts: `struct sk_buff`, `NETLINK_CB()`, `netlink_capable()`, `netlink_ack()`, and
//! `nlmsg_new()` and `nlmsg_put()` in `include/net/netlink.h`. Unlike [`SenderParms::is_capable`],
//! `netlink_capable()` does not check the opener of the socket if the sender gives a destination
//! address. The header of a message of ours is written here, since the length of the buffer is
//! known when it is made.

#![allow(unsafe_code)]

use connector_base::{
    bindings::{self as glue, cn_glue_file_of_other, cn_glue_report_loss, cn_msg},
    wire::{Frame, Header, HEADER_LEN, NETLINK_HEADER_LEN},
};
use core::{marker::PhantomData, ptr::NonNull};
use kernel::{
    bindings::{self, gfp_t, netlink_ext_ack, netlink_skb_parms, nlmsghdr, sk_buff},
    prelude::*,
};

static_assert!(size_of::<nlmsghdr>() == NETLINK_HEADER_LEN);

/// The sender of a message: the running task.
///
/// # Invariants
///
/// For `'a`, `parms` points to the control block of a datagram whose sender is the running task.
/// It is in `sendmsg()`, which keeps its socket and the file of that.
#[derive(Clone, Copy)]
pub(crate) struct SenderParms<'a> {
    parms: NonNull<netlink_skb_parms>,
    _lifetime: PhantomData<&'a netlink_skb_parms>,
}

impl SenderParms<'_> {
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

    /// Sets the error `ENOBUFS` for its socket, as for a message that it missed.
    pub(crate) fn report_loss(self) {
        // SAFETY: By the type invariants.
        unsafe { cn_glue_report_loss((*self.parms.as_ptr()).sk) };
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
/// else uses it; there is one of these for it.
pub(crate) struct RawMessage<'a> {
    message: *mut cn_msg,
    sender: SenderParms<'a>,
}

impl<'a> RawMessage<'a> {
    /// # Safety
    ///
    /// `message` must be as the invariants say for the lifetime of the result, and `parms` be its
    /// control block; see [`SenderParms`].
    pub(crate) unsafe fn from_raw(message: *mut cn_msg, parms: *mut netlink_skb_parms) -> Self {
        // INVARIANT: By the safety requirements.
        Self {
            message,
            // SAFETY: By the safety requirements.
            sender: unsafe { SenderParms::from_raw(parms) },
        }
    }

    /// The arguments of a function in C.
    #[inline]
    pub(crate) fn into_raw(self) -> (*mut cn_msg, *mut netlink_skb_parms) {
        (self.message, self.sender.parms.as_ptr())
    }

    /// The sender.
    #[inline]
    pub(crate) fn sender(&self) -> SenderParms<'a> {
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
    pub(crate) fn sender(&self) -> SenderParms<'_> {
        // SAFETY: By the type invariants the control block is that of netlink.
        unsafe { SenderParms::from_raw(self.parms()) }
    }

    /// The message for a callback; [`None`] if it is malformed.
    #[inline]
    pub(crate) fn message(&self) -> Option<RawMessage<'_>> {
        self.frame.id.ok()?;
        // INVARIANT: The message is as long as it says, as the frame was checked.
        Some(RawMessage {
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

/// A socket buffer with netlink messages, most often one.
///
/// # Invariants
///
/// The pointer owns a buffer, and is the only one to it. The buffer is linear and holds netlink
/// messages, padding included, all of whose bytes are initialised.
pub(crate) struct Skb(NonNull<sk_buff>);

impl Skb {
    /// Makes a message whose payload consists of `parts`, one behind the other.
    ///
    /// Context: as `gfp` says.
    ///
    /// # Errors
    ///
    /// - [`ENOMEM`]: no memory.
    /// - [`EMSGSIZE`]: the payload is longer than a netlink message can be.
    #[inline]
    pub(crate) fn new<const N: usize>(seq: u32, parts: [&[u8]; N], gfp: gfp_t) -> Result<Self> {
        let mut len = 0usize;
        for part in parts {
            len = len.checked_add(part.len()).ok_or(EMSGSIZE)?;
        }
        let unwritten = Unwritten::new(seq, len, gfp)?;
        let mut end = unwritten.payload();
        for part in parts {
            // SAFETY: There is room for `len` bytes, which is for all parts.
            unsafe {
                end.copy_from_nonoverlapping(part.as_ptr(), part.len());
                end = end.add(part.len());
            }
        }
        // SAFETY: All of the payload was just written.
        Ok(unsafe { unwritten.written() })
    }

    /// Makes a buffer with a netlink message for each of `messages`. Context and errors as for
    /// [`Self::new`].
    pub(crate) fn several(messages: &[Header], gfp: gfp_t) -> Result<Self> {
        // Both headers are a multiple of four bytes long, so that there is no padding.
        const ONE: usize = NETLINK_HEADER_LEN + HEADER_LEN;

        let len = messages.len().checked_mul(ONE).ok_or(EMSGSIZE)?;
        let unwritten = Unwritten::allocate(len, gfp)?;
        let mut start = unwritten.data();
        for message in messages {
            // SAFETY: There is room for as many pairs of headers as there are messages.
            unsafe {
                start.cast::<nlmsghdr>().write(header(ONE, message.seq));
                let payload = start.add(NETLINK_HEADER_LEN).cast::<Header>();
                payload.write_unaligned(*message);
                start = start.add(ONE);
            }
        }
        // SAFETY: All messages were written.
        Ok(unsafe { unwritten.written() })
    }

    /// The length of all that is in the buffer, in bytes.
    pub(crate) fn len(&self) -> usize {
        // SAFETY: By the type invariants the buffer is ours.
        unsafe { (*self.0.as_ptr()).len as usize }
    }

    /// Notes the group that the message is for; receivers see it as `nl_groups`.
    #[inline]
    pub(crate) fn set_group(&mut self, group: u32) {
        // SAFETY: By the type invariants the buffer is ours.
        let parms = unsafe { &raw mut (*self.0.as_ptr()).cb }.cast::<netlink_skb_parms>();
        // SAFETY: Netlink's data is in the control block, which is large enough and aligned.
        unsafe { (*parms).dst_group = group };
    }

    /// Gives the buffer away.
    #[inline]
    pub(crate) fn into_raw(self) -> *mut sk_buff {
        core::mem::ManuallyDrop::new(self).0.as_ptr()
    }
}

impl Drop for Skb {
    fn drop(&mut self) {
        let no_reason = bindings::skb_drop_reason_SKB_DROP_REASON_NOT_SPECIFIED;
        // SAFETY: By the type invariants the buffer is ours. `nlmsg_free()` calls this.
        unsafe { bindings::sk_skb_reason_drop(core::ptr::null_mut(), self.0.as_ptr(), no_reason) };
    }
}

/// The netlink header of a message of `len` bytes, itself included.
#[inline]
fn header(len: usize, seq: u32) -> nlmsghdr {
    nlmsghdr {
        nlmsg_len: len as u32,
        nlmsg_type: bindings::NLMSG_DONE as u16,
        nlmsg_flags: 0,
        nlmsg_seq: seq,
        nlmsg_pid: 0,
    }
}

/// A buffer with one netlink message, of which the header and the padding are written.
///
/// # Invariants
///
/// As for [`Skb`], except that the payload need not be initialised.
pub(crate) struct Unwritten(Skb);

impl Unwritten {
    /// Makes a message with room for `len` bytes of payload. Context and errors as for
    /// [`Skb::new`].
    #[inline]
    pub(crate) fn new(seq: u32, len: usize, gfp: gfp_t) -> Result<Self> {
        let total = len.checked_add(NETLINK_HEADER_LEN).ok_or(EMSGSIZE)?;
        let padded = total.checked_next_multiple_of(4).ok_or(EMSGSIZE)?;
        let this = Self::allocate(padded, gfp)?;
        let data = this.data();
        // SAFETY: The buffer has `padded` bytes, at least as many as a header; it is aligned.
        unsafe {
            // The last bytes may be padding.
            data.add(padded.wrapping_sub(4)).cast::<u32>().write(0);
            data.cast::<nlmsghdr>().write(header(total, seq));
        }
        Ok(this)
    }

    /// Makes a buffer of `len` bytes, none of which is initialised.
    #[inline]
    fn allocate(len: usize, gfp: gfp_t) -> Result<Self> {
        let len = c_int::try_from(len).map_err(|_| EMSGSIZE)?;
        // SAFETY: Any length and any flags will do.
        let skb = unsafe { glue::cn_glue_alloc_skb(len as u32, gfp) };
        // INVARIANT: The buffer was just made.
        Ok(Self(Skb(NonNull::new(skb).ok_or(ENOMEM)?)))
    }

    #[inline]
    fn data(&self) -> *mut u8 {
        // SAFETY: By the type invariants the buffer is ours.
        unsafe { (*self.0 .0.as_ptr()).data }
    }

    /// Where the payload starts.
    #[inline]
    pub(crate) fn payload(&self) -> *mut u8 {
        self.data().wrapping_add(NETLINK_HEADER_LEN)
    }

    /// Says that the payload is complete.
    ///
    /// # Safety
    ///
    /// All of it must have been written.
    #[inline]
    pub(crate) unsafe fn written(self) -> Skb {
        // INVARIANT: By the safety requirements.
        self.0
    }

    /// Says that the first `len` bytes of the payload are complete, and cuts off the others.
    ///
    /// # Safety
    ///
    /// These bytes must have been written.
    ///
    /// # Errors
    ///
    /// [`EMSGSIZE`]: the payload is not that long.
    #[inline]
    pub(crate) unsafe fn written_up_to(self, len: usize) -> Result<Skb> {
        let header = self.data().cast::<nlmsghdr>();
        let total = len.checked_add(NETLINK_HEADER_LEN).ok_or(EMSGSIZE)?;
        // SAFETY: By the type invariants there is a header.
        let room = unsafe { (*header).nlmsg_len } as usize;
        if total < room {
            let padded = total.checked_next_multiple_of(4).ok_or(EMSGSIZE)?;
            // SAFETY: The message becomes shorter; its padding is within what there was.
            unsafe {
                (*header).nlmsg_len = total as u32;
                self.data()
                    .add(total)
                    .write_bytes(0, padded.saturating_sub(total));
                bindings::skb_trim(self.0 .0.as_ptr(), padded as c_uint);
            }
        } else if total > room {
            return Err(EMSGSIZE);
        }
        // INVARIANT: By the safety requirements; the padding is written.
        Ok(self.0)
    }

    /// Takes the ownership back.
    ///
    /// # Safety
    ///
    /// `skb` must come from [`Self::into_raw`], once, and not have been sent.
    #[inline]
    pub(crate) unsafe fn from_raw(skb: NonNull<sk_buff>) -> Self {
        // INVARIANT: By the safety requirements.
        Self(Skb(skb))
    }

    /// Gives up the ownership.
    #[inline]
    pub(crate) fn into_raw(self) -> *mut sk_buff {
        self.0.into_raw()
    }
}
