// SPDX-License-Identifier: GPL-2.0

//! Pending requests and their outcomes.

use crate::entries::{Entries, NewestFirst};
use crate::event::{Answer, Arrival};
use crate::request::Expected;
use crate::{Id, Message, Refusal};

/// The expected message for a sequence number.
#[derive(Clone, Copy, Debug)]
enum Awaited {
    /// A reply, and an acknowledgement if one was requested.
    Reply(Expected),
    /// An acknowledgement.
    Acknowledgement { id: Id },
    /// The acknowledgement of a request that already has its reply. It is discarded.
    Unwanted,
}

/// The outcome of a request or message: a reply, `None` for an acknowledgement, or the refusal.
pub(crate) type Outcome = Result<Option<Message<'static>>, Refusal>;

/// All pending requests of a socket.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    awaited: NewestFirst<Awaited>,
    /// Outcomes that were not taken yet.
    outcomes: Entries<Outcome>,
    /// The sequence number that was assigned last.
    last_seq: u32,
}

impl Pending {
    /// The next free sequence number. It is never 0, because events have 0.
    #[inline]
    pub(crate) fn next_seq(&mut self) -> u32 {
        let seq = self.last_seq.wrapping_add(1);
        let all_are_free = self.awaited.is_empty() && self.outcomes.is_empty();
        self.last_seq = if all_are_free && seq != 0 {
            seq
        } else {
            self.next_free(seq)
        };
        self.last_seq
    }

    #[inline(never)]
    fn next_free(&self, mut seq: u32) -> u32 {
        while seq == 0 || self.awaited.has(seq) || self.outcomes.has(seq) {
            seq = seq.wrapping_add(1);
        }
        seq
    }

    /// Whether a reply or an acknowledgement is pending.
    #[inline]
    pub(crate) fn any(&self) -> bool {
        !self.awaited.is_empty()
    }

    #[inline]
    pub(crate) fn expect_reply(&mut self, seq: u32, expected: Expected) {
        self.awaited.insert(seq, Awaited::Reply(expected));
    }

    pub(crate) fn expect_acknowledgement(&mut self, seq: u32, id: Id) {
        self.awaited.insert(seq, Awaited::Acknowledgement { id });
    }

    /// Expects the acknowledgement of a request that already has its reply.
    pub(crate) fn expect_unwanted(&mut self, seq: u32) {
        self.awaited.insert(seq, Awaited::Unwanted);
    }

    /// Forgets a request that was not sent, or whose ticket was given back.
    pub(crate) fn forget(&mut self, seq: u32) {
        self.awaited.remove(seq);
        self.outcomes.remove(seq);
    }

    /// Whether a sequence number has an outcome.
    #[inline]
    pub(crate) fn has_outcome(&self, seq: u32) -> bool {
        self.outcomes.has(seq)
    }

    /// Removes the outcome of a sequence number.
    #[inline]
    pub(crate) fn take(&mut self, seq: u32) -> Option<Outcome> {
        self.outcomes.remove(seq)
    }

    /// Whether a message is the pending reply for this sequence number. If so, the reply is not pending any more.
    #[inline]
    pub(crate) fn is_awaited(
        &mut self,
        seq: u32,
        message: &Message<'_>,
        group: Option<u32>,
    ) -> bool {
        match self.awaited.get_mut(seq) {
            Some(awaited @ &mut Awaited::Reply(expected))
                if expected.is_met_by(message, seq, group) =>
            {
                // The acknowledgement is still pending.
                if expected.acknowledged {
                    *awaited = Awaited::Unwanted;
                } else {
                    self.awaited.remove(seq);
                }
                true
            }
            _ => false,
        }
    }

    /// Whether only an acknowledgement without an error is pending for this sequence number. If so, it is not pending any
    /// more.
    #[inline]
    pub(crate) fn is_unwanted(&mut self, seq: u32) -> bool {
        let is_unwanted = matches!(self.awaited.get_mut(seq), Some(Awaited::Unwanted));
        if is_unwanted {
            self.awaited.remove(seq);
        }
        is_unwanted
    }

