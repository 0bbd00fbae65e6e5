// SPDX-License-Identifier: GPL-2.0

//! The notification channel: watches which ids are registered and unregistered.

use std::time::{Duration, Instant};

use crate::notification::{encode, FLAG_SNAPSHOT};
use crate::wire::DecodeError;
use crate::{Arrival, Error, Event, Id, Message, Options, Range, Registrations, Socket};

/// How long to wait for the kernel's answer. The kernel answers at once, but a loaded machine may delay this process.
const PATIENCE: Duration = Duration::from_secs(10);

/// An event of the notification channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// The id is registered: an event of the snapshot.
    Present(Id),
    /// The id was registered.
    Registered(Id),
    /// The id was unregistered.
    Unregistered(Id),
    /// Events were lost; their number, if it is known. Request another snapshot to get the registered ids.
    Lost(Option<u64>),
    /// The kernel sent something that cannot be decoded.
    Malformed(DecodeError),
}

/// Watches which ids are registered and unregistered, through the notification channel. An iterator of [`Change`]s.
///
/// ```no_run
/// use connector_client::{Change, Range, Watch};
///
/// // The group for events. No other program uses it.
/// let mut watch = Watch::open(13)?;
/// watch.subscribe_with_snapshot(&[Range::from(20..=29)], &[Range::ALL])?;
/// for change in watch.by_ref() {
///     match change? {
///         Change::Present(id) => println!("{id} present"),
///         Change::Registered(id) => println!("{id} registered"),
///         Change::Unregistered(id) => println!("{id} unregistered"),
///         other => println!("{other:?}"),
///     }
/// }
/// # Ok::<(), connector_client::Error>(())
/// ```
#[derive(Debug)]
pub struct Watch {
    socket: Socket,
    group: u32,
    channel: Id,
    wanted: Vec<Wanted>,
}

/// The ranges of a request. Other programs may direct their events to the same group, so events are checked against it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wanted {
    idx: Vec<Range>,
    val: Vec<Range>,
}

impl Wanted {
    fn has(&self, id: Id) -> bool {
        let within = |ranges: &[Range], number| ranges.iter().any(|range| range.contains(number));
        within(&self.idx, id.idx) && within(&self.val, id.val)
    }
}

impl Watch {
    /// Opens a socket, and joins the group for the events.
    ///
    /// # Errors
    ///
    /// [`Error::NotOffered`] if the kernel has no notification channel; [`Error::ProcHidden`] if the id of the channel cannot
    /// be found; the errors of [`Socket::open`] and [`Socket::join`].
    pub fn open(group: u32) -> Result<Self, Error> {
        Self::on(Options::new().open()?, group)
    }

    /// As [`Watch::open`], with a given socket. The socket receives all messages of the group.
    ///
    /// # Errors
    ///
    /// As [`Watch::open`].
    pub fn on(mut socket: Socket, group: u32) -> Result<Self, Error> {
        let channel = channel_of(&Registrations::read()?)
            .filter(|_| socket.acknowledges())
            .ok_or(Error::NotOffered {
                what: "the notification channel",
            })?;
        socket.join(group)?;
        Ok(Self {
            socket,
            group,
            channel,
            wanted: Vec::new(),
        })
    }

    /// Requests events of the ids whose halves are in these ranges.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`]: `EPERM` without `CAP_NET_ADMIN`, `ENOSPC` if a limit is reached, `EINVAL` for invalid ranges.
    /// The errors of [`Socket::send_acknowledged`].
    pub fn subscribe(&mut self, idx: &[Range], val: &[Range]) -> Result<(), Error> {
        self.ask(self.group, 0, idx, val)?;
        self.want(idx, val);
        Ok(())
    }

    /// As [`Watch::subscribe`], and requests the registered ids. Their events, [`Change::Present`], precede all others.
    ///
    /// # Errors
    ///
    /// As [`Watch::subscribe`].
    pub fn subscribe_with_snapshot(&mut self, idx: &[Range], val: &[Range]) -> Result<(), Error> {
        self.ask(self.group, FLAG_SNAPSHOT, idx, val)?;
        self.want(idx, val);
        Ok(())
    }

    fn want(&mut self, idx: &[Range], val: &[Range]) {
        let (idx, val) = (idx.to_vec(), val.to_vec());
        self.wanted.push(Wanted { idx, val });
    }

    /// Removes the request with the same ranges.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with `ENOENT` if there is no such request. The errors of [`Watch::subscribe`].
    pub fn unsubscribe(&mut self, idx: &[Range], val: &[Range]) -> Result<(), Error> {
        self.ask(0, 0, idx, val)?;
        let (idx, val) = (idx.to_vec(), val.to_vec());
        self.wanted.retain(|wanted| {
            *wanted
                != Wanted {
                    idx: idx.clone(),
                    val: val.clone(),
                }
        });
        Ok(())
    }

    fn ask(&mut self, group: u32, flags: u16, idx: &[Range], val: &[Range]) -> Result<(), Error> {
        let message = Message::new(self.channel, encode(group, idx, val))?.with_flags(flags);
        self.socket.send_acknowledged(&message, PATIENCE)
    }

    /// The socket, for its settings and counts.
    pub fn socket_mut(&mut self) -> &mut Socket {
        &mut self.socket
    }

    /// Waits for the next event; [`None`] if no event arrives in that time.
    ///
    /// # Errors
    ///
    /// As [`Socket::receive`].
    pub fn next_within(&mut self, silence: Duration) -> Result<Option<Change>, Error> {
        let (group, wanted) = (self.group, &self.wanted);
        let mut events = self
            .socket
            .events_until(Instant::now().checked_add(silence));
        events
            .find_map(|event| event.map(|event| change(group, wanted, event)).transpose())
            .transpose()
    }
}

impl Iterator for Watch {
    type Item = Result<Change, Error>;

    /// Waits without a limit. The iterator ends when the descriptor of [`Socket::stop_on`] becomes readable.
    fn next(&mut self) -> Option<Self::Item> {
        let (group, wanted) = (self.group, &self.wanted);
        self.socket
            .events()
            .find_map(|event| event.map(|event| change(group, wanted, event)).transpose())
    }
}

/// The channel is a callback with a fixed name. Its id is a module parameter.
pub(crate) fn channel_of(registrations: &Registrations) -> Option<Id> {
    registrations
        .iter()
        .find(|entry| entry.name == "connector")
        .map(|entry| entry.id)
}

fn change(group: u32, wanted: &[Wanted], event: Event<'_>) -> Option<Change> {
    match event {
        Event::Message(Arrival { message, group: to }) if message.payload.is_empty() => {
            let id = message.id;
            let requested = to == Some(group) && wanted.iter().any(|wanted| wanted.has(id));
            match (to, message.ack) {
                (None, 0) => Some(Change::Present(id)),
                (Some(_), 0) if requested => Some(Change::Registered(id)),
                (Some(_), 1) if requested => Some(Change::Unregistered(id)),
                _ => None,
            }
        }
        Event::Malformed(error) => Some(Change::Malformed(error)),
        Event::Lost(number) => Some(Change::Lost(number)),
        _ => None,
    }
}
