// SPDX-License-Identifier: GPL-2.0

//! A socket of the connector.

mod attempt;
mod requests;

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use netlink_sys::protocols::NETLINK_CONNECTOR;
use rustix::net::sockopt;

use self::attempt::{Attempt, NoDatagram};
use crate::error::{ECONNREFUSED, EINVAL, EPERM, EPROTONOSUPPORT};
use crate::event::Event;
use crate::events::{is_over, End, Events};
use crate::kernel::{has_file, is_elsewhere, proc_is_visible, Rights};
use crate::loss::Drops;
use crate::options::Options;
use crate::pending::Pending;
use crate::received::{Contents, Received};
use crate::tap::Tap;
use crate::wire::{sole_acknowledgement, Datagram};
use crate::{Direction, Error, Message};

/// The limit of events that are kept while a reply is awaited. Further ones are lost, and reported as lost.
const KEPT_EVENTS: usize = 65536;

/// The number of irrelevant datagrams after which a wait reads the clock.
pub(crate) const UNTIMED: u32 = 256;

/// A socket of the connector, with a port of its own.
///
/// # Examples
///
/// Sending, and listening to a group:
///
/// ```no_run
/// use connector_client::{Event, Id, Message, Socket};
///
/// let mut socket = Socket::open()?;
/// socket.send(&Message::new(Id::new(21, 1), b"hello".as_slice())?)?;
/// socket.join(21)?;
/// for event in socket.events() {
///     match event? {
///         Event::Message(arrival) => println!("{}: {} bytes", arrival.message.id, arrival.message.payload.len()),
///         Event::Lost(Some(number)) => println!("{number} datagrams were lost"),
///         other => println!("{other:?}"),
///     }
/// }
/// # Ok::<(), connector_client::Error>(())
/// ```
#[derive(Debug)]
pub struct Socket {
    inner: netlink_sys::Socket,
    port: u32,
    buffer: Vec<u8>,
    datagram: Datagram,
    drops: Drops,
    pending: Pending,
    kept: VecDeque<Event<'static>>,
    /// The number of events that were not kept, for lack of room.
    not_kept: u64,
    foreign_datagrams: u64,
    /// Unknown where /proc cannot be read.
    acknowledges: Option<bool>,
    /// Whether the socket has been in a group, so that the receive buffer may have anything.
    listens: bool,
    /// Set if the socket has been in a group above 32. Netlink names such a group in a control message. The datagrams are
    /// received into this buffer first.
    named: Option<Vec<u8>>,
    stop: Option<OwnedFd>,
    /// How often `stop` was set.
    #[cfg(feature = "async")]
    stop_number: u64,
    tap: Tap,
    /// The number of datagrams since `stop` was last polled.
    unpolled: u32,
}

impl Socket {
    /// Opens a socket. The kernel loads the connector if it is missing and `modprobe` finds it.
    ///
    /// # Errors
    ///
    /// [`Error::NoConnector`], [`Error::OtherNamespace`], [`Error::System`].
    pub fn open() -> Result<Self, Error> {
        Self::with_options(&Options::default())
    }

    pub(crate) fn with_options(options: &Options) -> Result<Self, Error> {
        let mut inner = netlink_sys::Socket::new(NETLINK_CONNECTOR).map_err(|error| match error
            .raw_os_error()
        {
            Some(EPROTONOSUPPORT) => Error::NoConnector,
            _ => Error::system("open a socket of the connector", error),
        })?;
        let port = inner
            .bind_auto()
            .map_err(|error| Error::system("bind the socket", error))?
            .port_number();
        // Request error texts, and no quotes of requests. Old kernels support neither, which is no error.
        let _ = inner.set_ext_ack(true);
        let _ = inner.set_cap_ack(true);
        if let Some(bytes) = options.receive_buffer {
            sockopt::set_socket_recv_buffer_size_force(&inner, bytes)
                .or_else(|_| sockopt::set_socket_recv_buffer_size(&inner, bytes))
                .map_err(|error| Error::system("set the size of the receive buffer", error))?;
        }
        let visible = proc_is_visible();
        let elsewhere = if visible {
            !has_file("connector")
        } else {
            is_elsewhere(&inner)
        };
        if elsewhere {
            return Err(Error::OtherNamespace);
        }
        Ok(Self {
            inner,
            port,
            buffer: Vec::with_capacity(options.largest_datagram),
            datagram: Datagram::new(),
            drops: Drops::of_port(port),
            pending: Pending::default(),
            kept: VecDeque::new(),
            not_kept: 0,
            foreign_datagrams: 0,
            acknowledges: visible.then(|| has_file("connector_stats")),
            listens: false,
            named: None,
            stop: None,
            #[cfg(feature = "async")]
            stop_number: 0,
            tap: Tap::default(),
            unpolled: 0,
        })
    }

