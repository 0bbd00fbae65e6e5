// SPDX-License-Identifier: GPL-2.0

//! The stream of process events.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::error::ENODEV;
use crate::wire::DecodeError;
use crate::{
    Arrival, Error, Event, Filter, Id, Message, Options, ProcessEvent, ProcessKind, Registrations,
    Rights, Socket,
};

/// The group of process events.
const GROUP: u32 = 1;
const LISTEN: u32 = 1;
const IGNORE: u32 = 2;
/// How long to wait for the kernel's answer. The kernel answers at once, but a loaded machine may delay this process.
const PATIENCE: Duration = Duration::from_secs(10);

const NOT_OFFERED: Error = Error::NotOffered {
    what: "process events",
};

/// An item of the stream of process events.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProcessNews {
    /// A process event.
    Event(ProcessEvent),
    /// The next event of a processor is not the one after its last event. This is noticed only without a filter, because the
    /// kernel numbers the events before it filters them. Losses in the receive buffer are reported as [`ProcessNews::Lost`] as
    /// well.
    Gap {
        /// The processor.
        cpu: u32,
        /// The number of missing events.
        missed: u32,
    },
    /// Events were lost; their number, if it is known.
    Lost(Option<u64>),
    /// A datagram is malformed.
    Malformed(DecodeError),
}

/// Process events, as an iterator of [`ProcessNews`].
///
/// ```no_run
/// use connector_client::{Filter, ProcessEvents, ProcessKind, ProcessNews};
///
/// for news in ProcessEvents::open(Filter::EXEC | Filter::EXIT)? {
///     if let ProcessNews::Event(event) = news? {
///         if let ProcessKind::Exec { task } = event.kind {
///             println!("process {} executes another program", task.tgid);
///         }
///     }
/// }
/// # Ok::<(), connector_client::Error>(())
/// ```
#[derive(Debug)]
pub struct ProcessEvents {
    socket: Socket,
    filter: Filter,
    next: NextNumbers,
    /// The event after a gap.
    held: Option<ProcessEvent>,
}

/// The expected number of each processor's next event.
#[derive(Debug, Default)]
struct NextNumbers(HashMap<u32, u32>);

impl NextNumbers {
    /// The number of events that are missing before this one. Not every connector numbers its acknowledgements.
    fn gap_before(&mut self, event: &ProcessEvent) -> u32 {
        if let ProcessKind::Acknowledgement { .. } = event.kind {
            self.0.remove(&event.cpu);
            return 0;
        }
        let next = event.seq.wrapping_add(1);
        self.0
            .insert(event.cpu, next)
            .map_or(0, |expected| event.seq.wrapping_sub(expected))
    }
}

impl ProcessEvents {
    /// Opens a socket with a receive buffer of 4 MiB, and requests events.
    ///
    /// # Errors
    ///
    /// [`Error::NotOffered`] if the kernel has no process events; [`Error::NoRight`] outside of the initial user and pid
    /// namespaces; [`Error::NoRightToJoin`] for users on kernels before 6.6; [`Error::Refused`] with the kernel's answer;
    /// [`Error::TimedOut`]; the errors of [`Socket::open`] and [`Socket::join`].
    pub fn open(filter: Filter) -> Result<Self, Error> {
        Self::on(Options::new().receive_buffer(4 << 20).open()?, filter)
    }

    /// As [`ProcessEvents::open`], with a given socket.
    ///
    /// # Errors
    ///
    /// As [`ProcessEvents::open`].
    pub fn on(mut socket: Socket, filter: Filter) -> Result<Self, Error> {
        // Without the file, only the kernel's answer shows whether there are process events.
        let offered = match Registrations::read() {
            Ok(all) => all.get(Id::PROCESS_EVENTS).is_some(),
            Err(Error::ProcHidden { .. }) => true,
            Err(error) => return Err(error),
        };
        if !offered && !socket.acknowledges() {
            return Err(NOT_OFFERED);
        }
        // Kernels refuse requests from other namespaces, or do not answer.
        let rights = Rights::of_this_process();
        if !(rights.initial_user_namespace && rights.initial_pid_namespace) {
            return Err(Error::NoRight {
                to: "hearing of processes",
            });
        }
        socket.join(GROUP)?;
        // The request itself may load the module.
        if !offered {
            socket
                .send_acknowledged(&order(LISTEN, None, 0)?, PATIENCE)
                .map_err(|error| match error {
                    Error::Refused(refusal) if refusal.errno == ENODEV => NOT_OFFERED,
                    error => error,
                })?;
        }
        let mut events = Self {
            socket,
            filter,
            next: NextNumbers::default(),
            held: None,
        };
        events.listen()?;
        Ok(events)
    }

    /// The kernel sends its answer as an event, and applies the filter to it. So the first request has no filter.
    fn listen(&mut self) -> Result<(), Error> {
        let token = self.socket.port();
        self.order(LISTEN, None, token)?;
        let deadline = Instant::now() + PATIENCE;
        let refusal = loop {
            match self.news_until(Some(deadline))? {
                Some(ProcessNews::Event(ProcessEvent {
                    kind: ProcessKind::Acknowledgement { ack, errno },
                    ..
                })) if ack == token.wrapping_add(1) => {
                    break errno;
                }
                Some(_) => {}
                None => {
                    let lost = self.socket.lost();
                    return Err(Error::TimedOut {
                        waiting_for: "an answer about process events",
                        after: PATIENCE,
                        lost,
                    });
                }
            }
        };
        if refusal != 0 {
            let errno = i32::try_from(refusal).unwrap_or(i32::MAX);
            return Err(Error::Refused(crate::Refusal {
                id: Id::PROCESS_EVENTS,
                errno,
                text: None,
            }));
        }
        if self.filter != Filter::ALL {
            self.order(LISTEN, Some(self.filter), token)?;
        }
        Ok(())
    }

