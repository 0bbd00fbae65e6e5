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

/// Events that came while a reply was waited for and that nobody has read yet. What is more is lost, and told.
const KEPT_EVENTS: usize = 65536;

/// After so many datagrams with something else, who waits looks at the clock.
pub(crate) const OTHERS: u32 = 256;

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
    /// Of those there was no room for among the kept ones.
    not_kept: u64,
    strangers: u64,
    /// Where /proc cannot be seen, nobody knows.
    acknowledges: Option<bool>,
    /// Has been in a group, so that there may be anything in the receive buffer.
    listens: bool,
    /// Has been in a group above 32: netlink names the group in a control message then, and its datagrams are received
    /// here first.
    named: Option<Vec<u8>>,
    stop: Option<OwnedFd>,
    /// How often that was set.
    #[cfg(feature = "async")]
    stop_number: u64,
    tap: Tap,
    /// Datagrams since it was last looked whether to stop.
    unlooked: u32,
}

impl Socket {
    /// Opens a socket; the kernel loads the connector if it is not there yet and `modprobe` finds it.
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
        // Text in answers, and no quotes of what we know; old kernels can't, and then there is none.
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
            strangers: 0,
            acknowledges: visible.then(|| has_file("connector_stats")),
            listens: false,
            named: None,
            stop: None,
            #[cfg(feature = "async")]
            stop_number: 0,
            tap: Tap::default(),
            unlooked: 0,
        })
    }

    /// The port by which the kernel knows this socket.
    pub fn port(&self) -> u32 {
        self.port
    }

    /// Whether the connector is known to acknowledge messages; without `/proc/net` nobody knows.
    pub fn acknowledges(&self) -> bool {
        self.acknowledges == Some(true)
    }

    /// How many datagrams came from somebody else than the kernel. They were thrown away.
    pub fn strangers(&self) -> u64 {
        self.strangers
    }

    /// How many datagrams were lost in all, as far as that was told.
    pub fn lost(&self) -> u64 {
        self.drops.total()
    }

    /// Ends every wait for something to receive, with [`Error::Stopped`], once this file descriptor can be read: a pipe into which
    /// a signal handler writes, for example. Sending is not ended by it: the callback runs inside of that, and a callback that
    /// takes its time keeps the thread.
    pub fn stop_on(&mut self, descriptor: impl Into<OwnedFd>) {
        self.stop = Some(descriptor.into());
        #[cfg(feature = "async")]
        {
            self.stop_number += 1;
        }
    }

    /// The descriptor that stops waits, and how often it was set before.
    #[cfg(feature = "async")]
    pub(crate) fn stop(&self) -> (u64, Option<&OwnedFd>) {
        (self.stop_number, self.stop.as_ref())
    }

    /// What a thread of its own has sent.
    #[cfg(feature = "async")]
    pub(crate) fn sent(&self, (datagram, result): crate::stream::Sent) -> Result<(), Error> {
        result.or_else(try_again)?;
        self.tap.see(Direction::Sent, datagram.as_bytes());
        Ok(())
    }

    /// Shows the bytes of each datagram from now on: those that are sent, once they are, and those that are received, before
    /// anything looks at them, malformed ones too. What was lost, what strangers sent and what is larger than
    /// [`Options::largest_datagram`] is not among them. It replaces an earlier one.
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

    /// Joins a group: what is sent to it comes to this socket, too. From the first group above 32 on, receiving takes longer,
    /// by a copy.
    ///
    /// # Errors
    ///
    /// [`Error::NoRightToJoin`], [`Error::NoSuchGroup`], [`Error::System`].
    pub fn join(&mut self, group: u32) -> Result<(), Error> {
        self.listens = true;
        // A sender's address has a bit for each of the first 32 groups. What came by another one must not look as if it
        // were for this socket alone.
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

    /// Sends a message. Nobody says whether it has arrived; its callback has returned when this returns, which takes as long
    /// as the callback does.
    ///
    /// # Errors
    ///
    /// [`Error::System`], [`Error::OtherNamespace`].
    pub fn send(&mut self, message: &Message<'_>) -> Result<(), Error> {
        self.make_room()?;
        self.transmit(std::slice::from_ref(message), message.seq, false)
    }

    /// Sends several messages under one netlink header, for a callback that knows of bundles: it is that of the first
    /// message.
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

    /// Sends what was put together by hand. Its answers come as [`Event::Answer`]. Unlike the others, this does not
    /// read first what has come, to make room for replies.
    ///
    /// # Errors
    ///
    /// As [`Socket::send`].
    pub fn send_datagram(&self, datagram: &Datagram) -> Result<(), Error> {
        self.send_bytes(datagram.as_bytes())
    }

    /// Receives what comes next; `None` if nothing came in that time. Without a time it waits for as long as it takes.
    ///
    /// What is given borrows the socket's buffer, so that nothing is copied; [`Socket::events`] is more convenient.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`], [`Error::System`]. The socket can be used on after each.
    pub fn receive(&mut self, within: Option<Duration>) -> Result<Option<Received<'_>>, Error> {
        if let Some(event) = self.take_kept() {
            return Ok(Some(Received::Event(event)));
        }
        let deadline = within.and_then(|time| Instant::now().checked_add(time));
        let attempt = loop {
            match self.attempt()? {
                Attempt::Empty if self.wait_readable(deadline)? => {}
                Attempt::Stranger if !is_over(deadline) => {}
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
            Attempt::Stranger | Attempt::Empty => None,
        })
    }

    /// All that comes, without an end; it ends when [`Socket::stop_on`] says so.
    pub fn events(&mut self) -> Events<'_> {
        Events::new(self, End::Never)
    }

    /// All that comes, until nothing has come for a while; [`Error::Stopped`] when [`Socket::stop_on`] says so.
    pub fn events_within(&mut self, silence: Duration) -> Events<'_> {
        Events::new(self, End::Silence(silence))
    }

    /// All that comes until then, for who is interested in some of it only; the time is looked at when nothing is there, or
    /// so much that there is no end to it.
    pub(crate) fn events_until(&mut self, deadline: Option<Instant>) -> Events<'_> {
        Events::new(self, deadline.map_or(End::Never, End::At))
    }

    /// What is there now, without waiting: events are put among the kept ones.
    #[inline]
    pub(crate) fn collect_now(&mut self) -> Result<bool, Error> {
        let datagram = self.datagram();
        if datagram.is_ok() && self.is_unwanted() {
            return Ok(true);
        }
        self.keep_what_came(datagram)
    }

    #[inline(never)]
    fn keep_what_came(&mut self, datagram: Result<Option<u32>, NoDatagram>) -> Result<bool, Error> {
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

    /// Whether the datagram in the buffer is an acknowledgement that came behind its reply, as most do.
    #[inline]
    fn is_unwanted(&mut self) -> bool {
        sole_acknowledgement(&self.buffer).is_some_and(|seq| self.pending.is_unwanted(seq))
    }

    fn keep(&mut self, attempt: Attempt) {
        match attempt {
            Attempt::Stranger | Attempt::Empty => {}
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
        // There are few of these, and they must not get lost.
        self.kept.push_back(event);
    }

    /// A callback may wait for room in our receive buffer, inside of our own call. Others may fill it as fast as it is
    /// read, so there is an end to that.
    #[inline]
    fn make_room(&mut self) -> Result<(), Error> {
        if self.listens || self.pending.any() {
            self.read_on()
        } else {
            Ok(())
        }
    }

    #[inline(never)]
    fn read_on(&mut self) -> Result<(), Error> {
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

/// Whether sending is worth another try.
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
