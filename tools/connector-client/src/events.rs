// SPDX-License-Identifier: GPL-2.0

//! The events of a socket, in sequence.

use std::time::{Duration, Instant};

use crate::socket::UNTIMED;
use crate::{Error, Event, Socket};

/// The events of a socket, as an iterator of owned values.
#[derive(Debug)]
pub struct Events<'a> {
    socket: &'a mut Socket,
    end: End,
    given: u32,
}

/// The condition that ends the iterator.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    Never,
    /// No event arrives for that long.
    Silence(Duration),
    At(Instant),
}

impl<'a> Events<'a> {
    pub(crate) fn new(socket: &'a mut Socket, end: End) -> Self {
        Self {
            socket,
            end,
            given: 0,
        }
    }

    fn deadline(&self) -> Option<Instant> {
        match self.end {
            End::Never => None,
            End::Silence(time) => Instant::now().checked_add(time),
            End::At(deadline) => Some(deadline),
        }
    }

    /// Whether the deadline is over although events arrive without a pause. Such a stream never waits, so the clock is read
    /// after each [`UNTIMED`] events.
    fn is_flooded(&mut self) -> bool {
        self.given = self.given.wrapping_add(1);
        matches!(self.end, End::At(deadline) if self.given % UNTIMED == 0 && is_over(Some(deadline)))
    }
}

impl Iterator for Events<'_> {
    type Item = Result<Event<'static>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_flooded() {
            return None;
        }
        let deadline = self.deadline();
        loop {
            if let Some(event) = self.socket.take_kept() {
                return Some(Ok(event));
            }
            let received = match self.socket.collect_now() {
                Ok(false) => self.socket.wait_readable(deadline),
                // The datagram had no event for this socket.
                Ok(true) if !self.socket.has_kept() && is_over(deadline) => Ok(false),
                collected => collected,
            };
            match received {
                Ok(true) => {}
                Ok(false) => return None,
                // A wait with a limit reports why it ended.
                Err(Error::Stopped) if matches!(self.end, End::Never) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

pub(crate) fn is_over(deadline: Option<Instant>) -> bool {
    deadline.is_some_and(|deadline| Instant::now() >= deadline)
}
