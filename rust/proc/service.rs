// SPDX-License-Identifier: GPL-2.0

//! The service: requests in, events out, and hooks that are attached only while somebody listens.
//!
//! Guarantees:
//!
//! - A socket gets the events that it has asked for, from when it is told so until it asks for none
//!   or is closed, if it is in the group. What others do changes nothing about that.
//! - Whoever is told that he listens, does: the hooks are attached before, and his first event comes
//!   behind that message.
//! - Hooks are attached as long as somebody has asked for their events, whether he is in the group or
//!   not: netlink does not say when and with which socket he joins. They stay a little longer, so that
//!   who comes and goes all the time does not have the code of the kernel changed each time.
//!
//! C counterpart: `drivers/connector/cn_proc.c`.

use crate::{
    event::{Event, Kinds},
    glue::{self, Turn},
    hook::{Hook, Hooks},
    listener::Listener,
    listeners::Listeners,
    operation::{Operation, Refused},
};
use connector::{
    group_has_listeners, visit_listeners, Capability, Handler, Id, Message, Outgoing, Port,
    SendError, Sender, SocketChange, SocketId, SocketWatcher,
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        Mutex,
    },
};

/// Whose messages these are.
pub(crate) const ID: Id = Id::new(1, 1);

/// The group that gets events.
const GROUP: u32 = ID.idx();

/// How soon is tried again what there was no memory for.
const TRY_AGAIN_MS: u32 = 1000;

/// How long a hook stays attached after the last one has gone who needed it.
const LINGER_NS: u64 = 200_000_000;

/// The same if one of those who needed it had no `CAP_NET_ADMIN`.
const USERS_LINGER_NS: u64 = 10_000_000_000;

/// What changes only with the lock held that attaching and detaching need.
struct Control {
    /// The hooks that this kernel has, as far as is known.
    available: Hooks,
    attached: Hooks,
    /// Those of the attached that somebody without `CAP_NET_ADMIN` has needed.
    by_users: Hooks,
    /// Since when each hook has been attached for nobody, in the order of their numbers.
    idle_since: [Option<u64>; Hook::ALL.len()],
}

impl Control {
    /// The hooks, and since when they are attached for nobody.
    fn idle(&mut self) -> impl Iterator<Item = (Hook, &mut Option<u64>)> {
        Hook::ALL.into_iter().zip(&mut self.idle_since)
    }

    /// Takes the hooks that have been attached for nobody for long enough, and says in how many
    /// nanoseconds the next one will have been.
    fn take_idle(&mut self, needed: Hooks, now: u64) -> (Hooks, Option<u64>) {
        let (attached, by_users) = (self.attached, self.by_users);
        let (mut taken, mut next) = (Hooks::NONE, None);
        for (hook, since) in self.idle() {
            if needed.contains(hook) || !attached.contains(hook) {
                *since = None;
                continue;
            }
            let linger = if by_users.contains(hook) {
                USERS_LINGER_NS
            } else {
                LINGER_NS
            };
            let idle = now.saturating_sub(*since.get_or_insert(now));
            match linger.checked_sub(idle) {
                None | Some(0) => taken.add(hook),
                Some(left) => next = Some(next.unwrap_or(left).min(left)),
            }
        }
        (taken, next)
    }
}

/// The service.
#[pin_data]
pub(crate) struct Service {
    /// What those who listen want, together, as [`Kinds::bits`].
    wanted: Atomic<u32>,
    #[pin]
    listeners: Listeners,
    #[pin]
    control: Mutex<Control>,
    /// Events that were handed to netlink while somebody listened.
    sent: Atomic<u64>,
    /// Events for which there was no memory.
    no_memory: Atomic<u64>,
}

/// What there is to be shown.
pub(crate) struct Summary {
    pub(crate) available: Hooks,
    pub(crate) attached: Hooks,
    pub(crate) sent: u64,
    pub(crate) no_memory: u64,
    pub(crate) missed: u64,
}

