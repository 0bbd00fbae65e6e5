// SPDX-License-Identifier: GPL-2.0

//! The service: requests in, events out, and hooks that are attached only while a socket listens.
//!
//! Guarantees:
//!
//! - A socket in the group gets the events that it has asked for, from the acknowledgement of its
//!   request until it ignores or is closed. Requests of other sockets do not change that.
//! - The hooks for these events are attached before the request is acknowledged, and the first
//!   event comes behind the acknowledgement.
//! - Hooks are attached as long as a socket has asked for their events, whether it is in the group
//!   or not: netlink does not say when and with which socket a program joins. An idle hook stays
//!   attached for a while, so that programs that listen and ignore in alternation do not have the
//!   code of the kernel changed each time.
//! - The cost of a request does not depend on the number of listeners. A request waits for others
//!   only where a hook has to be attached for it, or where its user has reached the limit.
//! - Only work items attach and detach hooks, and visit members. They do not run with the priority
//!   of a program. Programs wait for them, and hold nothing meanwhile.
//!
//! C counterpart: `drivers/connector/cn_proc.c`.

#![forbid(unsafe_code)]

use crate::{
    event::{Event, Kinds, Operation, Refused},
    hook::{Hook, Hooks},
    listeners::{Listeners, Overview, Request, Verdict},
};
use connector::{
    group_has_listeners, visit_listeners, Capability, Handler, Id, Message, Outgoing, Port,
    SendError, Sender, SocketChange, SocketId, SocketWatcher,
};
use core::marker::PhantomData;
use kernel::{
    prelude::*,
    sync::atomic::{Atomic, Relaxed},
};

/// The id of requests and events.
pub(crate) const ID: Id = Id::new(1, 1);

/// The group that gets events.
const GROUP: u32 = ID.idx();

/// How often a request beyond the limit waits for sockets that are closed already, while the user
/// opens and closes others.
const WAITS_MAX: u32 = 100;

/// What the service needs of C.
pub(crate) trait Glue: Send + Sync + 'static {
    /// The sequence number of a message.
    type Number: SequenceNumber;

    /// The next sequence number of this processor.
    fn next_number() -> Self::Number;

    /// The last sequence number of this processor, for a message that takes none.
    fn last_number() -> Self::Number;

    /// Nanoseconds since the machine has started. Context: any but NMI.
    fn now() -> u64;

    /// Attaches a hook, which then delivers events. May sleep.
    ///
    /// # Errors
    ///
    /// This kernel lacks what the hook needs, or memory.
    fn attach(hook: Hook) -> Result;

    /// Detaches a hook. May sleep. A tracepoint may still run until [`Self::synchronize`], and
    /// exits that are pending are delivered.
    fn detach(hook: Hook);

    /// Waits, when all hooks are detached, until none is running, and discards pending exits.
    fn synchronize();

    /// How many events the hooks have missed. Context: process.
    fn missed() -> u64;

    /// Has a work item attach and detach hooks in so many milliseconds, or earlier, if it is due
    /// earlier; 0 means now.
    fn update_hooks_in(milliseconds: u32);

    /// Waits until each hook that is needed now was attached, or failed to be.
    ///
    /// # Errors
    ///
    /// [`EINTR`]: the task is killed.
    fn wait_attached() -> Result;

    /// Waits until the members of the group were visited after this was called; errors as
    /// [`Self::wait_attached`].
    fn wait_visited() -> Result;

    /// Waits until [`Self::close_delivered`] was called for all sockets that are closed now; for ten
    /// seconds at most. Errors as [`Self::wait_attached`].
    fn wait_closes() -> Result;

    /// The service has removed a closed socket, by its number. Context: any.
    fn close_delivered(socket: u64);
}

/// The sequence number of a message, from the processor on which this task stays; no other message
/// is sent on that one until this is dropped.
pub(crate) trait SequenceNumber {
    /// The number.
    fn number(&self) -> u32;

    /// The processor.
    fn cpu(&self) -> u32;
}

/// The service.
#[pin_data]
pub(crate) struct Service<G: Glue> {
    #[pin]
    listeners: Listeners,
    /// Events that netlink got while there were listeners.
    sent: Atomic<u64>,
    /// Events for which there was no memory.
    no_memory: Atomic<u64>,
    _glue: PhantomData<G>,
}

/// The contents of the head of the file.
pub(crate) struct Summary {
    pub(crate) overview: Overview,
    pub(crate) sent: u64,
    pub(crate) no_memory: u64,
    pub(crate) missed: u64,
}

impl<G: Glue> Service<G> {
    /// A service without listeners, for a kernel with these hooks. `limit` is the number of
    /// listeners that each user may have without `CAP_NET_ADMIN`.
    pub(crate) fn new(available: Hooks, limit: u32) -> impl PinInit<Self> {
        pin_init!(Self {
            listeners <- Listeners::new(available, limit),
            sent: Atomic::new(0),
            no_memory: Atomic::new(0),
            _glue: PhantomData,
        })
    }

