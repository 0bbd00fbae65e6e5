// SPDX-License-Identifier: GPL-2.0

//! The connector: messages between kernel modules and user space, without touching an skb.
//!
//! A kernel module registers a [`Handler`] under an [`Id`] and from then on receives what programs
//! send to that id over a netlink socket of the protocol `NETLINK_CONNECTOR`. It answers through
//! the [`Sender`], and sends on its own to everyone who listens, see [`Outgoing`].
//!
//! ```
//! use connector::{Handler, Id, Message, Registration, Sender};
//! use kernel::{prelude::*, sync::Arc};
//!
//! struct Echo;
//!
//! impl Handler for Echo {
//!     fn receive(&self, message: &Message<'_>, sender: &Sender<'_>) -> Result {
//!         sender.reply(message, message.payload())
//!     }
//! }
//!
//! # fn register() -> Result<Registration<Echo>> {
//! let echo = Arc::new(Echo, GFP_KERNEL)?;
//! Registration::new(Id::new(20, 1), c"echo", echo)
//! # }
//! ```
//!
//! Users of this crate write no `unsafe`. Their module names the symbol namespace `CONNECTOR`:
//! `imports_ns: ["CONNECTOR"]` in `module!`.
//!
//! Every public function is generic or `#[inline]`, so that a module which is compiled against the
//! metadata of this crate needs no symbol of it except those that `cn.ko` exports.
//!
//! C counterpart: `include/linux/connector.h`.

#![deny(missing_docs)]

#[doc(hidden)]
pub mod bindings;
mod id;
mod message;
mod outgoing;
mod registration;
mod sender;
#[doc(hidden)]
pub mod wire;

pub use id::Id;
pub use message::Message;
pub use outgoing::Outgoing;
pub use registration::{Handler, Registration};
pub use sender::Sender;
