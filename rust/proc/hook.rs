// SPDX-License-Identifier: GPL-2.0

//! Hooks: which kinds of events need which, which of them are attached, and which are idle.
//!
//! Listeners are counted for each kind of event, so that a change costs the same with one listener
//! as with thousands.
//!
//! Pure: depends on nothing but `core`, so that it compiles on the host too.
//!
//! C counterpart: `proc_event_num_listeners` in `drivers/connector/connector.c`, which counts all
//! listeners together.

#![forbid(unsafe_code)]

use crate::event::Kinds;

/// A tracepoint or function of the kernel from which events come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub(crate) enum Hook {
    Fork,
    Exec,
    Exit,
    Comm,
    Credentials,
    Sid,
    Ptrace,
    Coredump,
}

impl Hook {
    /// All of them, in the order of their numbers.
    pub(crate) const ALL: [Self; 8] = [
        Self::Fork,
        Self::Exec,
        Self::Exit,
        Self::Comm,
        Self::Credentials,
        Self::Sid,
        Self::Ptrace,
        Self::Coredump,
    ];

    /// The kinds of events that need it.
    pub(crate) const fn kinds(self) -> Kinds {
        match self {
            Self::Fork => Kinds::FORK,
            Self::Exec => Kinds::EXEC,
            Self::Exit => Kinds::EXIT.with(Kinds::NONZERO_EXIT),
            Self::Comm => Kinds::COMM,
            Self::Credentials => Kinds::UID.with(Kinds::GID),
            Self::Sid => Kinds::SID,
            Self::Ptrace => Kinds::PTRACE,
            Self::Coredump => Kinds::COREDUMP,
        }
    }

    /// The name of its events for users.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Fork => "fork",
            Self::Exec => "exec",
            Self::Exit => "exit",
            Self::Comm => "comm",
            Self::Credentials => "uid gid",
            Self::Sid => "sid",
            Self::Ptrace => "ptrace",
            Self::Coredump => "coredump",
        }
    }

    const fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// A set of hooks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Hooks(u32);

impl Hooks {
    /// None.
    pub(crate) const NONE: Self = Self(0);

    /// All.
    pub(crate) const ALL: Self = Self((1 << Hook::ALL.len()) - 1);

    /// Those that `kinds` need.
    pub(crate) fn for_kinds(kinds: Kinds) -> Self {
        let mut hooks = Self::NONE;
        for hook in Hook::ALL {
            if kinds.has(hook.kinds()) {
                hooks.add(hook);
            }
        }
        hooks
    }

    /// Adds one.
    pub(crate) fn add(&mut self, hook: Hook) {
        self.0 |= hook.bit();
    }

    /// Removes one.
    pub(crate) fn remove(&mut self, hook: Hook) {
        self.0 &= !hook.bit();
    }

    /// Whether there is none.
    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether one is among them.
    pub(crate) const fn contains(self, hook: Hook) -> bool {
        self.0 & hook.bit() != 0
    }

    /// Those that are in both sets.
    pub(crate) const fn and(self, others: Self) -> Self {
        Self(self.0 & others.0)
    }

    /// Those that are not in `others`.
    pub(crate) const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// Writes in words which there are, and which not.
    pub(crate) fn describe(self, to: &mut impl core::fmt::Write) -> core::fmt::Result {
        let mut separator = "";
        for hook in self.iter() {
            to.write_str(separator)?;
            to.write_str(hook.name())?;
            separator = " ";
        }
        separator = "; not on this kernel: ";
        for hook in Self::ALL.without(self).iter() {
            to.write_str(separator)?;
            to.write_str(hook.name())?;
            separator = " ";
        }
        Ok(())
    }

    /// One by one.
    pub(crate) fn iter(self) -> impl Iterator<Item = Hook> {
        Hook::ALL
            .into_iter()
            .filter(move |hook| self.contains(*hook))
    }
}

/// How long an idle hook stays attached.
pub(crate) const IDLE_NS: u64 = 200_000_000;

/// The same, if a listener without `CAP_NET_ADMIN` has needed it.
pub(crate) const UNPRIVILEGED_IDLE_NS: u64 = 10_000_000_000;

/// The kinds of events that listeners want, and the hooks that are attached for them.
#[derive(Debug)]
pub(crate) struct Demand {
    /// How many listeners want each kind, in the order of [`Kinds::EACH`].
    listeners: [u32; Kinds::EACH.len()],
    /// How many requests wait for hooks of each kind.
    requests: [u32; Kinds::EACH.len()],
    /// The hooks that this kernel has, as far as it is known.
    available: Hooks,
    attached: Hooks,
    /// Those that a listener or request without `CAP_NET_ADMIN` has needed since they were
    /// attached.
    unprivileged: Hooks,
    /// The time at which each attached hook became idle, if it is, in the order of their numbers.
    idle_since: [u64; Hook::ALL.len()],
}

impl Demand {
    /// No listeners, on a kernel with these hooks.
    pub(crate) const fn new(available: Hooks) -> Self {
        Self {
            listeners: [0; Kinds::EACH.len()],
            requests: [0; Kinds::EACH.len()],
            available,
            attached: Hooks::NONE,
            unprivileged: Hooks::NONE,
            idle_since: [0; Hook::ALL.len()],
        }
    }

