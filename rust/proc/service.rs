// SPDX-License-Identifier: GPL-2.0

//! The service: requests in, events out, and hooks that are attached only while somebody listens.
//!
//! Guarantees:
//!
//! - A socket gets the events that it has asked for, from when it is told so until it asks for none
//!   or is closed, if it is in the group. What others do changes nothing about that.
//! - Whoever is told that he listens, does: the hooks are attached before.
//! - Nothing is attached when nobody who has asked is in the group, but see [`JOINING_NS`].
//!
//! C counterpart: `drivers/connector/cn_proc.c`.

use crate::{
    event::{Event, Kinds},
    glue::{self, Turn},
    hook::Hooks,
    listener::Listener,
    listeners::Listeners,
    operation::{Operation, Refused},
};
use connector::{
    visit_listeners, Handler, Id, Message, Outgoing, SendError, Sender, SocketChange, SocketWatcher,
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

/// How long a program may take to join a group after the connector has let it. Netlink does not say
/// when it has, nor by which socket; until then, a listener that asked before and is not in the
/// group is taken for one that will be.
const JOINING_NS: u64 = 10_000_000_000;

/// How soon it is looked whether somebody has joined, or whether those whom an event did not reach
/// have left.
const LOOK_AGAIN_MS: u32 = 1000;

/// How long hooks stay attached after the last one has gone who needed them: who comes and goes all
/// the time shall not have the code of the kernel changed each time.
const LINGER_MS: u32 = 200;

/// What changes only with the lock held that attaching and detaching need.
struct Control {
    /// The hooks that this kernel has, as far as is known.
    available: Hooks,
    attached: Hooks,
    /// When a program was last let into the group.
    joined_ns: Option<u64>,
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
                Control { available, attached: Hooks::NONE, joined_ns: None },
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
            // They have left in a way that nobody was told of.
            Err(SendError::NoListeners) => glue::settle_later(LOOK_AGAIN_MS),
            _ => {
                self.sent.fetch_add(1, Relaxed);
            }
        }
    }

    /// Lets a socket listen.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: no memory. What the socket wanted before, it still gets.
    fn listen(&self, sender: &Sender<'_>, kinds: Kinds) -> Result {
        let socket = sender.socket();
        let mut control = self.control.lock();
        let before = self.listeners.set(socket, sender.portid(), kinds)?;
        let adapted = self.adapt(&mut control);
        // It may be joining at this very moment.
        self.look_again_for_outsiders(&control);
        adapted.inspect_err(|_| {
            match before {
                Some(kinds) => {
                    self.listeners
                        .with(socket, |listener| listener.kinds = kinds);
                }
                None => {
                    self.listeners.remove(socket);
                }
            }
            glue::settle_later(0);
        })
    }

    /// Attaches what is needed for those who listen now, and remembers what is wanted.
    ///
    /// # Errors
    ///
    /// As for [`Self::listen`].
    fn adapt(&self, control: &mut Control) -> Result {
        let kinds = self.needed(control)?;
        self.attach(control, kinds)?;
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

    /// Detaches what nobody needs any more; the work that [`glue::settle_later`] asks for. May
    /// sleep.
    pub(crate) fn settle(&self) {
        let mut control = self.control.lock();
        if self.adapt(&mut control).is_err() {
            glue::settle_later(LOOK_AGAIN_MS);
            return;
        }
        let wanted = Kinds::from_bits(self.wanted.load(Relaxed));
        let needless = control.attached.without(Hooks::for_kinds(wanted));
        for hook in needless.iter() {
            glue::detach(hook);
            control.attached.remove(hook);
        }
        self.look_again_for_outsiders(&control);
    }

    /// Has it looked again, soon, whether a listener who is not in the group has joined it.
    fn look_again_for_outsiders(&self, control: &Control) {
        if self.joining(control).is_some() && self.has_outsiders() {
            glue::settle_later(LOOK_AGAIN_MS);
        }
    }

    /// When somebody was let into the group who has perhaps not joined yet.
    fn joining(&self, control: &Control) -> Option<u64> {
        control
            .joined_ns
            .filter(|joined| glue::now().wrapping_sub(*joined) < JOINING_NS)
    }

    /// What those want who have asked and are in the group, or perhaps will be in a moment.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: no memory.
    fn needed(&self, control: &Control) -> Result<Kinds> {
        let mut kinds = Kinds::NONE;
        self.visit_members(|listener| kinds = kinds.with(listener.kinds))?;
        if let Some(joined) = self.joining(control) {
            self.listeners.for_each(|_, listener| {
                if !listener.is_member && listener.asked_ns <= joined {
                    kinds = kinds.with(listener.kinds);
                }
            });
        }
        Ok(kinds)
    }

    /// Calls `work` with each listener that is in the group, and notes which they are.
    fn visit_members(&self, mut work: impl FnMut(&Listener)) -> Result {
        self.listeners
            .for_each(|_, listener| listener.is_member = false);
        visit_listeners(GROUP, |member| {
            let dropped = member.drops();
            self.listeners.with(member.socket(), |listener| {
                listener.is_member = true;
                listener.dropped = dropped;
                work(listener);
            });
        })?;
        Ok(())
    }

    /// Whether there are listeners who were not in the group when that was last looked at.
    fn has_outsiders(&self) -> bool {
        let mut found = false;
        self.listeners
            .for_each(|_, listener| found |= !listener.is_member);
        found
    }

    /// Answers a request, to the socket that made it and to no other.
    ///
    /// Must not wait: the reader may be the task that is sending the request. As with any message
    /// for which there is no room, the program is told that it missed something.
    fn acknowledge(&self, message: &Message<'_>, sender: &Sender<'_>, result: Result) {
        let error = result.map_or_else(|error| error.to_errno().unsigned_abs(), |()| 0);
        let wire = Event::Acknowledged { error }.wire(u32::MAX, glue::now());
        let sent = Outgoing::reply_to(message, &wire).send_to_port(sender.portid(), GFP_ATOMIC);
        // What there is no room for, netlink has counted as dropped.
        if matches!(sent, Ok(()) | Err(SendError::ReceiverFull)) {
            self.listeners.with(sender.socket(), |listener| {
                listener.sent = listener.sent.wrapping_add(1);
            });
        }
    }

    /// Looks at who is in the group, and tells what there is to be shown. May sleep.
    pub(crate) fn summary(&self) -> Summary {
        let control = self.control.lock();
        // Without memory, nobody is shown as a member.
        let _ = self.visit_members(|_| ());
        Summary {
            available: control.available,
            attached: control.attached,
            sent: self.sent.load(Relaxed),
            no_memory: self.no_memory.load(Relaxed),
            missed: glue::missed(),
        }
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
        let result = match Operation::read(message.payload()) {
            Ok(Operation::Listen(kinds)) => self.listen(sender, kinds),
            Ok(Operation::Ignore) => {
                if self.listeners.remove(sender.socket()) {
                    glue::settle_later(LINGER_MS);
                }
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
    fn changed(&self, change: SocketChange) {
        match change {
            SocketChange::Closed(socket) => {
                if self.listeners.remove(socket) {
                    glue::settle_later(LINGER_MS);
                }
            }
            SocketChange::Joins(GROUP) => self.expect_member(),
            SocketChange::Left(GROUP) => glue::settle_later(LINGER_MS),
            SocketChange::Joins(_) | SocketChange::Left(_) => (),
        }
    }
}

impl Service {
    /// Somebody joins the group. If there is a listener that is not in it, it may be that one.
    fn expect_member(&self) {
        let mut control = self.control.lock();
        control.joined_ns = Some(glue::now());
        if self.listeners.next_after(None).is_some() {
            // What could not be attached now is attached later.
            let _ = self.adapt(&mut control);
            glue::settle_later(LOOK_AGAIN_MS);
        }
    }
}
