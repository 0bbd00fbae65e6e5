// SPDX-License-Identifier: GPL-2.0

//! A message of ours in a socket buffer, ready to be sent.
//!
//! C counterparts: `nlmsg_new()` and `nlmsg_put()` in `include/net/netlink.h`.

use connector::{
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
/// The pointer owns a buffer that nobody else knows. It holds netlink messages whose payloads
/// are initialised.
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
    pub(crate) fn new(seq: u32, parts: [&[u8]; 2], gfp: gfp_t) -> Result<Self> {
        let [first, second] = parts;
        let len = first.len().checked_add(second.len()).ok_or(EMSGSIZE)?;
        let skb = Self::allocate(len, gfp)?;
        let payload = skb.put(seq, len)?;
        // SAFETY: There are `len` bytes behind the header. The first part fits in there, and behind
        // it the second.
        unsafe {
            payload.copy_from_nonoverlapping(first.as_ptr(), first.len());
            payload
                .add(first.len())
                .copy_from_nonoverlapping(second.as_ptr(), second.len());
        }
        // INVARIANT: The payload was just written.
        Ok(skb)
    }

    /// Makes a message whose payload is `len` zeroes. Context and errors as for [`Self::new`].
    pub(crate) fn zeroed(seq: u32, len: usize, gfp: gfp_t) -> Result<Self> {
        let skb = Self::allocate(len, gfp)?;
        let payload = skb.put(seq, len)?;
        // SAFETY: There are `len` bytes behind the header.
        unsafe { payload.write_bytes(0, len) };
        // INVARIANT: The payload was just written.
        Ok(skb)
    }

    /// Makes a buffer with a netlink message for each of `messages`. Context and errors as for
    /// [`Self::new`].
    pub(crate) fn several(messages: &[Header], gfp: gfp_t) -> Result<Self> {
        // Both headers are a multiple of four bytes long, so that there is no padding.
        const ONE: usize = NETLINK_HEADER_LEN + HEADER_LEN;

        let len = messages.len().checked_mul(ONE).ok_or(EMSGSIZE)?;
        let skb = Self::allocate(len, gfp)?;
        for message in messages {
            let bytes = message.as_bytes();
            let payload = skb.put(message.seq, bytes.len())?;
            // SAFETY: There are as many bytes behind the header.
            unsafe { payload.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        }
        // INVARIANT: All payloads were written.
        Ok(skb)
    }

    /// A buffer with room for netlink messages of `len` bytes, and none in it yet.
    #[inline]
    fn allocate(len: usize, gfp: gfp_t) -> Result<Self> {
        // SAFETY: Any length and any flags will do.
        let skb = unsafe { glue::cn_glue_nlmsg_new(len, gfp) };
        // INVARIANT: The buffer was just made. Its payload is empty.
        Ok(Self(NonNull::new(skb).ok_or(ENOMEM)?))
    }

    /// Adds a netlink header, and returns where its payload of `len` bytes is to be written.
    #[inline]
    fn put(&self, seq: u32, len: usize) -> Result<*mut u8> {
        let len = c_int::try_from(len).map_err(|_| EMSGSIZE)?;
        // SAFETY: By the type invariants the buffer is ours; netlink checks whether there is room.
        let header = unsafe { glue::cn_glue_nlmsg_put(self.0.as_ptr(), seq, len) };
        let header = NonNull::new(header).ok_or(EMSGSIZE)?;
        // SAFETY: The payload is behind the header.
        Ok(unsafe { header.add(1) }.as_ptr().cast())
    }

    /// The netlink header and the payload of the only message.
    fn message(&mut self) -> Option<(&mut nlmsghdr, &mut [u8])> {
        // SAFETY: By the type invariants the buffer is ours.
        let (data, len) = unsafe { ((*self.0.as_ptr()).data, (*self.0.as_ptr()).len) };
        let len = (len as usize).checked_sub(NETLINK_HEADER_LEN)?;
        // SAFETY: There is a header, and `len` initialised bytes behind it, padding included.
        unsafe {
            let header = data.cast::<nlmsghdr>();
            let payload = core::slice::from_raw_parts_mut(header.add(1).cast::<u8>(), len);
            Some((&mut *header, payload))
        }
    }

    /// Where the payload of the only message starts.
    pub(crate) fn payload(&mut self) -> *mut u8 {
        self.message()
            .map_or(core::ptr::null_mut(), |(_, payload)| payload.as_mut_ptr())
    }

    /// Cuts the payload of the only message after `len` bytes.
    ///
    /// # Errors
    ///
    /// [`EMSGSIZE`]: it is not that long.
    pub(crate) fn shorten(&mut self, len: usize) -> Result {
        let total = len.checked_add(NETLINK_HEADER_LEN).ok_or(EMSGSIZE)?;
        let padded = total.checked_next_multiple_of(4).ok_or(EMSGSIZE)?;
        let (header, payload) = self.message().ok_or(EMSGSIZE)?;
        if total > header.nlmsg_len as usize {
            return Err(EMSGSIZE);
        }
        header.nlmsg_len = total as u32;
        // What is cut off of the last four bytes is sent as padding.
        let cut_off = payload.get_mut(len..).unwrap_or_default();
        for (byte, _) in cut_off.iter_mut().zip(0..3) {
            *byte = 0;
        }
        // SAFETY: By the type invariants the buffer is ours; it holds at least as many bytes.
        unsafe { bindings::skb_trim(self.0.as_ptr(), padded as c_uint) };
        Ok(())
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

    /// Takes the ownership back.
    ///
    /// # Safety
    ///
    /// `skb` must come from [`Self::into_raw`], once, and not have been sent.
    pub(crate) unsafe fn from_raw(skb: NonNull<sk_buff>) -> Self {
        // INVARIANT: By the safety requirements.
        Self(skb)
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

static_assert!(size_of::<nlmsghdr>() == NETLINK_HEADER_LEN);