    /// Sends an event to the listeners that get its kind. Does not sleep. Context: process,
    /// preemption may be off.
    pub(crate) fn deliver(&self, event: &Event) {
        if !self.listeners.want(event) {
            return;
        }
        // An event without listeners takes no number.
        if !group_has_listeners(GROUP).unwrap_or(false) {
            return;
        }
        let sequence = G::next_number();
        let wire = event.wire(sequence.cpu(), G::now());
        let mut gets = |listener: &connector::Listener<'_>| {
            self.listeners
                .with(listener.socket(), |listener| listener.take(event))
                .unwrap_or(false)
        };
        let sent = Outgoing::new(ID, &wire).seq(sequence.number()).send_to(
            connector::Listeners::of_group(GROUP).filter(&mut gets),
            GFP_NOWAIT,
        );
        drop(sequence);
        match sent {
            Err(SendError::NoMemory) => {
                self.no_memory.fetch_add(1, Relaxed);
                self.listeners.count_lost(event);
            }
            Err(SendError::NoListeners) => (),
            _ => {
                self.sent.fetch_add(1, Relaxed);
            }
        }
    }

    /// Grants the request of a socket to listen, and acknowledges it.
    ///
    /// # Errors
    ///
    /// Nothing was acknowledged, and the socket gets the same events as before.
    ///
    /// - [`ENOMEM`]: no memory.
    /// - [`ENOSPC`]: the user has reached the limit of listeners.
    /// - [`EINTR`]: the task is killed.
    fn listen(&self, message: &Message<'_>, sender: &Sender<'_>, kinds: Kinds) -> Result {
        let is_privileged = sender.capable(Capability::NET_ADMIN);
        let user = (!is_privileged).then(|| sender.uid());
        let mut request = Request::new(sender.socket(), sender.portid(), kinds, user)?;
        let granted = self.wait_granted(message, sender, &mut request);
        let is_idle = self.listeners.withdraw(&mut request, G::now());
        // A socket that requests less than before leaves hooks idle as well.
        if is_idle || granted == Ok(true) {
            G::update_hooks_in(0);
        }
        granted.map(|_| ())
    }

    /// Grants a request, as soon as its hooks are attached and its user is below the limit. Returns
    /// whether an attached hook has become idle.
    ///
    /// # Errors
    ///
    /// As [`Self::listen`].
    fn wait_granted(
        &self,
        message: &Message<'_>,
        sender: &Sender<'_>,
        request: &mut Request,
    ) -> Result<bool> {
        let mut has_waited = false;
        let (mut waits, mut removed_before) = (0u32, None);
        loop {
            match self.grant(message, sender, request) {
                Verdict::Granted { is_idle } => return Ok(is_idle),
                // A reserved hook stays attached, so there was no memory to attach one.
                Verdict::HookMissing if core::mem::replace(&mut has_waited, true) => {
                    return Err(ENOMEM);
                }
                Verdict::HookMissing => {
                    self.listeners.reserve(request);
                    G::wait_attached()?;
                }
                // No listener of the user was removed during the last wait.
                Verdict::Full { removed }
                    if waits == WAITS_MAX || removed_before == Some(removed) =>
                {
                    self.listeners.count_refused();
                    return Err(ENOSPC);
                }
                Verdict::Full { removed } => {
                    waits = waits.saturating_add(1);
                    removed_before = Some(removed);
                    G::wait_closes()?;
                }
            }
        }
    }

    /// Grants a request and acknowledges it, if that can be done now. Nothing comes between the
    /// two, so that the request of a socket which was acknowledged last is the one that counts.
    fn grant(&self, message: &Message<'_>, sender: &Sender<'_>, request: &mut Request) -> Verdict {
        acknowledge::<G, _>(message, sender, 0, |send| {
            self.listeners.listen(request, G::now(), send)
        })
    }

    /// Attaches the hooks that listeners and requests need. May sleep; called by a work item, by
    /// one task at a time.
    ///
    /// If the kernel refuses a hook that it seemed to have, the others are attached nevertheless. A
    /// hook for which there is no memory stays missing.
    pub(crate) fn attach(&self) {
        for hook in self.listeners.missing().iter() {
            match G::attach(hook) {
                Ok(()) => self.listeners.add_attached(hook, G::now()),
                Err(error) if error == ENOMEM => (),
                Err(error) => {
                    let (name, errno) = (hook.name(), error.to_errno());
                    pr_warn!("no {name} events: their hook cannot be attached ({errno})\n");
                    self.listeners.remove_available(hook);
                }
            }
        }
    }

    /// Detaches the hooks that have been idle for long enough. May sleep; called by a work item, by
    /// one task at a time.
    pub(crate) fn detach_idle(&self) {
        let (idle, next) = self.listeners.take_idle(G::now());
        for hook in idle.iter() {
            G::detach(hook);
        }
        if let Some(nanoseconds) = next {
            G::update_hooks_in((nanoseconds / 1_000_000).saturating_add(1) as u32);
        }
    }

    /// Removes a listener, if the socket is one, and calls `acknowledge`.
    fn remove(&self, socket: SocketId, acknowledge: impl FnOnce()) {
        if self.listeners.remove(socket, G::now(), acknowledge) {
            G::update_hooks_in(0);
        }
    }

    /// Acknowledges that a request is refused.
    fn refuse(&self, message: &Message<'_>, sender: &Sender<'_>, error: Error) {
        let errno = error.to_errno().unsigned_abs();
        acknowledge::<G, _>(message, sender, errno, |send| {
            if send() {
                self.listeners
                    .with(sender.socket(), |listener| listener.count_sent());
            }
        });
    }

    /// The contents of the head of the file.
    pub(crate) fn summary(&self) -> Summary {
        Summary {
            overview: self.listeners.overview(),
            sent: self.sent.load(Relaxed),
            no_memory: self.no_memory.load(Relaxed),
            missed: G::missed(),
        }
    }

    /// Waits until a pass over the members of the group has marked the listeners that are members.
    /// Returns the number of that pass, or of one just before.
    ///
    /// # Errors
    ///
    /// [`EINTR`]: the task is killed.
    pub(crate) fn find_members(&self) -> Result<u64> {
        let pass = self.listeners.pass().wrapping_add(1);
        G::wait_visited()?;
        Ok(pass)
    }

    /// Marks the listeners that are in the group, and copies the numbers of messages that they have
    /// missed. May sleep; called by a work item, by one task at a time.
    pub(crate) fn visit(&self) {
        let pass = self.listeners.begin_pass();
        // Without memory, no listener is shown as a member.
        let _ = visit_listeners(GROUP, |member| {
            let dropped = member.drops();
            self.listeners.with(member.socket(), |listener| {
                listener.seen = pass;
                listener.dropped = dropped;
            });
        });
    }

    /// The listeners.
    pub(crate) fn listeners(&self) -> &Listeners {
        &self.listeners
    }

    /// Detaches all hooks, and waits until none calls [`Self::deliver`] any more. May sleep. The
    /// work items were stopped before.
    pub(crate) fn stop(&self) {
        for hook in self.listeners.stop().iter() {
            G::detach(hook);
        }
        G::synchronize();
    }
}

