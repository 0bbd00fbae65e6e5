// SPDX-License-Identifier: GPL-2.0

//! Who may do what.
//!
//! C counterpart: `netlink_capable()` in `include/linux/netlink.h`, which however does not ask for
//! the opener of a socket whose sender has given a destination address.

use connector_base::bindings::cn_glue_file_of_other;
use kernel::{
    bindings::{self, netlink_skb_parms},
    prelude::*,
};

/// Whether both the opener of the socket and the sender have a capability in the initial user
/// namespace.
///
/// A socket that was opened by the kernel has no file; its opener has all capabilities. Where the
/// opener had the very credentials that the sender has, one question answers both.
///
/// # Safety
///
/// `parms` must be the control block of a message whose sender is the running task.
pub(crate) unsafe fn is_capable(parms: *const netlink_skb_parms, capability: c_int) -> bool {
    // SAFETY: The sender is in `sendmsg()`, which keeps its socket and the file of it.
    let file = unsafe { cn_glue_file_of_other((*parms).sk) };
    let namespace = &raw mut bindings::init_user_ns;
    // SAFETY: As above; the initial user namespace lives for ever.
    (file.is_null() || unsafe { bindings::file_ns_capable(file, namespace, capability) })
        // SAFETY: As above.
        && unsafe { bindings::ns_capable(namespace, capability) }
}
