// SPDX-License-Identifier: GPL-2.0

//! The socket for tasks.

use std::pin::Pin;
use std::task::{ready, Context, Poll};

use async_io::Async;
use futures_core::Stream;

use crate::{Error, Event, Message, Socket};

/// A socket as a stream of events, under any executor. It needs the feature `async`.
///
/// ```no_run
/// use connector_client::{AsyncSocket, Event, Socket};
///
/// # async fn listen() -> Result<(), connector_client::Error> {
/// let mut socket = Socket::open()?;
/// socket.join(21)?;
/// let mut socket = AsyncSocket::new(socket)?;
/// while let Event::Message(arrival) = socket.next().await? {
///     println!("{}", arrival.message.id);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct AsyncSocket {
    /// Waits; a second descriptor of the socket.
    waiting: Async<std::os::fd::OwnedFd>,
    socket: Socket,
}

impl AsyncSocket {
    /// Takes a socket over.
    ///
    /// # Errors
    ///
    /// [`Error::System`] if it cannot be waited for.
    pub fn new(socket: Socket) -> Result<Self, Error> {
        use std::os::fd::AsFd;

        let waiting = socket.as_fd().try_clone_to_owned().and_then(Async::new);
        let waiting = waiting.map_err(|error| Error::system("wait for the socket", error))?;
        Ok(Self { waiting, socket })
    }

    /// Sends a message; that never waits.
    ///
    /// # Errors
    ///
    /// As [`Socket::send`].
    pub fn send(&mut self, message: &Message<'_>) -> Result<(), Error> {
        self.socket.send(message)
    }

    /// The next event.
    ///
    /// # Errors
    ///
    /// As [`Socket::receive`].
    pub async fn next(&mut self) -> Result<Event<'static>, Error> {
        std::future::poll_fn(|context| self.poll_event(context)).await
    }

    /// The socket, for joining groups and for its numbers. Waiting with its methods would block the task.
    pub fn get_mut(&mut self) -> &mut Socket {
        &mut self.socket
    }

    fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Result<Event<'static>, Error>> {
        loop {
            if let Some(event) = self.socket.take_kept() {
                return Poll::Ready(Ok(event));
            }
            if !self.socket.collect_now()? {
                ready!(self.waiting.poll_readable(context))
                    .map_err(|error| Error::system("wait for the socket", error))?;
            }
        }
    }
}

impl Stream for AsyncSocket {
    type Item = Result<Event<'static>, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_event(context).map(Some)
    }
}
