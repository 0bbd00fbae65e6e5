// SPDX-License-Identifier: GPL-2.0

//! Talks to the kernel connector: netlink protocol 11, by which programs send messages to callbacks of kernel modules
//! and hear what these send.
//!
//! It works with every connector. What a kernel has beyond the oldest one (acknowledgements, the notification channel)
//! is used when it is there; [`Kernel::detect`] says what is.
//!
//! | to | use |
//! |---|---|
//! | send, ask, listen | [`Socket`] |
//! | the same without blocking | `AsyncSocket`, with the feature `async` |
//! | hear which ids come and go | [`Watch`] |
//! | hear of processes | [`ProcessEvents`] |
//! | read what is registered, and counted | [`Registrations`], [`Statistics`] |
//! | know what this kernel has | [`Kernel`] |
//! | read and write bytes oneself | [`wire`] |
//! | keep the bytes of all datagrams | [`Socket::tap`] |
//!
//! Losing messages is part of the protocol: the kernel waits for nobody. So a loss is an event with a number,
//! [`Event::Lost`], and what comes after it is received as before.
//!
//! # Examples
//!
//! ```no_run
//! use connector_client::{Id, Socket};
//! use std::time::Duration;
//!
//! let mut socket = Socket::open()?;
//! let reply = socket.request(Id::new(20, 1), b"Hello, kernel!")?.wait(&mut socket, Duration::from_secs(5))?;
//! println!("{}", String::from_utf8_lossy(&reply.payload));
//! # Ok::<(), connector_client::Error>(())
//! ```

mod entries;
mod error;
mod escape;
mod event;
mod events;
mod filter;
mod id;
mod kernel;
mod loss;
mod message;
mod notification;
mod options;
mod pending;
mod prepared;
mod process;
mod process_events;
mod received;
mod registrations;
mod request;
mod socket;
mod statistics;
#[cfg(feature = "async")]
mod stream;
mod tap;
mod watch;
pub mod wire;

pub use error::{Error, Refusal};
pub use event::{Answer, Arrival, Event};
pub use events::Events;
pub use filter::Filter;
pub use id::{Id, ParseIdError};
pub use kernel::{Connector, Kernel, Rights};
pub use message::{Message, PayloadTooLong};
pub use notification::Range;
pub use options::Options;
pub use prepared::Prepared;
pub use process::{ProcessEvent, ProcessKind, Task};
pub use process_events::{ProcessEvents, ProcessNews};
pub use received::{Contents, Received, ReceivedIter};
pub use registrations::{Registration, Registrations};
pub use request::{Request, Ticket};
pub use socket::Socket;
pub use statistics::{CallbackStatistics, Statistics};
#[cfg(feature = "async")]
pub use stream::AsyncSocket;
pub use tap::Direction;
pub use watch::{Change, Watch};