    /// Stores a message that is a pending reply. Returns any other message.
    pub(crate) fn route_message<'a>(&mut self, arrival: Arrival<'a>) -> Option<Arrival<'a>> {
        let seq = arrival.message.seq;
        // The fast path of a socket that only listens.
        if !self.any() || !self.is_awaited(seq, &arrival.message, arrival.group) {
            return Some(arrival);
        }
        let reply = arrival.message.into_owned();
        self.outcomes.insert(seq, Ok(Some(reply)));
        None
    }

    /// Stores an answer that is pending. Returns any other answer.
    pub(crate) fn route_answer(&mut self, answer: Answer) -> Option<Answer> {
        let seq = answer.seq;
        let outcome = match self.awaited.get_mut(seq) {
            // The request has its reply. A callback that replies and then fails has replied.
            Some(Awaited::Unwanted) => None,
            Some(Awaited::Reply(expected)) if expected.acknowledged => {
                if answer.errno == 0 {
                    expected.acknowledged = false;
                    return None;
                }
                let id = expected.id;
                Some(Err(answer.into_refusal(id)))
            }
            Some(Awaited::Acknowledgement { .. }) if answer.errno == 0 => Some(Ok(None)),
            Some(&mut Awaited::Acknowledgement { id }) => Some(Err(answer.into_refusal(id))),
            _ => return Some(answer),
        };
        self.awaited.remove(seq);
        if let Some(outcome) = outcome {
            self.outcomes.insert(seq, outcome);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: Id = Id::new(20, 1);

    fn expected(acknowledged: bool, from_group: bool) -> Expected {
        Expected {
            id: ID,
            acknowledged,
            from_group,
        }
    }

    fn reply(seq: u32) -> Arrival<'static> {
        Arrival {
            message: Message::new(ID, b"".as_slice()).unwrap().with_seq(seq),
            group: None,
        }
    }

    fn is_empty(pending: &Pending) -> bool {
        !pending.any() && pending.outcomes.is_empty()
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
        pending.expect_reply(3, expected(false, false));
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
        assert!(is_empty(&pending));
    }

    #[test]
    fn acknowledgement_after_the_reply_is_nobodys_event() {
        let mut pending = Pending::default();
        pending.expect_reply(3, expected(true, false));
        assert!(pending.route_message(reply(3)).is_none());
        assert!(pending.take(3).is_some());
        assert!(pending.route_answer(answer(3, 0)).is_none());
        assert!(is_empty(&pending));
        // No request expects this one.
        assert!(pending.route_answer(answer(3, 0)).is_some());
    }

    #[test]
    fn acknowledgement_before_the_reply_does_not_end_the_wait() {
        let mut pending = Pending::default();
        pending.expect_reply(3, expected(true, false));
        assert!(pending.route_answer(answer(3, 0)).is_none());
        assert!(pending.take(3).is_none());
        assert!(pending.route_message(reply(3)).is_none());
        assert!(pending.take(3).is_some());
        assert!(is_empty(&pending));
    }

    #[test]
    fn refusal_ends_the_wait() {
        let mut pending = Pending::default();
        pending.expect_reply(3, expected(true, false));
        assert!(pending.route_answer(answer(3, 19)).is_none());
        assert_eq!(
            pending.take(3),
            Some(Err(Refusal {
                id: ID,
                errno: 19,
                text: None
            }))
        );
        assert!(is_empty(&pending));
    }

    #[test]
    fn awaited_is_the_reply_and_nothing_else() {
        let mut pending = Pending::default();
        pending.expect_reply(3, expected(true, false));
        pending.expect_reply(4, expected(false, true));
        let mut other = reply(3).message;
        other.id = Id::new(20, 2);
        assert!(!pending.is_awaited(3, &other, None));
        assert!(!pending.is_awaited(3, &reply(4).message, None));
        assert!(!pending.is_awaited(3, &reply(3).message, Some(20)));
        assert!(pending.is_awaited(3, &reply(3).message, None));
        assert!(!pending.is_awaited(3, &reply(3).message, None));
        // The acknowledgement is not an event.
        assert!(pending.route_answer(answer(3, 0)).is_none());
        assert!(pending.is_awaited(4, &reply(4).message, Some(20)));
        assert!(is_empty(&pending));
    }

    #[test]
    fn reply_counts_in_whatever_order_one_waits() {
        let mut pending = Pending::default();
        for seq in [3, 4] {
            pending.expect_reply(seq, expected(true, false));
        }
        assert!(pending.is_awaited(3, &reply(3).message, None));
        assert!(pending.route_message(reply(4)).is_none());
        for seq in [3, 4] {
            assert!(pending.route_answer(answer(seq, 22)).is_none());
        }
        assert_eq!(pending.take(4), Some(Ok(Some(reply(4).message))));
        assert!(is_empty(&pending));
    }

    #[test]
    fn numbers_in_use_are_not_given_again() {
        let mut pending = Pending {
            last_seq: u32::MAX - 1,
            ..Pending::default()
        };
        assert_eq!(pending.next_seq(), u32::MAX);
        pending.expect_acknowledgement(1, ID);
        pending.expect_reply(2, expected(false, false));
        assert!(pending.route_message(reply(2)).is_none());
        assert_eq!(pending.next_seq(), 3);
    }
}
