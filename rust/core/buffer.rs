// SPDX-License-Identifier: GPL-2.0

//! A message of ours in a socket buffer, ready to be sent.
//!
//! C counterparts: `nlmsg_new()` and `nlmsg_put()` in `include/net/netlink.h`.

use connector::bindings as glue;
use core::ptr::NonNull;
use kernel::{
    bindings::{self, gfp_t, netlink_skb_parms, nlmsghdr, sk_buff},
    prelude::*,
};

/// A socket buffer with one netlink message.
///
/// # Invariants
///
/// The pointer owns a buffer that nobody else knows. It holds a netlink message whose payload is
/// initialised.
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
        let len_int = c_int::try_from(len).map_err(|_| EMSGSIZE)?;
        // SAFETY: Any length and any flags will do.
        let skb = NonNull::new(unsafe { glue::cn_glue_nlmsg_new(len, gfp) }).ok_or(ENOMEM)?;
        // SAFETY: The buffer was just made, for a payload of this length.
        let header = unsafe { glue::cn_glue_nlmsg_put(skb.as_ptr(), seq, len_int) };
        let Some(header) = NonNull::new(header) else {
            // SAFETY: The buffer is ours.
            unsafe { bindings::nlmsg_free(skb.as_ptr()) };
            return Err(EMSGSIZE);
        };
        // SAFETY: There are `len` bytes behind the header. The first part fits in there.
        unsafe {
            let payload = header.add(1).as_ptr().cast::<u8>();
            payload.copy_from_nonoverlapping(first.as_ptr(), first.len());
            payload
                .add(first.len())
                .copy_from_nonoverlapping(second.as_ptr(), second.len());
        }
        // INVARIANT: The payload was just written.
        Ok(Self(skb))
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

static_assert!(size_of::<nlmsghdr>() == connector::wire::NETLINK_HEADER_LEN);