/// Makes the acknowledgement of a request, and calls `work` with a function that sends it to the
/// requester's socket only. That function returns whether the message counts as sent. `error` is 0
/// or a positive number as in `errno.h`.
///
/// The acknowledgement looks like an event: it comes through the group and from a processor. It has
/// the last sequence number of that processor, so that there is no gap between it and the next
/// event.
///
/// Sending must not wait: the reader may be the task that is sending the request. As with any
/// message for which there is no room, the program is notified that it missed something.
fn acknowledge<G: Glue, R>(
    message: &Message<'_>,
    sender: &Sender<'_>,
    error: u32,
    work: impl FnOnce(&mut dyn FnMut() -> bool) -> R,
) -> R {
    // Before the lock of the listeners is taken, as for an event.
    let sequence = G::last_number();
    let wire = Event::Acknowledged { error }.wire(sequence.cpu(), G::now());
    let acknowledgement = Outgoing::reply_to(message, &wire).seq(sequence.number());
    work(&mut || {
        let requester = Port(sender.portid()).shown_in(GROUP);
        let sent = acknowledgement.send_to(requester, GFP_ATOMIC);
        // Netlink counts a message for which there is no room as dropped.
        matches!(sent, Ok(()) | Err(SendError::ReceiverFull))
    })
}

impl<G: Glue> Handler for Service<G> {
    fn receive(&self, message: &Message<'_>, sender: &Sender<'_>) -> Result {
        let result = match Operation::read(message.payload()) {
            Ok(Operation::Listen(kinds)) => self.listen(message, sender, kinds),
            Ok(Operation::Ignore) => {
                acknowledge::<G, _>(message, sender, 0, |send| {
                    // A message to a socket that does not listen is not counted.
                    self.remove(sender.socket(), || {
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

impl<G: Glue> SocketWatcher for Service<G> {
    /// Called a moment after the change, when no socket can have the same number any more.
    fn changed(&self, change: SocketChange) {
        if let SocketChange::Closed(socket) = change {
            self.remove(socket, || ());
            G::close_delivered(socket.number());
        }
    }
}