    /// The port of the socket.
    pub fn port(&self) -> u32 {
        self.port
    }

    /// Whether the connector acknowledges messages; false if this is unknown, for lack of `/proc/net`.
    pub fn acknowledges(&self) -> bool {
        self.acknowledges == Some(true)
    }

    /// The number of discarded datagrams that were not sent by the kernel.
    pub fn foreign_datagrams(&self) -> u64 {
        self.foreign_datagrams
    }

    /// The number of lost datagrams, as far as it is known.
    pub fn lost(&self) -> u64 {
        self.drops.total()
    }

    /// Sets a file descriptor that stops waits: when it becomes readable, every wait to receive fails with [`Error::Stopped`].
    /// It may be a pipe to which a signal handler writes, for example. Sending is not stopped: the callback runs inside the
    /// system call, and returns when it likes.
    pub fn stop_on(&mut self, descriptor: impl Into<OwnedFd>) {
        self.stop = Some(descriptor.into());
        #[cfg(feature = "async")]
        {
            self.stop_number += 1;
        }
    }

    /// The descriptor that stops waits, and the number of settings before it.
    #[cfg(feature = "async")]
    pub(crate) fn stop(&self) -> (u64, Option<&OwnedFd>) {
        (self.stop_number, self.stop.as_ref())
    }

    /// Accounts for a datagram that the thread of an asynchronous socket sent.
    #[cfg(feature = "async")]
    pub(crate) fn sent(&self, (datagram, result): crate::stream::Sent) -> Result<(), Error> {
        result.or_else(try_again)?;
        self.tap.see(Direction::Sent, datagram.as_bytes());
        Ok(())
    }

    /// Sets a function that is called with the bytes of each datagram: after it was sent, or before it is decoded, even if it
    /// is malformed. The function does not get lost datagrams, datagrams that the kernel did not send, and datagrams larger
    /// than [`Options::largest_datagram`]. It replaces the function that was set before.
    ///
    /// ```no_run
    /// use connector_client::{Direction, Id, Socket};
    /// use std::time::Duration;
    ///
    /// let mut socket = Socket::open()?;
    /// socket.tap(|direction, datagram| match direction {
    ///     Direction::Sent => println!("{} bytes to the kernel", datagram.len()),
    ///     Direction::Received => println!("{} bytes from the kernel", datagram.len()),
    /// });
    /// socket.request(Id::new(20, 1), b"Hello, kernel!")?.wait(&mut socket, Duration::from_secs(5))?;
    /// # Ok::<(), connector_client::Error>(())
    /// ```
    pub fn tap(&mut self, see: impl Fn(Direction, &[u8]) + Send + Sync + 'static) {
        self.tap = Tap::new(see);
    }

    /// Joins a group: the socket receives its messages. Once the socket has joined a group above 32, each datagram is copied
    /// once more.
    ///
    /// # Errors
    ///
    /// [`Error::NoRightToJoin`], [`Error::NoSuchGroup`], [`Error::System`].
    pub fn join(&mut self, group: u32) -> Result<(), Error> {
        self.listens = true;
        // A sender's address has a bit for each of the first 32 groups. Without the control message, messages to other groups
        // would look like messages to this socket alone.
        if group > u32::BITS && self.named.is_none() {
            self.inner
                .set_pktinfo(true)
                .map_err(|error| Error::system("ask for the groups of messages", error))?;
            self.named = Some(Vec::new());
        }
        self.inner
            .add_membership(group)
            .map_err(|error| membership_error(group, error))
    }