    fn order(&mut self, what: u32, filter: Option<Filter>, ack: u32) -> Result<(), Error> {
        self.socket.send(&order(what, filter, ack)?)
    }

    /// The socket, for its settings and counts.
    pub fn socket_mut(&mut self) -> &mut Socket {
        &mut self.socket
    }

    /// Waits for the next item; [`None`] if none arrives in that time.
    ///
    /// # Errors
    ///
    /// As [`Socket::receive`].
    pub fn next_within(&mut self, silence: Duration) -> Result<Option<ProcessNews>, Error> {
        let deadline = Instant::now().checked_add(silence);
        loop {
            match self.news_until(deadline)? {
                Some(ProcessNews::Event(event)) if !self.filter.wants(&event.kind) => {}
                news => return Ok(news),
            }
        }
    }

    fn news_until(&mut self, deadline: Option<Instant>) -> Result<Option<ProcessNews>, Error> {
        let (held, next, gaps) = (&mut self.held, &mut self.next, self.filter == Filter::ALL);
        if let Some(event) = held.take() {
            return Ok(Some(ProcessNews::Event(event)));
        }
        let mut events = self.socket.events_until(deadline);
        events
            .find_map(|event| event.map(|event| news(event, held, next, gaps)).transpose())
            .transpose()
    }
}

impl Iterator for ProcessEvents {
    type Item = Result<ProcessNews, Error>;

    /// Waits without a limit. The iterator ends when the descriptor of [`Socket::stop_on`] becomes readable.
    fn next(&mut self) -> Option<Self::Item> {
        let gaps = self.filter == Filter::ALL;
        loop {
            if let Some(event) = self.held.take() {
                return Some(Ok(ProcessNews::Event(event)));
            }
            let (held, next) = (&mut self.held, &mut self.next);
            match self
                .socket
                .events()
                .find_map(|event| event.map(|event| news(event, held, next, gaps)).transpose())?
            {
                Ok(ProcessNews::Event(event)) if !self.filter.wants(&event.kind) => {}
                news => return Some(news),
            }
        }
    }
}

impl Drop for ProcessEvents {
    /// Kernels count the listeners, and some do not notice that a socket was closed.
    fn drop(&mut self) {
        let _ = self.order(IGNORE, None, 0);
    }
}

fn order(what: u32, filter: Option<Filter>, ack: u32) -> Result<Message<'static>, Error> {
    let mut payload = what.to_ne_bytes().to_vec();
    // Kernels before 6.6 have no filter.
    if let Some(Filter(bits)) = filter {
        payload.extend_from_slice(&bits.to_ne_bytes());
    }
    Ok(Message::new(Id::PROCESS_EVENTS, payload)?.with_ack(ack))
}

fn news(
    event: Event<'_>,
    held: &mut Option<ProcessEvent>,
    next: &mut NextNumbers,
    gaps: bool,
) -> Option<ProcessNews> {
    match event {
        // The kernel's own provider sends its answers to the group, cn_proc.ko to the requester.
        Event::Message(Arrival {
            message,
            group: Some(GROUP) | None,
        }) if message.id == Id::PROCESS_EVENTS => {
            let event = match ProcessEvent::decode(&message) {
                Ok(event) => event,
                Err(error) => return Some(ProcessNews::Malformed(error)),
            };
            match next.gap_before(&event) {
                missed @ 1.. if gaps => {
                    let cpu = event.cpu;
                    *held = Some(event);
                    Some(ProcessNews::Gap { cpu, missed })
                }
                _ => Some(ProcessNews::Event(event)),
            }
        }
        Event::Lost(number) => Some(ProcessNews::Lost(number)),
        Event::Malformed(error) => Some(ProcessNews::Malformed(error)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_counted_for_each_processor() {
        let mut next = NextNumbers::default();
        let mut news = |cpu, seq, kind| {
            next.gap_before(&ProcessEvent {
                cpu,
                seq,
                time: 0,
                kind,
            })
        };
        let mut event = |cpu, seq| news(cpu, seq, ProcessKind::Unknown { what: 8 });
        assert_eq!(
            [
                event(0, 7),
                event(1, 100),
                event(0, 8),
                event(0, 11),
                event(1, 101)
            ],
            [0, 0, 0, 2, 0]
        );
        assert_eq!([event(2, u32::MAX), event(2, 0), event(2, 2)], [0, 0, 1]);
        let answer = ProcessKind::Acknowledgement { ack: 1, errno: 0 };
        assert_eq!(
            [news(0, 5, answer.clone()), news(u32::MAX, 9, answer)],
            [0, 0]
        );
        let mut event = |cpu, seq| news(cpu, seq, ProcessKind::Unknown { what: 8 });
        assert_eq!([event(0, 50), event(0, 52)], [0, 1]);
    }
}
