// SPDX-License-Identifier: GPL-2.0

//! Requests, and the replies that belong to them.

use std::time::Duration;

use crate::entries::Entries;
use crate::event::{Answer, Arrival};
use crate::wire::is_reply;
use crate::{Error, Id, Message, PayloadTooLong, Refusal, Socket};

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

impl<'a> Request<'a> {
    /// A request to a callback.
    ///
    /// # Errors
    ///
    /// [`PayloadTooLong`].
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
    #[must_use]
    pub fn with_flags(mut self, flags: u16) -> Self {
        self.message.flags = flags;
        self
    }

    /// Does not ask for an acknowledgement, which saves a datagram. Then an id that nobody has registered is found out
    /// by waiting in vain. (The C connector has no acknowledgements in any case.)
    #[must_use]
    pub fn without_acknowledgement(mut self) -> Self {
        self.acknowledged = false;
        self
    }

    /// The reply may be multicast, as some modules do; join the group first. Every message of the id with this `seq`
    /// is then taken for the reply.
    #[must_use]
    pub fn from_group(mut self) -> Self {
        self.from_group = true;
        self
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
    pub fn wait(self, socket: &mut Socket, within: Duration) -> Result<Message<'_>, Error> {
        socket.wait_for(self, within)
    }
}

/// What is waited for under a sequence number.
#[derive(Debug)]
enum Entry {
    /// A reply; an acknowledgement may come as well.
    Reply {
        id: Id,
        acknowledged: bool,
        from_group: bool,
    },
    /// An acknowledgement.
    Acknowledgement { id: Id },
    /// It is there: a reply, or nothing for an acknowledgement; or the refusal.
    Done {
        result: Result<Option<Message<'static>>, Refusal>,
        /// Whether the acknowledgement of the request is still to come.
        acknowledged: bool,
    },
    /// An acknowledgement that nobody wants any more.
    Unwanted,
}

impl Entry {
    fn done(result: Result<Option<Message<'static>>, Refusal>) -> Self {
        Self::Done {
            result,
            acknowledged: false,
        }
    }
}

/// All that is waited for.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    entries: Entries<Entry>,
    /// The number that was given last.
    last_seq: u32,
}

impl Pending {
    /// The next number that nothing is waited for under; 0 is what events have.
    pub(crate) fn next_seq(&mut self) -> u32 {
        loop {
            self.last_seq = self.last_seq.wrapping_add(1);
            if self.last_seq != 0 && self.entries.get_mut(self.last_seq).is_none() {
                return self.last_seq;
            }
        }
    }

    /// Whether anything is waited for, or was and may still come.
    pub(crate) fn any(&self) -> bool {
        !self.entries.is_empty()
    }

    pub(crate) fn expect_reply(&mut self, seq: u32, id: Id, acknowledged: bool, from_group: bool) {
        self.entries.insert(
            seq,
            Entry::Reply {
                id,
                acknowledged,
                from_group,
            },
        );
    }

    pub(crate) fn expect_acknowledgement(&mut self, seq: u32, id: Id) {
        self.entries.insert(seq, Entry::Acknowledgement { id });
    }

    /// Nothing was sent after all, or nobody waits any more.
    pub(crate) fn forget(&mut self, seq: u32) {
        self.entries.remove(seq);
    }