    /// Leaves a group.
    ///
    /// # Errors
    ///
    /// As [`Socket::join`].
    pub fn leave(&self, group: u32) -> Result<(), Error> {
        self.inner
            .drop_membership(group)
            .map_err(|error| membership_error(group, error))
    }

    /// Sends a message. The result does not say whether a callback accepted it. The callback has returned when this method
    /// returns, which takes as long as the callback does.
    ///
    /// # Errors
    ///
    /// [`Error::System`], [`Error::OtherNamespace`].
    pub fn send(&mut self, message: &Message<'_>) -> Result<(), Error> {
        self.make_room()?;
        self.transmit(std::slice::from_ref(message), message.seq, false)
    }

    /// Sends several messages under one netlink header. The callback of the first message gets them; it has to support bundles.
    ///
    /// # Errors
    ///
    /// As [`Socket::send`].
    pub fn send_bundle(&mut self, messages: &[Message<'_>]) -> Result<(), Error> {
        self.make_room()?;
        self.transmit(
            messages,
            messages.first().map_or(0, |message| message.seq),
            false,
        )
    }

    /// Sends a datagram. Its answers are received as [`Event::Answer`]. Unlike the other methods that send, this one does not
    /// first read received datagrams to make room for replies.
    ///
    /// # Errors
    ///
    /// As [`Socket::send`].
    pub fn send_datagram(&self, datagram: &Datagram) -> Result<(), Error> {
        self.send_bytes(datagram.as_bytes())
    }

    /// Waits for the next datagram; [`None`] if nothing arrives in that time. Without a time, it waits without a limit.
    ///
    /// The result borrows the socket's buffer, so nothing is copied. [`Socket::events`] is more convenient.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`], [`Error::System`]. The socket stays usable.
    pub fn receive(&mut self, within: Option<Duration>) -> Result<Option<Received<'_>>, Error> {
        if let Some(event) = self.take_kept() {
            return Ok(Some(Received::Event(event)));
        }
        let deadline = within.and_then(|time| Instant::now().checked_add(time));
        let attempt = loop {
            match self.attempt()? {
                Attempt::Empty if self.wait_readable(deadline)? => {}
                Attempt::Foreign if !is_over(deadline) => {}
                attempt => break attempt,
            }
        };
        Ok(match attempt {
            Attempt::Datagram(group) => Some(Received::Datagram(Contents::new(
                &self.buffer,
                group,
                &mut self.pending,
            ))),
            Attempt::Lost(number) => Some(Received::Event(Event::Lost(number))),
            Attempt::Truncated(error) => Some(Received::Event(Event::Malformed(error))),
            Attempt::Foreign | Attempt::Empty => None,
        })
    }

