// SPDX-License-Identifier: GPL-2.0

//! Requests and acknowledged messages, and waiting for their answers.

use std::time::{Duration, Instant};

use super::attempt::{Attempt, NoDatagram};
use super::{Socket, UNTIMED};
use crate::events::is_over;
use crate::kernel::why_hidden;
use crate::request::Expected;
use crate::wire::{sole_message, SOLE_PAYLOAD};
use crate::{Error, Id, Message, Prepared, Request, Ticket};

/// The awaited answer.
enum Done {
    /// The reply is the datagram in the buffer; here without its payload.
    InBuffer(Message<'static>),
    /// A reply that was received before.
    Kept(Message<'static>),
    /// An acknowledgement.
    Acknowledged,
}

impl Socket {
    /// Sends a message and waits for the kernel's acknowledgement.
    ///
    /// ```no_run
    /// use connector_client::{Error, Id, Message, Socket};
    /// use std::time::Duration;
    ///
    /// let mut socket = Socket::open()?;
    /// match socket.send_acknowledged(&Message::new(Id::new(99, 9), b"".as_slice())?, Duration::from_secs(1)) {
    ///     Err(Error::Refused(refusal)) => println!("{refusal}"),
    ///     other => other?,
    /// }
    /// # Ok::<(), connector_client::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with the kernel's reason; [`Error::NotOffered`] if the connector does not acknowledge, and
    /// [`Error::ProcHidden`] if that is unknown (nothing is sent in both cases); [`Error::TimedOut`]; the errors of
    /// [`Socket::send`].
    pub fn send_acknowledged(
        &mut self,
        message: &Message<'_>,
        within: Duration,
    ) -> Result<(), Error> {
        match self.acknowledges {
            Some(true) => {}
            Some(false) => {
                return Err(Error::NotOffered {
                    what: "acknowledgements",
                })
            }
            None => return Err(why_hidden()),
        }
        self.make_room()?;
        let lost_before = self.drops.total();
        let seq = self.pending.next_seq();
        self.pending.expect_acknowledgement(seq, message.id);
        self.transmit_expected(message, seq, true)?;
        self.wait_on(
            Ticket { seq, lost_before },
            None,
            within,
            "an acknowledgement",
        )
        .map(|_| ())
    }

    /// Sends a request, and returns the ticket for its reply. Any number of requests may be pending. Received datagrams are
    /// read before a request is sent.
    ///
    /// # Errors
    ///
    /// As [`Socket::send`]; [`Error::PayloadTooLong`].
    pub fn request(&mut self, id: Id, payload: &[u8]) -> Result<Ticket, Error> {
        self.start(Request::new(id, payload)?)
    }

    /// As [`Socket::request`], for a [`Request`].
    ///
    /// # Errors
    ///
    /// As [`Socket::send`].
    #[inline]
    pub fn start(&mut self, request: Request<'_>) -> Result<Ticket, Error> {
        self.make_room()?;
        let expected = self.expected(request.expected());
        let ticket = self.expect_reply(expected);
        let message = request.message.with_seq(ticket.seq);
        self.transmit_expected(&message, ticket.seq, expected.acknowledged)?;
        Ok(ticket)
    }

    /// As [`Socket::request`], for a prepared request. It may be pending several times.
    ///
    /// # Errors
    ///
    /// As [`Socket::send`].
    #[inline]
    pub fn start_prepared(&mut self, request: &mut Prepared) -> Result<Ticket, Error> {
        self.make_room()?;
        let expected = self.expected(request.expected);
        let ticket = self.expect_reply(expected);
        request.datagram.renumber(ticket.seq, expected.acknowledged);
        self.send_bytes(request.datagram.as_bytes())
            .inspect_err(|_| self.pending.forget(ticket.seq))?;
        Ok(ticket)
    }

    /// Sends a prepared request and waits for its reply, without a ticket. This costs less than two calls: usually the reply is
    /// the next datagram, and nothing has to be stored.
    ///
    /// # Errors
    ///
    /// As [`Socket::send`] and [`Ticket::wait`].
    pub fn ask(&mut self, request: &mut Prepared, within: Duration) -> Result<Message<'_>, Error> {
        self.make_room()?;
        let expected = self.expected(request.expected);
        let lost_before = self.drops.total();
        let seq = self.pending.next_seq();
        request.datagram.renumber(seq, expected.acknowledged);
        self.send_bytes(request.datagram.as_bytes())?;
        let first = self.datagram();
        if let Ok(group) = first {
            let reply = sole_message(&self.buffer)
                .filter(|message| expected.is_met_by(message, seq, group));
            if let Some(reply) = reply.map(without_payload) {
                if expected.acknowledged {
                    self.pending.expect_unwanted(seq);
                }
                return Ok(self.with_payload(reply));
            }
        }
        self.pending.expect_reply(seq, expected);
        self.wait_after(Ticket { seq, lost_before }, Some(first), within)
    }

    /// The answers to expect from this kernel.
    #[inline]
    fn expected(&self, wanted: Expected) -> Expected {
        Expected {
            acknowledged: wanted.acknowledged && self.acknowledges == Some(true),
            ..wanted
        }
    }

    #[inline]
    fn expect_reply(&mut self, expected: Expected) -> Ticket {
        let seq = self.pending.next_seq();
        self.pending.expect_reply(seq, expected);
        Ticket {
            seq,
            lost_before: self.drops.total(),
        }
    }

    /// Gives back a ticket whose reply is not needed. A later reply is an event.
    pub fn forget(&mut self, ticket: Ticket) {
        self.pending.forget(ticket.seq);
    }

    #[inline]
    pub(crate) fn wait_for(
        &mut self,
        ticket: Ticket,
        within: Duration,
    ) -> Result<Message<'_>, Error> {
        // A callback that replies does so inside the call that sends, so the reply is usually the next datagram.
        let first = if self.pending.has_outcome(ticket.seq) {
            None
        } else {
            Some(self.datagram())
        };
        if let Some(Ok(group)) = first {
            if let Some(reply) = self.reply_in_buffer(ticket.seq, group) {
                return Ok(self.with_payload(reply));
            }
        }
        self.wait_after(ticket, first, within)
    }