    /// Takes out what is there under a number.
    #[inline]
    pub(crate) fn take(&mut self, seq: u32) -> Option<Result<Option<Message<'static>>, Refusal>> {
        let entry = self.entries.get_mut(seq)?;
        let Entry::Done { acknowledged, .. } = *entry else {
            return None;
        };
        let taken = if acknowledged {
            std::mem::replace(entry, Entry::Unwanted)
        } else {
            self.entries.remove(seq)?
        };
        match taken {
            Entry::Done { result, .. } => Some(result),
            _ => None,
        }
    }

    /// Whether a message is the reply that is waited for under this number; then it is waited for no more.
    #[inline]
    pub(crate) fn is_awaited(
        &mut self,
        seq: u32,
        message: &Message<'_>,
        group: Option<u32>,
    ) -> bool {
        match self.entries.get_mut(seq) {
            Some(
                entry @ &mut Entry::Reply {
                    id,
                    acknowledged,
                    from_group,
                },
            ) if is_reply(id, seq, message) && (from_group || group.is_none()) => {
                // Its acknowledgement is still to come.
                if acknowledged {
                    *entry = Entry::Unwanted;
                } else {
                    self.entries.remove(seq);
                }
                true
            }
            _ => false,
        }
    }

    /// Keeps a message that is a reply; gives back one that is not.
    pub(crate) fn route_message<'a>(&mut self, arrival: Arrival<'a>) -> Option<Arrival<'a>> {
        // Listeners wait for nothing, and are in a hurry.
        if self.entries.is_empty() {
            return Some(arrival);
        }
        let seq = arrival.message.seq;
        match self.entries.get_mut(seq) {
            Some(
                entry @ &mut Entry::Reply {
                    id,
                    acknowledged,
                    from_group,
                },
            ) if is_reply(id, seq, &arrival.message) && (from_group || arrival.group.is_none()) => {
                *entry = Entry::Done {
                    result: Ok(Some(arrival.message.into_owned())),
                    acknowledged,
                };
                None
            }
            _ => Some(arrival),
        }
    }

    /// The same for an answer.
    pub(crate) fn route_answer(&mut self, answer: Answer) -> Option<Answer> {
        let Some(entry) = self.entries.get_mut(answer.seq) else {
            return Some(answer);
        };
        match entry {
            Entry::Acknowledgement { id } => {
                *entry = Entry::done(match answer.errno {
                    0 => Ok(None),
                    _ => Err(answer.into_refusal(*id)),
                });
            }
            Entry::Reply {
                id, acknowledged, ..
            } if *acknowledged => {
                *acknowledged = false;
                if answer.errno != 0 {
                    *entry = Entry::done(Err(answer.into_refusal(*id)));
                }
            }
            Entry::Unwanted => {
                self.entries.remove(answer.seq);
            }
            // That of a request whose reply is there already, which says more than an error that came after it.
            Entry::Done { acknowledged, .. } if *acknowledged => *acknowledged = false,
            _ => return Some(answer),
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: Id = Id::new(20, 1);

    fn reply(seq: u32) -> Arrival<'static> {
        Arrival {
            message: Message::new(ID, b"".as_slice()).unwrap().with_seq(seq),
            group: None,
        }
    }

    fn answer(seq: u32, errno: i32) -> Answer {
        Answer {
            seq,
            errno,
            text: None,
        }
    }

    #[test]
    fn reply_belongs_to_id_and_seq() {
        let mut pending = Pending::default();
        pending.expect_reply(3, ID, false, false);
        assert!(pending.route_message(reply(4)).is_some());
        let mut other = reply(3);
        other.message.id = Id::new(20, 2);
        assert!(pending.route_message(other).is_some());
        let multicast = Arrival {
            group: Some(20),
            ..reply(3)
        };
        assert!(pending.route_message(multicast).is_some());
        assert!(pending.take(3).is_none());
        assert!(pending.route_message(reply(3)).is_none());
        assert_eq!(pending.take(3), Some(Ok(Some(reply(3).message))));
        assert!(pending.entries.is_empty());
    }

    #[test]
    fn acknowledgement_after_the_reply_is_nobodys_event() {
        let mut pending = Pending::default();
        pending.expect_reply(3, ID, true, false);
        assert!(pending.route_message(reply(3)).is_none());
        assert!(pending.take(3).is_some());
        assert!(pending.route_answer(answer(3, 0)).is_none());
        assert!(pending.entries.is_empty());
        // Nobody has asked for this one.
        assert!(pending.route_answer(answer(3, 0)).is_some());
    }

    #[test]
    fn acknowledgement_before_the_reply_does_not_end_the_wait() {
        let mut pending = Pending::default();
        pending.expect_reply(3, ID, true, false);
        assert!(pending.route_answer(answer(3, 0)).is_none());
        assert!(pending.take(3).is_none());
        assert!(pending.route_message(reply(3)).is_none());
        assert!(pending.take(3).is_some());
        assert!(pending.entries.is_empty());
    }

    #[test]
    fn refusal_ends_the_wait() {
        let mut pending = Pending::default();
        pending.expect_reply(3, ID, true, false);
        assert!(pending.route_answer(answer(3, 19)).is_none());
        assert_eq!(
            pending.take(3),
            Some(Err(Refusal {
                id: ID,
                errno: 19,
                text: None
            }))
        );
        assert!(pending.entries.is_empty());
    }

    #[test]
    fn awaited_is_the_reply_and_nothing_else() {
        let mut pending = Pending::default();
        pending.expect_reply(3, ID, true, false);
        pending.expect_reply(4, ID, false, true);
        let mut other = reply(3).message;
        other.id = Id::new(20, 2);
        assert!(!pending.is_awaited(3, &other, None));
        assert!(!pending.is_awaited(3, &reply(4).message, None));
        assert!(!pending.is_awaited(3, &reply(3).message, Some(20)));
        assert!(pending.is_awaited(3, &reply(3).message, None));
        assert!(!pending.is_awaited(3, &reply(3).message, None));
        // Its acknowledgement is nobody's event.
        assert!(pending.route_answer(answer(3, 0)).is_none());
        assert!(pending.is_awaited(4, &reply(4).message, Some(20)));
        assert!(pending.entries.is_empty());
    }

    #[test]
    fn reply_counts_in_whatever_order_one_waits() {
        let mut pending = Pending::default();
        for seq in [3, 4] {
            pending.expect_reply(seq, ID, true, false);
        }
        assert!(pending.is_awaited(3, &reply(3).message, None));
        assert!(pending.route_message(reply(4)).is_none());
        for seq in [3, 4] {
            assert!(pending.route_answer(answer(seq, 22)).is_none());
        }
        assert_eq!(pending.take(4), Some(Ok(Some(reply(4).message))));
        assert!(pending.entries.is_empty());
    }

    #[test]
    fn numbers_in_use_are_not_given_again() {
        let mut pending = Pending {
            last_seq: u32::MAX - 1,
            ..Pending::default()
        };
        assert_eq!(pending.next_seq(), u32::MAX);
        pending.expect_acknowledgement(1, ID);
        assert_eq!(pending.next_seq(), 2);
    }
}
