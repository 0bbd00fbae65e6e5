// SPDX-License-Identifier: GPL-2.0

//! The service: requests in, events out, and hooks that are attached only while somebody listens.
//!
//! Guarantees:
//!
//! - A socket in the group gets the events that it has asked for, from the acknowledgement of its
//!   request until it ignores or is closed. Requests of other sockets do not change that.
//! - The hooks for these events are attached before the request is acknowledged, and the first event
//!   comes behind the acknowledgement.
//! - Hooks are attached as long as a socket has asked for their events, whether it is in the group or
//!   not: netlink does not say when and with which socket a program joins. They stay attached for a
//!   while after that, so that programs that listen and ignore by turns do not have the code of the
//!   kernel changed each time.
//! - What a request costs does not depend on how many listeners there are. It waits for others only
//!   where a hook has to be attached for it, or where its user has reached the limit.
//! - Hooks are attached and detached, and members are visited, by work items only, which do not run
//!   with the priority of a program. Programs wait for them, and hold nothing meanwhile.
//!
//! C counterpart: `drivers/connector/cn_proc.c`.

use crate::{
    event::{Event, Kinds},
    glue::{self, Turn},
    hook::Hooks,
    listeners::{Listeners, Overview, Request, Verdict},
    operation::{Operation, Refused},
};
use connector::{
    group_has_listeners, visit_listeners, Capability, Handler, Id, Message, Outgoing, Port,
    SendError, Sender, SocketChange, SocketId, SocketWatcher,
};
use kernel::{
    prelude::*,
    sync::atomic::{Atomic, Relaxed},
};

/// Whose messages these are.
pub(crate) const ID: Id = Id::new(1, 1);

/// The group that gets events.
const GROUP: u32 = ID.idx();

/// How often a request beyond the limit has it looked for sockets that are closed already, while
/// other sockets of the user are opened and closed.
const LOOKS_MAX: u32 = 100;

/// The service.
#[pin_data]
pub(crate) struct Service {
    #[pin]
    listeners: Listeners,
    /// Events that were handed to netlink while somebody listened.
    sent: Atomic<u64>,
    /// Events for which there was no memory.
    no_memory: Atomic<u64>,
}

/// What there is to be shown, but for the listeners.
pub(crate) struct Summary {
    pub(crate) overview: Overview,
    pub(crate) sent: u64,
    pub(crate) no_memory: u64,
    pub(crate) missed: u64,
}

impl Service {
    /// A service without listeners, for a kernel with these hooks, where each user may have so many
    /// listeners without `CAP_NET_ADMIN`.
    pub(crate) fn new(available: Hooks, limit: u32) -> impl PinInit<Self> {
        pin_init!(Self {
            listeners <- Listeners::new(available, limit),
            sent: Atomic::new(0),
            no_memory: Atomic::new(0),
        })
    }

