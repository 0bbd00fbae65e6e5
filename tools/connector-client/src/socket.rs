// SPDX-License-Identifier: GPL-2.0

//! A socket of the connector.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::Path;
use std::time::{Duration, Instant};

use netlink_sys::{protocols::NETLINK_CONNECTOR, SocketAddr};
use rustix::event::{poll, PollFd, PollFlags, Timespec};
use rustix::net::{sockopt, RecvFlags};

use crate::error::{EAGAIN, ECONNREFUSED, EINVAL, ENOBUFS, EPERM, EPROTONOSUPPORT};
use crate::loss::Drops;
use crate::request::Pending;
use crate::tap::Tap;
use crate::wire::{
    sole_message, Content, Datagram, DecodeError, Frames, Messages, RawAnswer, SOLE_PAYLOAD,
};
use crate::{Direction, Error, Id, Message, Refusal, Request, Ticket};

/// Events that came while a reply was waited for and that nobody has read yet. What is more is lost, and told.
const KEPT_EVENTS: usize = 65536;

/// After so many datagrams with something else, who waits looks at the clock.
const OTHERS: u32 = 256;

/// How a socket is opened.
///
/// ```no_run
/// use connector_client::Options;
///
/// let socket = Options::new().receive_buffer(8 << 20).open()?;
/// # Ok::<(), connector_client::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Options {
    receive_buffer: Option<usize>,
    largest_datagram: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            receive_buffer: None,
            largest_datagram: 128 * 1024,
        }
    }
}

impl Options {
    /// Those of [`Socket::open`].
    pub fn new() -> Self {
        Self::default()
    }

    /// How many bytes of messages the kernel keeps until they are read; by default
    /// `/proc/sys/net/core/rmem_default`. Each message takes some 700 bytes of it and more. Without `CAP_NET_ADMIN` it is
    /// at most `/proc/sys/net/core/rmem_max`.
    #[must_use]
    pub fn receive_buffer(mut self, bytes: usize) -> Self {
        self.receive_buffer = Some(bytes);
        self
    }

    /// How large a datagram may be; larger ones are [`DecodeError::Truncated`]. 128 KiB by default, and 16 MiB at most.
    #[must_use]
    pub fn largest_datagram(mut self, bytes: usize) -> Self {
        self.largest_datagram = bytes.clamp(1, 16 << 20);
        self
    }

    /// Opens a socket.
    ///
    /// # Errors
    ///
    /// As [`Socket::open`].
    pub fn open(&self) -> Result<Socket, Error> {
        Socket::with_options(self)
    }
}

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
    acknowledges: bool,
    /// Has been in a group, so that there may be anything in the receive buffer.
    listens: bool,
    stop: Option<OwnedFd>,
    tap: Tap,
    /// Datagrams since it was last looked whether to stop.
    unlooked: u32,
}

/// A message, and how it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival<'a> {
    /// The message.
    pub message: Message<'a>,
    /// The group that it was sent to, if it was not for this socket alone. The kernel can say numbers up to 32.
    pub group: Option<u32>,
}

/// The kernel's answer to a message that asked for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The netlink sequence number of that message.
    pub seq: u32,
    /// 0, or a positive error number.
    pub errno: i32,
    /// What the kernel says about the error.
    pub text: Option<String>,
}

impl Answer {
    pub(crate) fn into_refusal(self, id: Id) -> Refusal {
        Refusal {
            id,
            errno: self.errno,
            text: self.text,
        }
    }
}

impl From<RawAnswer<'_>> for Answer {
    fn from(raw: RawAnswer<'_>) -> Self {
        Self {
            seq: raw.seq,
            // Whatever the sign, only 0 is none.
            errno: raw.error.saturating_abs(),
            text: raw.text.map(str::to_owned),
        }
    }
}

/// What a socket receives.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A message.
    Message(Arrival<'a>),
    /// An answer that nobody waits for.
    Answer(Answer),
    /// The receive buffer was full, and so many datagrams were dropped. Without `/proc` the number is not known.
    Lost(Option<u64>),
    /// Something came that is malformed. The rest of its datagram was not looked at.
    Malformed(DecodeError),
}

impl Event<'_> {
    /// The same, borrowing nothing.
    pub fn into_owned(self) -> Event<'static> {
        match self {
            Self::Message(arrival) => Event::Message(Arrival {
                message: arrival.message.into_owned(),
                group: arrival.group,
            }),
            Self::Answer(answer) => Event::Answer(answer),
            Self::Lost(number) => Event::Lost(number),
            Self::Malformed(error) => Event::Malformed(error),
        }
    }
}

