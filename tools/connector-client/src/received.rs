// SPDX-License-Identifier: GPL-2.0

//! The events of one datagram, without the replies and answers to pending requests.

use crate::event::{Arrival, Event};
use crate::pending::Pending;
use crate::wire::{Content, DecodeError, Frames, Messages, RawAnswer};
use crate::Message;

/// The result of [`Socket::receive`](crate::Socket::receive): a datagram, or an event that is not in a datagram. Both are
/// iterators of events.
#[derive(Debug)]
pub enum Received<'a> {
    /// The messages and answers of one datagram.
    Datagram(Contents<'a>),
    /// A loss, or an event that was received before.
    Event(Event<'static>),
}

impl<'a> IntoIterator for Received<'a> {
    type Item = Event<'a>;
    type IntoIter = ReceivedIter<'a>;

    fn into_iter(self) -> ReceivedIter<'a> {
        match self {
            Self::Datagram(contents) => ReceivedIter {
                contents: Some(contents),
                event: None,
            },
            Self::Event(event) => ReceivedIter {
                contents: None,
                event: Some(event),
            },
        }
    }
}

/// The events of a [`Received`].
#[derive(Debug)]
pub struct ReceivedIter<'a> {
    contents: Option<Contents<'a>>,
    event: Option<Event<'static>>,
}

impl<'a> Iterator for ReceivedIter<'a> {
    type Item = Event<'a>;

    fn next(&mut self) -> Option<Event<'a>> {
        match &mut self.contents {
            Some(contents) => contents.next(),
            None => self.event.take(),
        }
    }
}

/// The events of a datagram. Replies and answers to pending requests are not among them.
#[derive(Debug)]
pub struct Contents<'a> {
    frames: Frames<'a>,
    messages: Option<Messages<'a>>,
    group: Option<u32>,
    pending: &'a mut Pending,
}

impl<'a> Contents<'a> {
    pub(crate) fn new(datagram: &'a [u8], group: Option<u32>, pending: &'a mut Pending) -> Self {
        Self {
            frames: Frames::new(datagram),
            messages: None,
            group,
            pending,
        }
    }

    fn next_raw(&mut self) -> Option<Result<RawEvent<'a>, DecodeError>> {
        loop {
            if let Some(message) = self.messages.as_mut().and_then(Iterator::next) {
                return Some(message.map(RawEvent::Message));
            }
            let content = self.frames.next()?.and_then(|frame| frame.content());
            match content {
                Ok(Content::Messages(messages)) => self.messages = Some(messages),
                Ok(Content::Answer(answer)) => return Some(Ok(RawEvent::Answer(answer))),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

enum RawEvent<'a> {
    Message(Message<'a>),
    Answer(RawAnswer<'a>),
}

impl<'a> Iterator for Contents<'a> {
    type Item = Event<'a>;

    fn next(&mut self) -> Option<Event<'a>> {
        loop {
            let event = match self.next_raw()? {
                Ok(RawEvent::Message(message)) => self
                    .pending
                    .route_message(Arrival {
                        message,
                        group: self.group,
                    })
                    .map(Event::Message),
                Ok(RawEvent::Answer(answer)) => {
                    self.pending.route_answer(answer.into()).map(Event::Answer)
                }
                Err(error) => Some(Event::Malformed(error)),
            };
            if event.is_some() {
                return event;
            }
        }
    }
}

impl Drop for Contents<'_> {
    /// Routes the replies after the last event that the user has taken.
    fn drop(&mut self) {
        self.by_ref().for_each(drop);
    }
}