    /// Tells those of an event who want it. Does not sleep. Context: process, preemption may be
    /// off.
    pub(crate) fn tell(&self, event: &Event) {
        if !self.listeners.want(event) {
            return;
        }
        // An event for nobody takes no number.
        if !group_has_listeners(GROUP).unwrap_or(false) {
            return;
        }
        let turn = Turn::take();
        let wire = event.wire(turn.cpu(), glue::now());
        let mut takes = |listener: &connector::Listener<'_>| {
            self.listeners
                .with(listener.socket(), |listener| listener.take(event))
                .unwrap_or(false)
        };
        let sent = Outgoing::new(ID, &wire).seq(turn.number()).send_to(
            connector::Listeners::of_group(GROUP).filter(&mut takes),
            GFP_NOWAIT,
        );
        drop(turn);
        match sent {
            Err(SendError::NoMemory) => {
                self.no_memory.fetch_add(1, Relaxed);
                self.listeners.lose(event);
            }
            Err(SendError::NoListeners) => (),
            _ => {
                self.sent.fetch_add(1, Relaxed);
            }
        }
    }

    /// Lets a socket listen, and tells it so.
    ///
    /// # Errors
    ///
    /// The socket was not told; what it got before, it still gets.
    ///
    /// - [`ENOMEM`]: no memory.
    /// - [`ENOSPC`]: the user has as many listeners as he may have.
    /// - [`EINTR`]: the task is killed.
    fn listen(&self, message: &Message<'_>, sender: &Sender<'_>, kinds: Kinds) -> Result {
        let is_privileged = sender.capable(Capability::NET_ADMIN);
        let user = (!is_privileged).then(|| sender.uid());
        let mut request = Request::new(sender.socket(), sender.portid(), kinds, user)?;
        let granted = self.await_grant(message, sender, &mut request);
        if self.listeners.withdraw(&mut request, glue::now()) {
            glue::settle_later(0);
        }
        granted
    }

    /// Waits until a request can be granted, or is to be refused.
    ///
    /// # Errors
    ///
    /// As [`Self::listen`].
    fn await_grant(
        &self,
        message: &Message<'_>,
        sender: &Sender<'_>,
        request: &mut Request,
    ) -> Result {
        let mut has_waited = false;
        let (mut looks, mut gone_before) = (0u32, None);
        loop {
            match self.grant(message, sender, request) {
                Verdict::Granted => return Ok(()),
                // What was to be attached for it stays so, unless there was no memory.
                Verdict::Lacks if core::mem::replace(&mut has_waited, true) => return Err(ENOMEM),
                Verdict::Lacks => {
                    self.listeners.ask(request);
                    glue::await_attached()?;
                }
                // None of his sockets was closed when this looked for that.
                Verdict::Full { gone } if looks == LOOKS_MAX || gone_before == Some(gone) => {
                    self.listeners.count_refused();
                    return Err(ENOSPC);
                }
                Verdict::Full { gone } => {
                    looks = looks.saturating_add(1);
                    gone_before = Some(gone);
                    glue::await_closes()?;
                }
            }
        }
    }

    /// Grants a request and acknowledges it, if that can be done now. The last request of a socket
    /// that is acknowledged is the one that counts, as nothing comes between the two.
    fn grant(&self, message: &Message<'_>, sender: &Sender<'_>, request: &mut Request) -> Verdict {
        acknowledge(message, sender, 0, |send| {
            self.listeners.listen(request, glue::now(), send)
        })
    }

    /// Attaches the hooks that listeners and requests need; work, never done twice at a time. One
    /// that this kernel refuses, although it looked as if it had it, is no reason to go without the
    /// others. One for which there is no memory stays missing.
    pub(crate) fn attach(&self) {
        for hook in self.listeners.missing().iter() {
            match glue::attach(hook) {
                Ok(()) => self.listeners.add_attached(hook, glue::now()),
                Err(error) if error == ENOMEM => (),
                Err(error) => {
                    let (name, errno) = (hook.name(), error.to_errno());
                    pr_warn!("no {name} events: their hook cannot be attached ({errno})\n");
                    self.listeners.remove_available(hook);
                }
            }
        }
    }

    /// Detaches what nobody has needed for a while; the work that [`glue::settle_later`] asks for,
    /// never done twice at a time. May sleep.
    pub(crate) fn settle(&self) {
        let (idle, next) = self.listeners.take_idle(glue::now());
        for hook in idle.iter() {
            glue::detach(hook);
        }
        if let Some(nanoseconds) = next {
            glue::settle_later((nanoseconds / 1_000_000).saturating_add(1) as u32);
        }
    }

    /// Forgets a listener, if the socket is one, and calls `acknowledge`.
    fn forget(&self, socket: SocketId, acknowledge: impl FnOnce()) {
        if self.listeners.remove(socket, glue::now(), acknowledge) {
            glue::settle_later(0);
        }
    }

    /// Refuses a request.
    fn refuse(&self, message: &Message<'_>, sender: &Sender<'_>, error: Error) {
        let errno = error.to_errno().unsigned_abs();
        acknowledge(message, sender, errno, |send| {
            if send() {
                self.listeners
                    .with(sender.socket(), |listener| listener.count_sent());
            }
        });
    }

    /// What there is to be shown, but for the listeners.
    pub(crate) fn summary(&self) -> Summary {
        Summary {
            overview: self.listeners.overview(),
            sent: self.sent.load(Relaxed),
            no_memory: self.no_memory.load(Relaxed),
            missed: glue::missed(),
        }
    }

    /// Waits until it was noted which listeners are in the group; returns the number of that pass,
    /// or of one just before.
    ///
    /// # Errors
    ///
    /// [`EINTR`]: the task is killed.
    pub(crate) fn look_for_members(&self) -> Result<u64> {
        let pass = self.listeners.pass().wrapping_add(1);
        glue::await_visit()?;
        Ok(pass)
    }

    /// Notes which listeners are in the group, and what they have missed; work, never done twice at
    /// a time. May sleep.
    pub(crate) fn visit(&self) {
        let pass = self.listeners.begin_pass();
        // Without memory, nobody is shown as a member.
        let _ = visit_listeners(GROUP, |member| {
            let dropped = member.drops();
            self.listeners.with(member.socket(), |listener| {
                listener.seen = pass;
                listener.dropped = dropped;
            });
        });
    }

    /// Who listens.
    pub(crate) fn listeners(&self) -> &Listeners {
        &self.listeners
    }

    /// Detaches everything, and waits until nothing calls [`Self::tell`] any more. Work was ended.
    /// May sleep.
    pub(crate) fn stop(&self) {
        for hook in self.listeners.stop().iter() {
            glue::detach(hook);
        }
        glue::quiesce();
    }
}

