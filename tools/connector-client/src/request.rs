// SPDX-License-Identifier: GPL-2.0

//! Requests, and the tickets by which their replies are waited for.

use std::time::Duration;

use crate::wire::is_reply;
use crate::{Error, Id, Message, PayloadTooLong, Socket};

/// A message that expects a reply.
///
/// Its `seq` is chosen by the socket; the reply is the message of the same id with the same `seq` that comes to this
/// socket alone.
///
/// ```no_run
/// use connector_client::{Id, Request, Socket};
/// use std::time::Duration;
///
/// let mut socket = Socket::open()?;
/// let request = Request::new(Id::new(20, 1), b"ping".as_slice())?;
/// let ticket = socket.start(request)?;
/// let reply = ticket.wait(&mut socket, Duration::from_secs(1))?;
/// assert_eq!(reply.payload.as_ref(), b"ping");
/// # Ok::<(), connector_client::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Request<'a> {
    pub(crate) message: Message<'a>,
    pub(crate) acknowledged: bool,
    pub(crate) from_group: bool,
}

/// What a request waits for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected {
    pub(crate) id: Id,
    /// An acknowledgement comes as well.
    pub(crate) acknowledged: bool,
    pub(crate) from_group: bool,
}

impl Expected {
    /// Whether a message, which came by this group, is the reply to the request with this number.
    #[inline]
    pub(crate) fn is_met_by(&self, message: &Message<'_>, seq: u32, group: Option<u32>) -> bool {
        is_reply(self.id, seq, message) && (self.from_group || group.is_none())
    }
}

impl<'a> Request<'a> {
    /// A request to a callback.
    ///
    /// # Errors
    ///
    /// [`PayloadTooLong`].
    #[inline]
    pub fn new(
        id: Id,
        payload: impl Into<std::borrow::Cow<'a, [u8]>>,
    ) -> Result<Self, PayloadTooLong> {
        Ok(Self {
            message: Message::new(id, payload)?,
            acknowledged: true,
            from_group: false,
        })
    }

    /// With these flags in the message.
    #[inline]
    #[must_use]
    pub fn with_flags(mut self, flags: u16) -> Self {
        self.message.flags = flags;
        self
    }

    /// Does not ask for an acknowledgement, which saves a datagram. Then an id that nobody has registered is found out
    /// by waiting in vain. (The C connector has no acknowledgements in any case.)
    #[inline]
    #[must_use]
    pub fn without_acknowledgement(mut self) -> Self {
        self.acknowledged = false;
        self
    }

    /// The reply may be multicast, as some modules do; join the group first. Every message of the id with this `seq`
    /// is then taken for the reply.
    #[inline]
    #[must_use]
    pub fn from_group(mut self) -> Self {
        self.from_group = true;
        self
    }

    #[inline]
    pub(crate) fn expected(&self) -> Expected {
        Expected {
            id: self.message.id,
            acknowledged: self.acknowledged,
            from_group: self.from_group,
        }
    }
}

/// Stands for a request whose reply is to come.
#[must_use = "the reply is kept until it is waited for, or the ticket is given back with Socket::forget"]
#[derive(Debug)]
pub struct Ticket {
    pub(crate) seq: u32,
    /// How many datagrams the socket had lost when the request was sent.
    pub(crate) lost_before: u64,
}

impl Ticket {
    /// The `seq` that the request was sent with.
    pub fn seq(&self) -> u32 {
        self.seq
    }

    /// Waits for the reply. Tickets may be waited for in any order: replies to others, and events, that come first
    /// are kept. The reply may borrow the buffer of the socket; [`Message::into_owned`] copies it. A callback that
    /// replies and then fails has replied.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] if the kernel did not take the request, [`Error::TimedOut`]; the reply may then still come,
    /// as an event. Errors of the socket.
    #[inline]
    pub fn wait(self, socket: &mut Socket, within: Duration) -> Result<Message<'_>, Error> {
        socket.wait_for(self, within)
    }
}
