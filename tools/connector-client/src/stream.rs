// SPDX-License-Identifier: GPL-2.0

//! The socket for asynchronous tasks.

mod sender;

use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::task::{Context, Poll};

use async_io::Async;
use futures_core::Stream;

pub(crate) use self::sender::Sent;
use self::sender::{Sender, UnderWay};
use crate::socket::UNTIMED;
use crate::{Error, Event, Message, Socket};

/// A socket as a stream of events, for any executor. It needs the feature `async`. When the descriptor of
/// [`Socket::stop_on`] becomes readable, all waits and the stream end.
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
    /// A second descriptor of the socket, for waiting.
    waiting: Async<OwnedFd>,
    /// A second descriptor of the one of [`Socket::stop_on`], and the number of the first one.
    stop: Option<(u64, Async<OwnedFd>)>,
    sender: Option<Sender>,
    socket: Socket,
}

impl AsyncSocket {
    /// Wraps a socket.
    ///
    /// # Errors
    ///
    /// [`Error::System`] if the executor cannot wait for the socket.
    pub fn new(socket: Socket) -> Result<Self, Error> {
        Ok(Self {
            waiting: wait_for(&socket)?,
            stop: None,
            sender: None,
            socket,
        })
    }

    /// Sends a message. The kernel calls the callback inside the system call, and the callback may take long. So a thread of
    /// this socket makes the call, and wakes the task when the callback has returned. Messages that arrive meanwhile are kept,
    /// so a callback that waits for room in the receive buffer gets it.
    ///
    /// The message stays sent if the future is dropped or stopped, or the socket is dropped. The thread and a descriptor of the
    /// socket then remain until the callback has returned.
    ///
    /// # Errors
    ///
    /// The errors of [`Socket::send`]; [`Error::Stopped`].
    pub async fn send(&mut self, message: &Message<'_>) -> Result<(), Error> {
        let sender = match self.sender.take() {
            Some(sender) => sender,
            None => Sender::of(&self.socket)?,
        };
        let under_way = self.sender.insert(sender).send(message)?;
        std::future::poll_fn(|context| self.poll_sent(&under_way, context)).await
    }

    /// Waits for the next event.
    ///
    /// # Errors
    ///
    /// The errors of [`Socket::receive`].
    pub async fn next(&mut self) -> Result<Event<'static>, Error> {
        std::future::poll_fn(|context| self.poll_event(context)).await
    }

    /// The socket, for its groups, settings and counts. Its methods that send or wait would block the task.
    pub fn get_mut(&mut self) -> &mut Socket {
        &mut self.socket
    }

    fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Result<Event<'static>, Error>> {
        for _ in 0..UNTIMED {
            if let Some(event) = self.socket.take_kept() {
                return Poll::Ready(Ok(event));
            }
            if !self.socket.collect_now()? && !self.is_woken(context)? {
                return Poll::Pending;
            }
        }
        // Many datagrams without an event: let other tasks run.
        context.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_sent(
        &mut self,
        under_way: &UnderWay,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Error>> {
        if let Poll::Ready(sent) = under_way.poll(context) {
            return Poll::Ready(self.socket.sent(sent));
        }
        for _ in 0..UNTIMED {
            if !self.socket.collect_now()? && !self.is_woken(context)? {
                return Poll::Pending;
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Whether it is worth while to try again. If not, the task will be woken.
    fn is_woken(&mut self, context: &mut Context<'_>) -> Result<bool, Error> {
        let failed = |error| Error::system("wait for the socket", error);
        self.socket.poll_stop()?;
        let (number, stop) = self.socket.stop();
        if self.stop.as_ref().map(|(number, _)| *number) != stop.map(|_| number) {
            self.stop = stop
                .map(|stop| Ok::<_, Error>((number, wait_for(stop)?)))
                .transpose()?;
        }
        if let Some((_, stop)) = &self.stop {
            if let Poll::Ready(ready) = stop.poll_readable(context) {
                ready.map_err(failed)?;
                return Ok(true);
            }
        }
        match self.waiting.poll_readable(context) {
            Poll::Ready(ready) => ready.map(|()| true).map_err(failed),
            Poll::Pending => Ok(false),
        }
    }
}

/// A second descriptor, for waiting only. It shares its flags with the first one.
fn wait_for(descriptor: &impl AsFd) -> Result<Async<OwnedFd>, Error> {
    descriptor
        .as_fd()
        .try_clone_to_owned()
        .and_then(Async::new_nonblocking)
        .map_err(|error| Error::system("wait for the socket", error))
}

impl Stream for AsyncSocket {
    type Item = Result<Event<'static>, Error>;

    /// As [`AsyncSocket::next`]. Ends when the descriptor of [`Socket::stop_on`] becomes readable.
    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_event(context).map(|event| match event {
            Err(Error::Stopped) => None,
            event => Some(event),
        })
    }
}