/// Makes the answer to a request, and calls `work` with what sends it to the socket that has made
/// the request and to no other; that returns whether the message counts as sent. `error` is 0 or a
/// positive number as in `errno.h`.
///
/// The answer looks as if it were an event: it comes through the group, from a processor, and as
/// it has the number that this processor gave last, there is no gap between it and the next
/// event.
///
/// Sending must not wait: the reader may be the task that is sending the request. As with any
/// message for which there is no room, the program is told that it missed something.
fn acknowledge<R>(
    message: &Message<'_>,
    sender: &Sender<'_>,
    error: u32,
    work: impl FnOnce(&mut dyn FnMut() -> bool) -> R,
) -> R {
    // Before the lock of the listeners, as an event does it.
    let turn = Turn::again();
    let wire = Event::Acknowledged { error }.wire(turn.cpu(), glue::now());
    let acknowledgement = Outgoing::reply_to(message, &wire).seq(turn.number());
    work(&mut || {
        let only_him = Port(sender.portid()).shown_in(GROUP);
        let sent = acknowledgement.send_to(only_him, GFP_ATOMIC);
        // What there is no room for, netlink has counted as dropped.
        matches!(sent, Ok(()) | Err(SendError::ReceiverFull))
    })
}

impl Handler for Service {
    fn receive(&self, message: &Message<'_>, sender: &Sender<'_>) -> Result {
        let result = match Operation::read(message.payload()) {
            Ok(Operation::Listen(kinds)) => self.listen(message, sender, kinds),
            Ok(Operation::Ignore) => {
                acknowledge(message, sender, 0, |send| {
                    // What is sent to a socket that does not listen, nobody counts.
                    self.forget(sender.socket(), || {
                        send();
                    });
                });
                Ok(())
            }
            Err(Refused::Operation) => Err(EINVAL),
            Err(Refused::Length) => return Err(EINVAL),
        };
        result.inspect_err(|error| self.refuse(message, sender, *error))
    }

    /// Events name processes and users by numbers of the initial namespaces.
    fn permits(&self, sender: &Sender<'_>) -> bool {
        sender.is_in_initial_namespaces()
    }
}

impl SocketWatcher for Service {
    /// Told a moment after it has happened, when nobody can be this socket any more.
    fn changed(&self, change: SocketChange) {
        if let SocketChange::Closed(socket) = change {
            self.forget(socket, || ());
            glue::closed(socket.number());
        }
    }
}