    /// Iterates over all events. The iterator ends when the descriptor of [`Socket::stop_on`] becomes readable.
    pub fn events(&mut self) -> Events<'_> {
        Events::new(self, End::Never)
    }

    /// Iterates over all events, until none arrives for that long. The last item is [`Error::Stopped`] if the descriptor of
    /// [`Socket::stop_on`] becomes readable.
    pub fn events_within(&mut self, silence: Duration) -> Events<'_> {
        Events::new(self, End::Silence(silence))
    }

    /// Iterates over all events until the deadline, for callers that use some of them only. The clock is read when nothing has
    /// arrived, and after each [`UNTIMED`] events.
    pub(crate) fn events_until(&mut self, deadline: Option<Instant>) -> Events<'_> {
        Events::new(self, deadline.map_or(End::Never, End::At))
    }

    /// Receives one datagram if there is one, without waiting, and keeps its events. False if there was none.
    #[inline]
    pub(crate) fn collect_now(&mut self) -> Result<bool, Error> {
        let datagram = self.datagram();
        if datagram.is_ok() && self.is_unwanted() {
            return Ok(true);
        }
        self.keep_attempt(datagram)
    }

    #[inline(never)]
    fn keep_attempt(&mut self, datagram: Result<Option<u32>, NoDatagram>) -> Result<bool, Error> {
        let attempt = self.attempt_of(datagram)?;
        let found = !matches!(attempt, Attempt::Empty);
        self.keep(attempt);
        Ok(found)
    }

    pub(crate) fn take_kept(&mut self) -> Option<Event<'static>> {
        let event = self.kept.pop_front();
        if event.is_none() && self.not_kept > 0 {
            return Some(Event::Lost(Some(std::mem::take(&mut self.not_kept))));
        }
        event
    }

    pub(crate) fn has_kept(&self) -> bool {
        !self.kept.is_empty() || self.not_kept > 0
    }

    /// Whether the datagram in the buffer is an acknowledgement whose reply arrived before, which is the common case.
    #[inline]
    fn is_unwanted(&mut self) -> bool {
        sole_acknowledgement(&self.buffer).is_some_and(|seq| self.pending.is_unwanted(seq))
    }

    fn keep(&mut self, attempt: Attempt) {
        match attempt {
            Attempt::Foreign | Attempt::Empty => {}
            Attempt::Lost(number) => self.keep_event(Event::Lost(number)),
            Attempt::Truncated(error) => self.keep_event(Event::Malformed(error)),
            Attempt::Datagram(group) => {
                let events = Contents::new(&self.buffer, group, &mut self.pending);
                for event in events {
                    if self.kept.len() < KEPT_EVENTS {
                        self.kept.push_back(event.into_owned());
                    } else {
                        self.not_kept += 1;
                    }
                }
            }
        }
    }

    fn keep_event(&mut self, event: Event<'static>) {
        // These events are few, and must not be lost.
        self.kept.push_back(event);
    }

    /// Reads received datagrams before sending: a callback may wait for room in the receive buffer inside this process's own
    /// system call. The number of datagrams is limited, because others may fill the buffer as fast as it is read.
    #[inline]
    fn make_room(&mut self) -> Result<(), Error> {
        if self.listens || self.pending.any() {
            self.read_received()
        } else {
            Ok(())
        }
    }

    #[inline(never)]
    fn read_received(&mut self) -> Result<(), Error> {
        for _ in 0..KEPT_EVENTS {
            let may_be_more = self.listens || self.pending.any();
            if !may_be_more || !self.collect_now()? {
                break;
            }
        }
        Ok(())
    }

    #[inline]
    fn transmit(
        &mut self,
        messages: &[Message<'_>],
        seq: u32,
        acknowledged: bool,
    ) -> Result<(), Error> {
        self.datagram.clear();
        self.datagram.push_bundle(messages, seq, acknowledged);
        self.send_bytes(self.datagram.as_bytes())
    }

    #[inline]
    fn send_bytes(&self, bytes: &[u8]) -> Result<(), Error> {
        while let Err(error) = self.inner.send(bytes, 0) {
            try_again(error)?;
        }
        self.tap.see(Direction::Sent, bytes);
        Ok(())
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.as_fd()
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.inner.as_raw_fd()
    }
}

/// Returns the error of a failed attempt to send, unless sending should be tried again.
#[cold]
fn try_again(error: io::Error) -> Result<(), Error> {
    match error.raw_os_error() {
        _ if error.kind() == io::ErrorKind::Interrupted => Ok(()),
        Some(ECONNREFUSED) => Err(Error::OtherNamespace),
        _ => Err(Error::system("send", error)),
    }
}

fn membership_error(group: u32, error: io::Error) -> Error {
    match error.raw_os_error() {
        Some(EPERM) => Error::NoRightToJoin {
            group,
            other_user_namespace: !Rights::of_this_process().initial_user_namespace,
        },
        Some(EINVAL) => Error::NoSuchGroup { group },
        _ => Error::system("join or leave a group", error),
    }
}
