// SPDX-License-Identifier: GPL-2.0

//! A message of ours in a socket buffer, ready to be sent.
//!
//! C counterparts: `nlmsg_new()` and `nlmsg_put()` in `include/net/netlink.h`. The header is
//! written here, since the length of the buffer is known when it is made.

#![allow(unsafe_code)]

use connector_base::{
    bindings as glue,
    wire::{Header, HEADER_LEN, NETLINK_HEADER_LEN},
};
use core::ptr::NonNull;
use kernel::{
    bindings::{self, gfp_t, netlink_skb_parms, nlmsghdr, sk_buff},
    prelude::*,
};

/// A socket buffer with netlink messages, most often one.
///
/// # Invariants
///
/// The pointer owns a buffer, and is the only one to it. The buffer is linear and holds netlink
/// messages, padding included, all of whose bytes are initialised.
pub(crate) struct Buffer(NonNull<sk_buff>);

impl Buffer {
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

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: By the type invariants the buffer is ours.
        unsafe { bindings::nlmsg_free(self.0.as_ptr()) };
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
/// As for [`Buffer`], except that the payload need not be initialised.
pub(crate) struct Unwritten(Buffer);

impl Unwritten {
    /// Makes a message with room for `len` bytes of payload. Context and errors as for
    /// [`Buffer::new`].
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
        Ok(Self(Buffer(NonNull::new(skb).ok_or(ENOMEM)?)))
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
    pub(crate) unsafe fn written(self) -> Buffer {
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
    pub(crate) unsafe fn written_up_to(self, len: usize) -> Result<Buffer> {
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
        Self(Buffer(skb))
    }

    /// Gives up the ownership.
    #[inline]
    pub(crate) fn into_raw(self) -> *mut sk_buff {
        self.0.into_raw()
    }
}

static_assert!(size_of::<nlmsghdr>() == NETLINK_HEADER_LEN);
