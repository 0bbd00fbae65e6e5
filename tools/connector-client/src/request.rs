// SPDX-License-Identifier: GPL-2.0

//! Requests, and the tickets for their replies.

use std::time::Duration;

use crate::wire::is_reply;
use crate::{Error, Id, Message, PayloadTooLong, Socket};

/// A message that expects a reply.
///
/// The socket chooses the `seq`. The reply is a message of the same id, with the same `seq`, to this socket alone.
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

/// The expected answers of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected {
    pub(crate) id: Id,
    /// Whether an acknowledgement is expected as well.
    pub(crate) acknowledged: bool,
    pub(crate) from_group: bool,
}

impl Expected {
    /// Whether a message that arrived by `group` is the reply to the request with this `seq`.
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

    /// Sets the flags of the message.
    #[inline]
    #[must_use]
    pub fn with_flags(mut self, flags: u16) -> Self {
        self.message.flags = flags;
        self
    }

    /// Requests no acknowledgement, which saves a datagram. The wait for a reply of an unregistered id then ends with
    /// [`Error::TimedOut`]. (The C connector never sends acknowledgements.)
    #[inline]
    #[must_use]
    pub fn without_acknowledgement(mut self) -> Self {
        self.acknowledged = false;
        self
    }

    /// Accepts a multicast message as the reply, as some modules send it. The socket has to join the group first. Any message
    /// of the id with this `seq` is then the reply.
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

/// A request whose reply is pending.
#[must_use = "the reply is kept until it is waited for, or the ticket is given back with Socket::forget"]
#[derive(Debug)]
pub struct Ticket {
    pub(crate) seq: u32,
    /// How many datagrams the socket had lost when the request was sent.
    pub(crate) lost_before: u64,
}

impl Ticket {
    /// The `seq` of the request.
    pub fn seq(&self) -> u32 {
        self.seq
    }

    /// Waits for the reply. The tickets of a socket may be waited for in any order: other replies and events that arrive
    /// meanwhile are kept. The reply may borrow the buffer of the socket; [`Message::into_owned`] copies it. If a callback
    /// replies and then fails, the result is the reply.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] if the kernel or the callback refuses the request; [`Error::TimedOut`], and a later reply is then an
    /// event; the errors of [`Socket::receive`].
    #[inline]
    pub fn wait(self, socket: &mut Socket, within: Duration) -> Result<Message<'_>, Error> {
        socket.wait_for(self, within)
    }
}