/// One attempt to receive.
enum Attempt {
    /// A datagram is in the buffer; it came by this group.
    Datagram(Option<u32>),
    /// Datagrams were dropped.
    Lost(Option<u64>),
    /// A datagram was larger than the buffer.
    Truncated(DecodeError),
    /// Somebody else than the kernel sent it.
    Stranger,
    /// There is nothing.
    Empty,
}

/// What was waited for is there.
enum Done {
    /// The datagram in the buffer is the reply; here without its payload.
    InBuffer { message: Message<'static> },
    /// A reply that came earlier.
    Kept(Message<'static>),
    /// An acknowledgement.
    Acknowledged,
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

    fn with_options(options: &Options) -> Result<Self, Error> {
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
        let proc = Path::new("/proc/thread-self/net");
        if proc.join("netlink").exists() && !proc.join("connector").exists() {
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
            acknowledges: proc.join("connector_stats").exists(),
            listens: false,
            stop: None,
            tap: Tap::default(),
            unlooked: 0,
        })
    }

    /// The port by which the kernel knows this socket.
    pub fn port(&self) -> u32 {
        self.port
    }

    /// Whether the connector acknowledges messages.
    pub fn acknowledges(&self) -> bool {
        self.acknowledges
    }

    /// How many datagrams came from somebody else than the kernel. They were thrown away.
    pub fn strangers(&self) -> u64 {
        self.strangers
    }

    /// How many datagrams were lost in all, as far as that was told.
    pub fn lost(&self) -> u64 {
        self.drops.total()
    }

    /// Ends every wait, with [`Error::Stopped`], once this file descriptor can be read: a pipe into which a signal
    /// handler writes, for example.
    pub fn stop_on(&mut self, descriptor: impl Into<OwnedFd>) {
        self.stop = Some(descriptor.into());
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

    /// Joins a group: what is sent to it comes to this socket, too.
    ///
    /// # Errors
    ///
    /// [`Error::NoRightToJoin`], [`Error::NoSuchGroup`], [`Error::System`].
    pub fn join(&mut self, group: u32) -> Result<(), Error> {
        self.listens = true;
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

    /// Sends a message. Nobody says whether it has arrived; its callback has returned when this returns.
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

    /// Sends a message and waits until the kernel says that it has arrived.
    ///
    /// ```no_run
    /// use connector_client::{Error, Id, Message, Socket};
    /// use std::time::Duration;
    ///
    /// let mut socket = Socket::open()?;
    /// match socket.send_acknowledged(&Message::new(Id::new(99, 9), b"".as_slice())?, Duration::from_secs(1)) {
    ///     Err(Error::Refused(refusal)) => println!("{refusal}"),
    ///     other => other?,
    /// }
    /// # Ok::<(), connector_client::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with the kernel's reason; [`Error::NotOffered`] on a connector that does not acknowledge, where
    /// nothing is sent; [`Error::TimedOut`]; as [`Socket::send`].
    pub fn send_acknowledged(
        &mut self,
        message: &Message<'_>,
        within: Duration,
    ) -> Result<(), Error> {
        if !self.acknowledges {
            return Err(Error::NotOffered {
                what: "acknowledgements",
            });
        }
        self.make_room()?;
        let lost_before = self.drops.total();
        let seq = self.pending.next_seq();
        self.pending.expect_acknowledgement(seq, message.id);
        self.transmit_expected(message, seq, true)?;
        self.wait_until_done(Ticket { seq, lost_before }, within, "an acknowledgement")
            .map(|_| ())
    }

    /// Sends a request, and gives a ticket by which its reply is waited for. Any number may be under way: what
    /// has come is read before the next one is sent.
    ///
    /// # Errors
    ///
    /// As [`Socket::send`]; [`Error::PayloadTooLong`].
    pub fn request(&mut self, id: Id, payload: &[u8]) -> Result<Ticket, Error> {
        self.start(Request::new(id, payload)?)
    }

    /// The same for a request that was made before.
    ///
    /// # Errors
    ///
    /// As [`Socket::send`].
    pub fn start(&mut self, request: Request<'_>) -> Result<Ticket, Error> {
        self.make_room()?;
        let lost_before = self.drops.total();
        let seq = self.pending.next_seq();
        let acknowledged = request.acknowledged && self.acknowledges;
        let message = request.message.with_seq(seq);
        self.pending
            .expect_reply(seq, message.id, acknowledged, request.from_group);
        self.transmit_expected(&message, seq, acknowledged)?;
        Ok(Ticket { seq, lost_before })
    }

    /// Gives back a ticket that nobody will wait for: its reply, if it comes, is an event.
    pub fn forget(&mut self, ticket: Ticket) {
        self.pending.forget(ticket.seq);
    }

    pub(crate) fn wait_for(
        &mut self,
        ticket: Ticket,
        within: Duration,
    ) -> Result<Message<'_>, Error> {
        match self.wait_until_done(ticket, within, "a reply")? {
            Done::InBuffer { message } => Ok(Message {
                payload: self.buffer.get(SOLE_PAYLOAD..).unwrap_or_default().into(),
                ..message
            }),
            Done::Kept(message) => Ok(message),
            // There is no ticket for what has only an acknowledgement.
            Done::Acknowledged => Err(Error::TimedOut {
                waiting_for: "a reply",
                after: within,
                lost: 0,
            }),
        }
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

    /// All that comes until then, for who is interested in some of it only. What is there already comes in any case.
    pub(crate) fn events_until(&mut self, deadline: Option<Instant>) -> Events<'_> {
        Events::new(self, deadline.map_or(End::Never, End::At))
    }

    /// What is there now, without waiting: events are put among the kept ones.
    pub(crate) fn collect_now(&mut self) -> Result<bool, Error> {
        let attempt = self.attempt()?;
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

    fn wait_until_done(
        &mut self,
        Ticket { seq, lost_before }: Ticket,
        within: Duration,
        waiting_for: &'static str,
    ) -> Result<Done, Error> {
        // Callbacks reply before the request was sent, so that there is seldom anything to wait for.
        let mut deadline = None;
        let mut others = 0;
        loop {
            if let Some(result) = self.pending.take(seq) {
                let reply = result.map_err(Error::Refused)?;
                return Ok(reply.map_or(Done::Acknowledged, Done::Kept));
            }
            let attempt = self.attempt().inspect_err(|_| self.pending.forget(seq))?;
            if let Attempt::Datagram(group) = attempt {
                if let Some(message) = sole_message(&self.buffer) {
                    if self.pending.is_awaited(seq, &message, group) {
                        let message = Message {
                            payload: (&[]).into(),
                            ..message
                        };
                        return Ok(Done::InBuffer { message });
                    }
                }
            }
            let found = !matches!(attempt, Attempt::Empty);
            self.keep(attempt);
            if found && others < OTHERS {
                others += 1;
                continue;
            }
            others = 0;
            let deadline = *deadline.get_or_insert_with(|| Instant::now().checked_add(within));
            let goes_on = if found {
                !is_over(deadline)
            } else {
                self.wait_readable(deadline)
                    .inspect_err(|_| self.pending.forget(seq))?
            };
            if !goes_on {
                self.pending.forget(seq);
                let lost = self.drops.total() - lost_before;
                return Err(Error::TimedOut {
                    waiting_for,
                    after: within,
                    lost,
                });
            }
        }
    }

    /// A callback may wait for room in our receive buffer, inside of our own call. Others may fill it as fast as it is
    /// read, so there is an end to that.
    fn make_room(&mut self) -> Result<(), Error> {
        let may_be_full = self.listens || self.pending.any();
        for _ in 0..KEPT_EVENTS {
            if !may_be_full || !self.collect_now()? {
                break;
            }
        }
        Ok(())
    }

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

    /// Sends what is waited for already, and waits no longer if that fails.
    fn transmit_expected(
        &mut self,
        message: &Message<'_>,
        seq: u32,
        acknowledged: bool,
    ) -> Result<(), Error> {
        self.transmit(std::slice::from_ref(message), seq, acknowledged)
            .inspect_err(|_| self.pending.forget(seq))
    }

    fn send_bytes(&self, bytes: &[u8]) -> Result<(), Error> {
        loop {
            match self.inner.send(bytes, 0) {
                Ok(_) => {
                    self.tap.see(Direction::Sent, bytes);
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.raw_os_error() == Some(ECONNREFUSED) => {
                    return Err(Error::OtherNamespace)
                }
                Err(error) => return Err(Error::system("send", error)),
            }
        }
    }

    /// Who receives without a pause never waits, and has to be told to stop all the same.
    fn look_at_stop(&mut self) -> Result<(), Error> {
        const EACH: u32 = 256;
        self.unlooked += 1;
        if self.unlooked < EACH {
            return Ok(());
        }
        self.unlooked = 0;
        let Some(stop) = &self.stop else {
            return Ok(());
        };
        match poll(
            &mut [PollFd::new(stop, PollFlags::IN)],
            Some(&Timespec::default()),
        ) {
            Ok(1..) => Err(Error::Stopped),
            _ => Ok(()),
        }
    }

    fn attempt(&mut self) -> Result<Attempt, Error> {
        self.look_at_stop()?;
        // With MSG_TRUNC the kernel says how long the datagram was, not how much of it fitted.
        let flags = (RecvFlags::DONTWAIT | RecvFlags::TRUNC).bits() as i32;
        loop {
            self.buffer.clear();
            match self.inner.recv_from(&mut self.buffer, flags) {
                Ok((_, from)) if from.port_number() != 0 => {
                    self.strangers += 1;
                    return Ok(Attempt::Stranger);
                }
                Ok((size, _)) if size > self.buffer.len() => {
                    return Ok(Attempt::Truncated(DecodeError::Truncated {
                        size,
                        room: self.buffer.len(),
                    }));
                }
                Ok((_, from)) => {
                    self.tap.see(Direction::Received, &self.buffer);
                    return Ok(Attempt::Datagram(group_of(&from)));
                }
                Err(error) => match error.raw_os_error() {
                    Some(EAGAIN) => {
                        return Ok(self.drops.empty().map_or(Attempt::Empty, Attempt::Lost))
                    }
                    Some(ENOBUFS) => {
                        if let Some(number) = self.drops.overrun() {
                            return Ok(Attempt::Lost(number));
                        }
                    }
                    _ if error.kind() == io::ErrorKind::Interrupted => {}
                    _ => return Err(Error::system("receive", error)),
                },
            }
        }
    }

    /// Waits until there may be something to receive; false if the time is over.
    fn wait_readable(&self, deadline: Option<Instant>) -> Result<bool, Error> {
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let timeout = left.and_then(|left| Timespec::try_from(left).ok());
            let mut descriptors = vec![PollFd::new(&self.inner, PollFlags::IN)];
            descriptors.extend(
                self.stop
                    .as_ref()
                    .map(|stop| PollFd::new(stop, PollFlags::IN)),
            );
            match poll(&mut descriptors, timeout.as_ref()) {
                Ok(0) => return Ok(false),
                Ok(_)
                    if descriptors
                        .get(1)
                        .is_some_and(|stop| !stop.revents().is_empty()) =>
                {
                    return Err(Error::Stopped);
                }
                Ok(_) => return Ok(true),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(Error::system("wait for the socket", error)),
            }
        }
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

fn is_over(deadline: Option<Instant>) -> bool {
    deadline.is_some_and(|deadline| Instant::now() >= deadline)
}

fn group_of(from: &SocketAddr) -> Option<u32> {
    let mask = from.multicast_groups();
    (mask != 0).then(|| mask.trailing_zeros() + 1)
}

fn membership_error(group: u32, error: io::Error) -> Error {
    match error.raw_os_error() {
        Some(EPERM) => Error::NoRightToJoin { group },
        Some(EINVAL) => Error::NoSuchGroup { group },
        _ => Error::system("join or leave a group", error),
    }
}

/// What [`Socket::receive`] gives: a datagram, or something that is none. Either way it is gone through as an iterator
/// of events.
#[derive(Debug)]
pub enum Received<'a> {
    /// The messages and answers of one datagram.
    Datagram(Contents<'a>),
    /// A loss, or something that came earlier.
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

/// The events of what was received.
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

/// The events of a datagram but those that somebody waits for.
#[derive(Debug)]
pub struct Contents<'a> {
    frames: Frames<'a>,
    messages: Option<Messages<'a>>,
    group: Option<u32>,
    pending: &'a mut Pending,
}

impl<'a> Contents<'a> {
    fn new(datagram: &'a [u8], group: Option<u32>, pending: &'a mut Pending) -> Self {
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
    /// Replies behind the last event that was looked at are somebody's.
    fn drop(&mut self) {
        self.by_ref().for_each(drop);
    }
}

/// The events of a socket, as an iterator of its own values.
#[derive(Debug)]
pub struct Events<'a> {
    socket: &'a mut Socket,
    end: End,
    given: u32,
}

#[derive(Clone, Copy, Debug)]
enum End {
    Never,
    /// When nothing has come for that long.
    Silence(Duration),
    At(Instant),
}

impl<'a> Events<'a> {
    fn new(socket: &'a mut Socket, end: End) -> Self {
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

    /// Whether events have come so fast, until now, that nobody has looked at the clock.
    fn is_flooded(&mut self) -> bool {
        self.given += 1;
        matches!(self.end, End::At(deadline) if self.given % OTHERS == 0 && is_over(Some(deadline)))
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
            let came = match self.socket.collect_now() {
                Ok(false) => self.socket.wait_readable(deadline),
                // It was nothing for us.
                Ok(true) if self.socket.kept.is_empty() && is_over(deadline) => Ok(false),
                collected => collected,
            };
            match came {
                Ok(true) => {}
                Ok(false) => return None,
                // Who waits for a while wants to know why that has ended.
                Err(Error::Stopped) if matches!(self.end, End::Never) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