    /// Continues to wait after a first datagram that was not the reply, if there was one.
    #[inline(never)]
    fn wait_after(
        &mut self,
        ticket: Ticket,
        first: Option<Result<Option<u32>, NoDatagram>>,
        within: Duration,
    ) -> Result<Message<'_>, Error> {
        match self.wait_on(ticket, first, within, "a reply")? {
            Done::InBuffer(reply) => Ok(self.with_payload(reply)),
            Done::Kept(reply) => Ok(reply),
            // Tickets are for replies, not for acknowledgements.
            Done::Acknowledged => Err(Error::TimedOut {
                waiting_for: "a reply",
                after: within,
                lost: 0,
            }),
        }
    }

    /// The message in the buffer, with its payload.
    #[inline]
    fn with_payload(&self, message: Message<'static>) -> Message<'_> {
        Message {
            payload: self.buffer.get(SOLE_PAYLOAD..).unwrap_or_default().into(),
            ..message
        }
    }

    /// Sends a message whose answer is pending already. If sending fails, the answer is not pending any more.
    #[inline]
    fn transmit_expected(
        &mut self,
        message: &Message<'_>,
        seq: u32,
        acknowledged: bool,
    ) -> Result<(), Error> {
        self.transmit(std::slice::from_ref(message), seq, acknowledged)
            .inspect_err(|_| self.pending.forget(seq))
    }

    /// Returns the datagram in the buffer without its payload, if it is the awaited reply.
    #[inline]
    fn reply_in_buffer(&mut self, seq: u32, group: Option<u32>) -> Option<Message<'static>> {
        let message = sole_message(&self.buffer)?;
        let is_reply = self.pending.is_awaited(seq, &message, group);
        is_reply.then(|| without_payload(message))
    }

    /// The same for a reply or an acknowledgement.
    fn wait_on(
        &mut self,
        ticket: Ticket,
        first: Option<Result<Option<u32>, NoDatagram>>,
        within: Duration,
        waiting_for: &'static str,
    ) -> Result<Done, Error> {
        let seq = ticket.seq;
        self.wait_until_done(ticket, first, within, waiting_for)
            .inspect_err(|_| self.pending.forget(seq))
    }

    fn wait_until_done(
        &mut self,
        Ticket { seq, lost_before }: Ticket,
        mut first: Option<Result<Option<u32>, NoDatagram>>,
        within: Duration,
        waiting_for: &'static str,
    ) -> Result<Done, Error> {
        let mut deadline = None;
        let mut others = 0;
        loop {
            if let Some(outcome) = self.pending.take(seq) {
                let reply = outcome.map_err(Error::Refused)?;
                return Ok(reply.map_or(Done::Acknowledged, Done::Kept));
            }
            let attempt = match first.take() {
                Some(datagram) => self.attempt_of(datagram)?,
                None => self.attempt()?,
            };
            if let Attempt::Datagram(group) = attempt {
                if let Some(reply) = self.reply_in_buffer(seq, group) {
                    return Ok(Done::InBuffer(reply));
                }
            }
            let found = !matches!(attempt, Attempt::Empty);
            self.keep(attempt);
            if found && others < UNTIMED {
                others += 1;
                continue;
            }
            others = 0;
            let deadline = *deadline.get_or_insert_with(|| Instant::now().checked_add(within));
            let goes_on = if found {
                !is_over(deadline)
            } else {
                self.wait_readable(deadline)?
            };
            if !goes_on {
                let lost = self.drops.total() - lost_before;
                return Err(Error::TimedOut {
                    waiting_for,
                    after: within,
                    lost,
                });
            }
        }
    }
}

/// A message without its payload, which borrows nothing. [`Socket::with_payload`] restores the payload.
fn without_payload(message: Message<'_>) -> Message<'static> {
    Message {
        payload: (&[]).into(),
        ..message
    }
}