    /// The hooks that this kernel has.
    pub(crate) const fn available(&self) -> Hooks {
        self.available
    }

    /// The hooks that are attached.
    pub(crate) const fn attached(&self) -> Hooks {
        self.attached
    }

    /// The kinds that at least one listener wants.
    pub(crate) fn wanted(&self) -> Kinds {
        counted(&self.listeners)
    }

    /// The hooks that listeners or requests need.
    fn needed(&self) -> Hooks {
        Hooks::for_kinds(self.wanted().with(counted(&self.requests)))
    }

    /// The hooks that have to be attached for listeners and requests.
    pub(crate) fn missing(&self) -> Hooks {
        self.needed().and(self.available).without(self.attached)
    }

    /// The hooks that have to be attached before a socket can listen to these kinds.
    pub(crate) fn lacking(&self, kinds: Kinds) -> Hooks {
        Hooks::for_kinds(kinds)
            .and(self.available)
            .without(self.attached)
    }

    /// Replaces the kinds of a listener; [`Kinds::NONE`] stands for no listener. Returns whether an
    /// attached hook has become idle. `is_unprivileged`: the listener has no `CAP_NET_ADMIN`.
    #[must_use]
    pub(crate) fn change(
        &mut self,
        from: Kinds,
        to: Kinds,
        is_unprivileged: bool,
        now: u64,
    ) -> bool {
        let needed_before = self.needed();
        recount(&mut self.listeners, from, to);
        if is_unprivileged {
            self.mark_unprivileged(Hooks::for_kinds(to));
        }
        self.start_idle_times(needed_before, now)
    }

    /// A request needs the hooks of these kinds, which stay attached until it is withdrawn.
    pub(crate) fn reserve(&mut self, kinds: Kinds, is_unprivileged: bool) {
        recount(&mut self.requests, Kinds::NONE, kinds);
        if is_unprivileged {
            self.mark_unprivileged(Hooks::for_kinds(kinds));
        }
    }

    /// A request needs no hooks any more. Returns whether an attached hook has become idle.
    #[must_use]
    pub(crate) fn withdraw(&mut self, kinds: Kinds, now: u64) -> bool {
        let needed_before = self.needed();
        recount(&mut self.requests, kinds, Kinds::NONE);
        self.start_idle_times(needed_before, now)
    }

    /// A hook was attached. It may be idle by now.
    pub(crate) fn add_attached(&mut self, hook: Hook, now: u64) {
        self.attached.add(hook);
        self.start_idle_time(hook, now);
    }

    /// The kernel has refused to attach a hook.
    pub(crate) fn remove_available(&mut self, hook: Hook) {
        self.available.remove(hook);
    }

    /// Takes the hooks that have been idle for long enough, which the caller detaches. Returns also
    /// in how many nanoseconds this is to be called again.
    pub(crate) fn take_idle(&mut self, now: u64) -> (Hooks, Option<u64>) {
        let idle = self.attached.without(self.needed());
        let mut next = None;
        let mut taken = Hooks::NONE;
        for (hook, since) in Hook::ALL.into_iter().zip(self.idle_since) {
            if !idle.contains(hook) {
                continue;
            }
            let limit = if self.unprivileged.contains(hook) {
                UNPRIVILEGED_IDLE_NS
            } else {
                IDLE_NS
            };
            match limit.checked_sub(now.saturating_sub(since)) {
                None | Some(0) => taken.add(hook),
                Some(left) => next = Some(next.unwrap_or(left).min(left)),
            }
        }
        self.attached = self.attached.without(taken);
        self.unprivileged = self.unprivileged.without(taken);
        (taken, next)
    }

    /// Takes all attached hooks, which the caller detaches.
    pub(crate) fn take_all(&mut self) -> Hooks {
        core::mem::take(&mut self.attached)
    }

    fn mark_unprivileged(&mut self, hooks: Hooks) {
        for hook in hooks.iter() {
            self.unprivileged.add(hook);
        }
    }

    /// Starts the idle time of the attached hooks that were needed before, and are not now. Returns
    /// whether there are any.
    fn start_idle_times(&mut self, needed_before: Hooks, now: u64) -> bool {
        let idle = needed_before.without(self.needed()).and(self.attached);
        for hook in idle.iter() {
            self.start_idle_time(hook, now);
        }
        !idle.is_empty()
    }

    fn start_idle_time(&mut self, hook: Hook, now: u64) {
        for (other, since) in Hook::ALL.into_iter().zip(&mut self.idle_since) {
            if other == hook {
                *since = now;
            }
        }
    }
}

/// The kinds of which there is at least one.
fn counted(counts: &[u32; Kinds::EACH.len()]) -> Kinds {
    let counted = Kinds::EACH.into_iter().zip(counts);
    counted
        .filter(|(_, count)| **count != 0)
        .fold(Kinds::NONE, |kinds, (kind, _)| kinds.with(kind))
}

/// Replaces the kinds of one listener or request in the counts.
fn recount(counts: &mut [u32; Kinds::EACH.len()], from: Kinds, to: Kinds) {
    for (kind, count) in Kinds::EACH.into_iter().zip(counts) {
        match (from.has(kind), to.has(kind)) {
            (false, true) => *count = count.wrapping_add(1),
            (true, false) => *count = count.wrapping_sub(1),
            _ => (),
        }
    }
}
