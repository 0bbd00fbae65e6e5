// SPDX-License-Identifier: GPL-2.0

//! The notification channel: a callback like any other, through which programs ask to be notified
//! of registered and unregistered ids.
//!
//! C counterpart: `cn_callback()` in `drivers/connector/connector.c`, until it was removed in 2010.

#![forbid(unsafe_code)]

use crate::{
    instance::{self, Connector},
    netlink::Sender,
    notify::RequestOwner,
    table::{Callback, Handler, Internal, Name},
};
use connector_base::{bindings::CN_NOTIFY_SNAPSHOT, notify_request::Request, wire::Header, Id};
use kernel::{bindings::CAP_NET_ADMIN, prelude::*};

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
        let handler = Handler::internal(
            &Requests,
            Some(CAP_NET_ADMIN as c_int),
            c"notification of registered and unregistered ids",
        );
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

/// Handles requests.
struct Requests;

impl Internal for Requests {
    fn receive(&self, header: Header, payload: &[u8], sender: Sender<'_>) -> Result {
        let connector = instance::get().ok_or(EAGAIN)?;
        let owner = RequestOwner::new(sender.socket());
        let request = Request::read(payload).ok_or(EINVAL)?;
        if request.group == 0 {
            return connector.notifier().unsubscribe(owner, &request);
        }
        if request.group > connector.groups().count() {
            return Err(EINVAL);
        }
        let wants_snapshot = u32::from(header.flags) & CN_NOTIFY_SNAPSHOT != 0;
        connector.notifier().subscribe(
            connector.registry(),
            owner,
            &request,
            wants_snapshot.then_some(sender.portid()),
        )
    }
}
