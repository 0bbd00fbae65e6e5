// SPDX-License-Identifier: GPL-2.0

//! What listeners want, and which hooks are attached for that.
//!
//! Listeners are counted for each kind of event, so that a change costs the same with one listener
//! as with thousands.
//!
//! Pure: depends on nothing but `core`, so that it compiles on the host too.

use crate::{
    event::Kinds,
    hook::{Hook, Hooks},
};

/// How long a hook stays attached after the last one has gone who needed it.
pub(crate) const LINGER_NS: u64 = 200_000_000;

/// The same if one of those who needed it had no `CAP_NET_ADMIN`.
pub(crate) const USERS_LINGER_NS: u64 = 10_000_000_000;

/// How many listeners want each kind of event, and the state of the hooks.
#[derive(Debug)]
pub(crate) struct Demand {
    /// How many listeners want each kind, in the order of [`Kinds::EACH`].
    listeners: [u32; Kinds::EACH.len()],
    /// How many requests wait until there can be events of each kind.
    requests: [u32; Kinds::EACH.len()],
    /// The hooks that this kernel has, as far as is known.
    available: Hooks,
    attached: Hooks,
    /// Those that somebody without `CAP_NET_ADMIN` has needed since they were last detached.
    by_users: Hooks,
    /// Since when each attached hook that nobody needs has been so, in the order of their numbers.
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
            by_users: Hooks::NONE,
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

    /// The hooks that have to be attached before somebody can listen to these kinds.
    pub(crate) fn lacking(&self, kinds: Kinds) -> Hooks {
        Hooks::for_kinds(kinds)
            .and(self.available)
            .without(self.attached)
    }

    /// Replaces what a listener wants; [`Kinds::NONE`] stands for no listener. `by_user` says that
    /// it has no `CAP_NET_ADMIN`. Returns whether an attached hook has become idle.
    pub(crate) fn change(&mut self, from: Kinds, to: Kinds, by_user: bool, now: u64) -> bool {
        let needed_before = self.needed();
        recount(&mut self.listeners, from, to);
        if by_user {
            self.mark(Hooks::for_kinds(to));
        }
        self.note_idle(needed_before, now)
    }

    /// A request waits until there can be events of these kinds; what is attached for it stays so
    /// until it is withdrawn.
    pub(crate) fn ask(&mut self, kinds: Kinds, by_user: bool) {
        recount(&mut self.requests, Kinds::NONE, kinds);
        if by_user {
            self.mark(Hooks::for_kinds(kinds));
        }
    }

    /// The request has waited. Returns whether an attached hook has become idle.
    pub(crate) fn withdraw(&mut self, kinds: Kinds, now: u64) -> bool {
        let needed_before = self.needed();
        recount(&mut self.requests, kinds, Kinds::NONE);
        self.note_idle(needed_before, now)
    }

    /// A hook was attached. Who needed it may be gone by now.
    pub(crate) fn add_attached(&mut self, hook: Hook, now: u64) {
        self.attached.add(hook);
        self.begin_idle(hook, now);
    }

    /// The kernel has refused to attach a hook.
    pub(crate) fn remove_available(&mut self, hook: Hook) {
        self.available.remove(hook);
    }

    /// Takes the hooks that have been attached for nobody for long enough, which are to be
    /// detached now, and says in how many nanoseconds the next one will have been.
    pub(crate) fn take_idle(&mut self, now: u64) -> (Hooks, Option<u64>) {
        let idle = self.attached.without(self.needed());
        let mut next = None;
        let mut taken = Hooks::NONE;
        for (hook, since) in Hook::ALL.into_iter().zip(self.idle_since) {
            if !idle.contains(hook) {
                continue;
            }
            let linger = if self.by_users.contains(hook) {
                USERS_LINGER_NS
            } else {
                LINGER_NS
            };
            match linger.checked_sub(now.saturating_sub(since)) {
                None | Some(0) => taken.add(hook),
                Some(left) => next = Some(next.unwrap_or(left).min(left)),
            }
        }
        self.attached = self.attached.without(taken);
        self.by_users = self.by_users.without(taken);
        (taken, next)
    }

    /// Takes all hooks that are attached, which are to be detached now.
    pub(crate) fn take_all(&mut self) -> Hooks {
        core::mem::take(&mut self.attached)
    }

    fn mark(&mut self, hooks: Hooks) {
        for hook in hooks.iter() {
            self.by_users.add(hook);
        }
    }

    /// Notes which of the attached hooks were needed before, and are not now. Whether there are
    /// any.
    fn note_idle(&mut self, needed_before: Hooks, now: u64) -> bool {
        let idle = needed_before.without(self.needed()).and(self.attached);
        for hook in idle.iter() {
            self.begin_idle(hook, now);
        }
        !idle.is_empty()
    }

    fn begin_idle(&mut self, hook: Hook, now: u64) {
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

/// Counts somebody who has wanted some kinds, and now wants others.
fn recount(counts: &mut [u32; Kinds::EACH.len()], from: Kinds, to: Kinds) {
    for (kind, count) in Kinds::EACH.into_iter().zip(counts) {
        match (from.has(kind), to.has(kind)) {
            (false, true) => *count = count.wrapping_add(1),
            (true, false) => *count = count.wrapping_sub(1),
            _ => (),
        }
    }
}
