// SPDX-License-Identifier: GPL-2.0

//! Captures the bytes of datagrams.

use std::fmt;

/// The direction of a datagram, for [`Socket::tap`](crate::Socket::tap).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To the kernel.
    Sent,
    /// From the kernel.
    Received,
}

type See = dyn Fn(Direction, &[u8]) + Send + Sync;

/// The function that is called for each datagram, if there is one.
#[derive(Default)]
pub(crate) struct Tap(Option<Box<See>>);

impl Tap {
    pub(crate) fn new(see: impl Fn(Direction, &[u8]) + Send + Sync + 'static) -> Self {
        Self(Some(Box::new(see)))
    }

    pub(crate) fn see(&self, direction: Direction, datagram: &[u8]) {
        if let Some(see) = &self.0 {
            see(direction, datagram);
        }
    }
}

impl fmt::Debug for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tap").field(&self.0.is_some()).finish()
    }
}