impl Service {
    /// A service without listeners, for a kernel with these hooks.
    pub(crate) fn new(available: Hooks) -> impl PinInit<Self> {
        pin_init!(Self {
            wanted: Atomic::new(0),
            listeners <- Listeners::new(),
            control <- new_mutex!(
                Control {
                    available,
                    attached: Hooks::NONE,
                    by_users: Hooks::NONE,
                    idle_since: [None; Hook::ALL.len()],
                },
                "cn_proc_control"
            ),
            sent: Atomic::new(0),
            no_memory: Atomic::new(0),
        })
    }

    /// Tells those of an event who want it. Does not sleep. Context: process, preemption may be
    /// off.
    pub(crate) fn tell(&self, event: &Event) {
        if !Kinds::from_bits(self.wanted.load(Relaxed)).want(event) {
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

    /// Prepares for what a socket has asked for; it gets that when it was told so.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: no memory. What the socket got before, it still gets.
    fn listen(&self, control: &mut Control, sender: &Sender<'_>, kinds: Kinds) -> Result {
        let socket = sender.socket();
        let is_privileged = sender.capable(Capability::NET_ADMIN);
        let new = Listener::new(sender.portid(), kinds, is_privileged);
        let before = self.listeners.ask(socket, new)?;
        self.adapt(control).inspect_err(|_| {
            match before {
                Some(kinds) => {
                    self.listeners
                        .with(socket, |listener| listener.asked = kinds);
                }
                None => {
                    self.listeners.remove(socket);
                }
            }
            glue::settle_later(0);
        })
    }

    /// Attaches what is needed for those who have asked, and remembers what is wanted.
    ///
    /// # Errors
    ///
    /// As for [`Self::listen`].
    fn adapt(&self, control: &mut Control) -> Result {
        let (mut kinds, mut of_users) = (Kinds::NONE, Kinds::NONE);
        self.listeners.for_each(|_, listener| {
            kinds = kinds.with(listener.needs());
            if !listener.is_privileged {
                of_users = of_users.with(listener.needs());
            }
        });
        self.attach(control, kinds)?;
        for hook in Hooks::for_kinds(of_users).and(control.attached).iter() {
            control.by_users.add(hook);
        }
        let needed = Hooks::for_kinds(kinds);
        for (_, since) in control.idle().filter(|(hook, _)| needed.contains(*hook)) {
            *since = None;
        }
        self.wanted.store(kinds.bits(), Relaxed);
        Ok(())
    }

    /// Attaches the hooks for some kinds. One that this kernel refuses, although it looked as if it
    /// had it, is no reason to go without the others.
    fn attach(&self, control: &mut Control, kinds: Kinds) -> Result {
        let needed = Hooks::for_kinds(kinds).and(control.available);
        for hook in needed.without(control.attached).iter() {
            match glue::attach(hook) {
                Ok(()) => control.attached.add(hook),
                Err(error) if error == ENOMEM => return Err(error),
                Err(error) => {
                    let (name, errno) = (hook.name(), error.to_errno());
                    pr_warn!("no {name} events: their hook cannot be attached ({errno})\n");
                    control.available.remove(hook);
                }
            }
        }
        Ok(())
    }

    /// Detaches what nobody has needed for a while; the work that [`glue::settle_later`] asks for.
    /// May sleep.
    pub(crate) fn settle(&self) {
        let mut control = self.control.lock();
        if self.adapt(&mut control).is_err() {
            glue::settle_later(TRY_AGAIN_MS);
            return;
        }
        let wanted = Kinds::from_bits(self.wanted.load(Relaxed));
        let (idle, next) = control.take_idle(Hooks::for_kinds(wanted), glue::now());
        for hook in idle.iter() {
            glue::detach(hook);
            control.attached.remove(hook);
            control.by_users.remove(hook);
        }
        if let Some(nanoseconds) = next {
            glue::settle_later((nanoseconds / 1_000_000).saturating_add(1) as u32);
        }
    }

    /// Forgets a listener, if the socket is one.
    fn forget(&self, socket: SocketId) {
        if self.listeners.remove(socket) {
            glue::settle_later(0);
        }
    }

    /// Answers a request, to the socket that made it and to no other; a listener gets what it has
    /// asked for from here on.
    ///
    /// The answer looks as if it were an event: it comes through the group, from a processor, and as
    /// it has the number that this processor gave last, there is no gap between it and the next
    /// event.
    ///
    /// Must not wait: the reader may be the task that is sending the request. As with any message
    /// for which there is no room, the program is told that it missed something.
    fn acknowledge(&self, message: &Message<'_>, sender: &Sender<'_>, result: Result) {
        let error = result.map_or_else(|error| error.to_errno().unsigned_abs(), |()| 0);
        let turn = Turn::again();
        let wire = Event::Acknowledged { error }.wire(turn.cpu(), glue::now());
        let acknowledgement = Outgoing::reply_to(message, &wire).seq(turn.number());
        let only_him = Port(sender.portid()).shown_in(GROUP);
        // An event asks for the listener, with the same lock held, before it is sent to him.
        let told = self.listeners.with(sender.socket(), |listener| {
            let sent = acknowledgement.send_to(only_him, GFP_ATOMIC);
            // What there is no room for, netlink has counted as dropped.
            if matches!(sent, Ok(()) | Err(SendError::ReceiverFull)) {
                listener.sent = listener.sent.wrapping_add(1);
            }
            listener.begin();
        });
        if told.is_none() {
            // What could not be sent to who does not listen, nobody counts.
            let _ = acknowledgement.send_to(only_him, GFP_ATOMIC);
        }
    }

    /// Looks at who is in the group, and tells what there is to be shown. May sleep.
    pub(crate) fn summary(&self) -> Summary {
        let control = self.control.lock();
        // Without memory, nobody is shown as a member.
        let _ = self.look_for_members();
        Summary {
            available: control.available,
            attached: control.attached,
            sent: self.sent.load(Relaxed),
            no_memory: self.no_memory.load(Relaxed),
            missed: glue::missed(),
        }
    }

    /// Notes which listeners are in the group, and what they have missed.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: no memory.
    fn look_for_members(&self) -> Result {
        self.listeners
            .for_each(|_, listener| listener.is_member = false);
        visit_listeners(GROUP, |member| {
            let dropped = member.drops();
            self.listeners.with(member.socket(), |listener| {
                listener.is_member = true;
                listener.dropped = dropped;
            });
        })?;
        Ok(())
    }

    /// Who listens.
    pub(crate) fn listeners(&self) -> &Listeners {
        &self.listeners
    }

    /// Detaches everything, and waits until nothing calls [`Self::tell`] any more. May sleep.
    pub(crate) fn stop(&self) {
        let mut control = self.control.lock();
        self.wanted.store(0, Relaxed);
        for hook in control.attached.iter() {
            glue::detach(hook);
        }
        control.attached = Hooks::NONE;
        glue::quiesce();
    }
}

impl Handler for Service {
    fn receive(&self, message: &Message<'_>, sender: &Sender<'_>) -> Result {
        // Held until the answer is on its way, so that the last request of a socket is what counts.
        let mut control = self.control.lock();
        let result = match Operation::read(message.payload()) {
            Ok(Operation::Listen(kinds)) => self.listen(&mut control, sender, kinds),
            Ok(Operation::Ignore) => {
                self.forget(sender.socket());
                Ok(())
            }
            Err(Refused::Operation) => Err(EINVAL),
            Err(Refused::Length) => return Err(EINVAL),
        };
        self.acknowledge(message, sender, result);
        result
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
            self.forget(socket);
        }
    }
}
