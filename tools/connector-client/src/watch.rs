// SPDX-License-Identifier: GPL-2.0

//! Ids that come and go: the notification channel.

use std::time::{Duration, Instant};

use crate::notification::{encode, FLAG_SNAPSHOT};
use crate::wire::DecodeError;
use crate::{Arrival, Error, Event, Id, Message, Options, Range, Registrations, Socket};

/// How long the kernel may take to answer. It answers at once; a loaded machine may not run us.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the channel tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// It is registered: part of the snapshot.
    There(Id),
    /// It was registered.
    Came(Id),
    /// It was unregistered.
    Went(Id),
    /// So many were lost, if that is known; ask for another snapshot to know what is there.
    Lost(Option<u64>),
    /// What came from the kernel and cannot be read.
    Malformed(DecodeError),
}

/// Watches which ids come and go, through the notification channel. An iterator of [`Change`]s.
///
/// ```no_run
/// use connector_client::{Change, Range, Watch};
///
/// // Events go to a group that nobody else uses.
/// let mut watch = Watch::open(13)?;
/// watch.subscribe_with_snapshot(&[Range::from(20..=29)], &[Range::ALL])?;
/// for change in watch.by_ref() {
///     match change? {
///         Change::There(id) => println!("{id} is there"),
///         Change::Came(id) => println!("{id} came"),
///         Change::Went(id) => println!("{id} went"),
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

/// The ranges of a subscription. Others may have had events sent to the same group.
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
    /// Opens a socket, and joins the group that events are to go to.
    ///
    /// # Errors
    ///
    /// [`Error::NotOffered`] if there is no channel, [`Error::ProcHidden`] where nobody knows its id; as [`Socket::open`] and
    /// [`Socket::join`].
    pub fn open(group: u32) -> Result<Self, Error> {
        Self::on(Options::new().open()?, group)
    }

    /// The same with a socket of one's own, which gets what the group gets.
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

    /// Asks for events of the ids whose halves are in these ranges.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`]: `EPERM` without `CAP_NET_ADMIN`, `ENOSPC` over the limits, `EINVAL`. As [`Socket::send_acknowledged`].
    pub fn subscribe(&mut self, idx: &[Range], val: &[Range]) -> Result<(), Error> {
        self.ask(self.group, 0, idx, val)?;
        self.want(idx, val);
        Ok(())
    }

    /// The same, and which of them are there now: these come first, as [`Change::There`].
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

    /// Takes back the subscription with the same ranges.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with `ENOENT` if there is none. As [`Watch::subscribe`].
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

    /// The socket, for its numbers and settings.
    pub fn socket_mut(&mut self) -> &mut Socket {
        &mut self.socket
    }

    /// What comes next; `None` after such a time without any change.
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

    /// Waits for as long as it takes; ends when [`Socket::stop_on`] says so.
    fn next(&mut self) -> Option<Self::Item> {
        let (group, wanted) = (self.group, &self.wanted);
        self.socket
            .events()
            .find_map(|event| event.map(|event| change(group, wanted, event)).transpose())
    }
}

/// The channel is a callback with a fixed name, whose id the administrator may have moved.
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
            let told = to == Some(group) && wanted.iter().any(|wanted| wanted.has(id));
            match (to, message.ack) {
                (None, 0) => Some(Change::There(id)),
                (Some(_), 0) if told => Some(Change::Came(id)),
                (Some(_), 1) if told => Some(Change::Went(id)),
                _ => None,
            }
        }
        Event::Malformed(error) => Some(Change::Malformed(error)),
        Event::Lost(number) => Some(Change::Lost(number)),
        _ => None,
    }
}
