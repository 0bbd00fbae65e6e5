// SPDX-License-Identifier: GPL-2.0

//! The kernel connector (netlink protocol 11) for programs. The connector takes messages from programs to callbacks of
//! kernel modules, and messages from modules to programs.
//!
//! The crate works with every connector. It uses acknowledgements and the notification channel where the kernel has them;
//! [`Kernel::detect`] says what the kernel has.
//!
//! | to | use |
//! |---|---|
//! | send messages, send requests, listen | [`Socket`] |
//! | do the same without blocking | `AsyncSocket`, with the feature `async` |
//! | watch which ids are registered and unregistered | [`Watch`] |
//! | receive process events | [`ProcessEvents`] |
//! | read the registered callbacks, and the counters | [`Registrations`], [`Statistics`] |
//! | detect what this kernel has | [`Kernel`] |
//! | read and write the bytes of messages | [`wire`] |
//! | capture the bytes of all datagrams | [`Socket::tap`] |
//!
//! The kernel does not wait for receivers, so messages can be lost. A loss is an event with the number of datagrams,
//! [`Event::Lost`]. Later messages are received as usual.
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
