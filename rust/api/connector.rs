// SPDX-License-Identifier: GPL-2.0

//! The connector: messages between kernel modules and user space, without touching an skb.
//!
//! A kernel module registers a [`Handler`] under an [`Id`]. From then on it receives the messages
//! that programs send to that id over a netlink socket of the protocol `NETLINK_CONNECTOR`. It
//! replies through the [`Sender`], and sends to listeners on its own.
//!
//! ```
//! use connector::{Handler, Id, Message, Sender};
//! use kernel::prelude::*;
//!
//! struct Echo;
//!
//! impl Handler for Echo {
//!     fn receive(&self, message: &Message<'_>, sender: &Sender<'_>) -> Result {
//!         sender.reply(message, message.payload())
//!     }
//! }
//!
//! connector::module_connector! {
//!     name: "my_echo",
//!     authors: ["Me"],
//!     description: "Replies with the payload of the request",
//!     license: "GPL",
//!     handlers: [
//!         { ids: [Id::new(20, 1)], name: c"my_echo", handler: Echo },
//!     ],
//! }
//! ```
//!
//! | to do this | use |
//! |---|---|
//! | receive | [`Handler`], [`Message`], [`Sender`] |
//! | register | [`Registration`], [`Options`], [`Access`], or [`module_connector!`] |
//! | send a payload that is in memory | [`Outgoing`] |
//! | write a payload in place | [`Draft`], [`Writer`] |
//! | send several messages at once | [`Bundle`] |
//! | choose the receivers | [`Port`], [`Listeners`] |
//! | be notified of registrations | [`Watch`], [`Watcher`] |
//! | visit listeners, be notified of closed sockets | [`visit_listeners`], [`SocketWatch`] |
//! | learn what the running kernel lacks | [`capabilities()`] |
//!
//! Users of this crate write no `unsafe`. Their module names the symbol namespace `CONNECTOR`:
//! `imports_ns: ["CONNECTOR"]` in `module!`; [`module_connector!`] does that by itself.
//!
//! Every public function is generic or `#[inline]`, so that a module which is compiled against the
//! metadata of this crate needs no symbol of it except those that `cn.ko` exports. `cn_guest.ko`
//! exports the same, where the kernel has the C connector built in; [`capabilities()`] says what
//! that cannot do.
//!
//! C counterpart: `include/linux/connector.h`.

// Not `forbid`: the two files `raw` and `callbacks` allow it.
#![deny(unsafe_code)]
#![deny(missing_docs)]

mod access;
mod bundle;
mod callbacks;
mod capabilities;
mod draft;
mod group;
mod handler;
mod module_connector;
mod outgoing;
mod raw;
mod registration;
mod reply;
mod send_error;
mod watch;

pub use access::{Access, Capability, Options};
pub use bundle::Bundle;
pub use callbacks::Listener;
pub use capabilities::{capabilities, Capabilities};
#[doc(inline)]
pub use connector_base::Id;
use connector_base::{bindings, wire};
pub use draft::{Draft, Writer};
pub use group::{group_has_listeners, has_listeners, visit_listeners, Listeners};
pub use handler::{Handler, Message, Sender};
#[doc(hidden)]
pub use module_connector::Registrations;
pub use outgoing::{Outgoing, Port, PortShownIn, PortWithin, Target};
pub use raw::SocketId;
pub use registration::{AnyRegistration, Registration};
pub use send_error::SendError;
pub use watch::{Change, SocketChange, SocketWatch, SocketWatcher, Watch, Watcher};
