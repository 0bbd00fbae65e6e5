// SPDX-License-Identifier: GPL-2.0

//! The notification channel: a callback like any other, by which programs ask to be notified of ids
//! that come and go.
//!
//! C counterpart: `cn_callback()` in `drivers/connector/connector.c`, until it was removed in 2010.

use crate::{
    entry::{Callback, Handler, Name, Outcomes},
    frame::Deferred,
    instance::{self, Connector},
    requests::Owner,
};
use connector_base::{
    bindings::{cn_ctl_msg, cn_msg, cn_notify_req, CN_NOTIFY_SNAPSHOT},
    notify_request::{Control, Range, Request},
    wire::{Header, HEADER_LEN},
    Id,
};
use core::slice;
use kernel::{
    bindings::{netlink_skb_parms, CAP_NET_ADMIN},
    error::from_result,
    prelude::*,
};

/// The channel is registered as long as this exists.
pub(crate) struct Channel {
    id: Id,
    serial: u64,
}

impl Channel {
    /// Registers the channel.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: no memory.
    pub(crate) fn new(connector: &Connector, id: Id) -> Result<Self> {
        let handler = Handler {
            receive,
            capability: Some(CAP_NET_ADMIN as c_int),
            release,
            cookie: core::ptr::null_mut(),
            opens_group: false,
            description: c"notification of ids that come and go".as_char_ptr(),
            outcomes: Outcomes::new(),
            deferred: Deferred::new(),
        };
        let callback = Callback::Handler(KBox::new(handler, GFP_KERNEL)?);
        let name = Name::new(b"connector".iter().copied());
        let serial = connector.register(id, name, callback)?;
        Ok(Self { id, serial })
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        if let Some(connector) = instance::get() {
            connector.unregister(self.id, Some(self.serial));
        }
    }
}

/// Handles a request.
///
/// # Safety
///
/// `message` must point to a message that is followed by as many bytes as it says, and `parms` to
/// its control block.
unsafe extern "C" fn receive(
    _cookie: *mut c_void,
    message: *mut cn_msg,
    parms: *mut netlink_skb_parms,
) -> c_int {
    // SAFETY: By the safety requirements; `Header` has the layout of `cn_msg`.
    let header = unsafe { message.cast::<Header>().read() };
    // SAFETY: By the safety requirements.
    let payload = unsafe {
        slice::from_raw_parts(
            message.cast::<u8>().add(HEADER_LEN),
            usize::from(header.len),
        )
    };
    // SAFETY: By the safety requirements.
    let (owner, portid) = unsafe { (Owner::new((*parms).sk), (*parms).portid) };
    from_result(|| {
        let connector = instance::get().ok_or(EAGAIN)?;
        let request = Request::read(payload).ok_or(EINVAL)?;
        if request.group == 0 {
            connector.notifier().unsubscribe(owner, &request)?;
            return Ok(0);
        }
        if request.group > connector.groups().count() {
            return Err(EINVAL);
        }
        let wants_snapshot = u32::from(header.flags) & CN_NOTIFY_SNAPSHOT != 0;
        connector.notifier().subscribe(
            connector.registry(),
            owner,
            &request,
            wants_snapshot.then_some(portid),
        )?;
        Ok(0)
    })
}

/// There is nothing to let go of.
///
/// # Safety
///
/// None.
unsafe extern "C" fn release(_cookie: *mut c_void) {}

// What is read of a request, and what the header for programs says, are the same bytes.
static_assert!(size_of::<Range>() == size_of::<cn_notify_req>());
static_assert!(size_of::<Control>() == size_of::<cn_ctl_msg>());
