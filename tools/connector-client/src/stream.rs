// SPDX-License-Identifier: GPL-2.0

//! The socket for tasks.

mod sender;

use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::task::{Context, Poll};

use async_io::Async;
use futures_core::Stream;

pub(crate) use self::sender::Sent;
use self::sender::{Sender, UnderWay};
use crate::socket::OTHERS;
use crate::{Error, Event, Message, Socket};

/// A socket as a stream of events, under any executor. It needs the feature `async`. What [`Socket::stop_on`] was given
/// wakes up and ends whatever waits; the stream ends then.
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
    waiting: Async<OwnedFd>,
    /// A second descriptor of what it stops on, and the number of the first one.
    stop: Option<(u64, Async<OwnedFd>)>,
    sender: Option<Sender>,
    socket: Socket,
}

impl AsyncSocket {
    /// Takes a socket over.
    ///
    /// # Errors
    ///
    /// [`Error::System`] if it cannot be waited for.
    pub fn new(socket: Socket) -> Result<Self, Error> {
        Ok(Self {
            waiting: wait_for(&socket)?,
            stop: None,
            sender: None,
            socket,
        })
    }

    /// Sends a message. The kernel calls the callback inside of the system call, and the callback may take its time: so a
    /// thread of this socket makes the call, and the task is woken up when the callback has returned. What comes
    /// meanwhile is kept, so that a callback that waits for room in the receive buffer gets it.
    ///
    /// Who gives the future up, or is stopped, does not take the message back, nor does dropping the socket: the thread and
    /// a descriptor of the socket stay until the callback has returned.
    ///
    /// # Errors
    ///
    /// As [`Socket::send`]; [`Error::Stopped`].
    pub async fn send(&mut self, message: &Message<'_>) -> Result<(), Error> {
        let sender = match self.sender.take() {
            Some(sender) => sender,
            None => Sender::of(&self.socket)?,
        };
        let under_way = self.sender.insert(sender).send(message)?;
        std::future::poll_fn(|context| self.poll_sent(&under_way, context)).await
    }

    /// The next event.
    ///
    /// # Errors
    ///
    /// As [`Socket::receive`].
    pub async fn next(&mut self) -> Result<Event<'static>, Error> {
        std::future::poll_fn(|context| self.poll_event(context)).await
    }

    /// The socket, for joining groups and for its numbers. Sending and waiting with its methods would block the task.
    pub fn get_mut(&mut self) -> &mut Socket {
        &mut self.socket
    }

    fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Result<Event<'static>, Error>> {
        for _ in 0..OTHERS {
            if let Some(event) = self.socket.take_kept() {
                return Poll::Ready(Ok(event));
            }
            if !self.socket.collect_now()? && !self.is_woken(context)? {
                return Poll::Pending;
            }
        }
        // So much came that is no event that others have waited.
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
        for _ in 0..OTHERS {
            if !self.socket.collect_now()? && !self.is_woken(context)? {
                return Poll::Pending;
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Whether it is worth while to look again. If not, the task will be woken up.
    fn is_woken(&mut self, context: &mut Context<'_>) -> Result<bool, Error> {
        let failed = |error| Error::system("wait for the socket", error);
        self.socket.look_at_stop()?;
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

/// A second descriptor, by which a task waits. What it is of is read elsewhere, and keeps its flags.
fn wait_for(descriptor: &impl AsFd) -> Result<Async<OwnedFd>, Error> {
    descriptor
        .as_fd()
        .try_clone_to_owned()
        .and_then(Async::new_nonblocking)
        .map_err(|error| Error::system("wait for the socket", error))
}

impl Stream for AsyncSocket {
    type Item = Result<Event<'static>, Error>;

    /// As [`AsyncSocket::next`]; ends when [`Socket::stop_on`] says so.
    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_event(context).map(|event| match event {
            Err(Error::Stopped) => None,
            event => Some(event),
        })
    }
}
