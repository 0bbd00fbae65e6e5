// SPDX-License-Identifier: GPL-2.0

//! The sockets that have asked for events, and the hooks that they need.
//!
//! Guarantees: nothing here sleeps, because each event looks up its listeners with preemption off;
//! only the memory for a new listener is allocated before the lock is taken. No task visits all
//! listeners while it holds the lock.
//!
//! C counterpart: none; there each socket has one word, `sk_user_data`.

#![forbid(unsafe_code)]

use crate::{
    event::{Event, Kinds, Listener, Losses},
    hook::{Demand, Hook, Hooks},
};
use connector::SocketId;
use kernel::{
    new_spinlock,
    prelude::*,
    rbtree::{RBTree, RBTreeNode},
    sync::{
        atomic::{Atomic, Relaxed},
        SpinLock,
    },
};

/// The data that the lock protects.
struct State {
    /// The listeners, by the numbers of their sockets.
    tree: RBTree<u64, Listener>,
    /// The accounts of the users that have listeners without `CAP_NET_ADMIN`.
    users: RBTree<u32, Account>,
    demand: Demand,
    losses: Losses,
    /// Requests that were refused because their user had reached the limit.
    refused: u64,
    /// How many listeners of users were removed.
    removed: u64,
    /// The number of the last pass over the members of the group.
    pass: u64,
}

/// The number of listeners of a user.
#[derive(Clone, Copy, Default)]
struct Account {
    count: u32,
    /// How many listeners of all users were removed when the last one of this user was.
    removed: u64,
}

/// All listeners.
#[pin_data]
pub(crate) struct Listeners {
    /// The kinds of all listeners together, as [`Kinds::bits`].
    wanted: Atomic<u32>,
    /// How many listeners a user may have without `CAP_NET_ADMIN`.
    limit: u32,
    #[pin]
    state: SpinLock<State>,
}

/// A request to listen, with the memory that may be needed to grant it.
pub(crate) struct Request {
    socket: SocketId,
    kinds: Kinds,
    user: Option<u32>,
    listener: Option<RBTreeNode<u64, Listener>>,
    account: Option<RBTreeNode<u32, Account>>,
    /// Whether the hooks that it needs are reserved.
    is_reserved: bool,
}

/// The verdict on a request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The socket listens, and the request was acknowledged. Whether an attached hook has become
    /// idle, because the socket requested more before.
    Granted { is_idle: bool },
    /// A hook has to be attached before.
    HookMissing,
    /// The user has reached the limit of listeners. The number is another one when one of them was
    /// removed.
    Full { removed: u64 },
}

impl Request {
    /// A request of a socket with this port, and of a user, if that has no `CAP_NET_ADMIN`. May
    /// sleep.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: no memory.
    pub(crate) fn new(
        socket: SocketId,
        portid: u32,
        kinds: Kinds,
        user: Option<u32>,
    ) -> Result<Self> {
        let listener = RBTreeNode::new(socket.number(), Listener::new(portid), GFP_KERNEL)?;
        let account = match user {
            Some(user) => Some(RBTreeNode::new(user, Account::default(), GFP_KERNEL)?),
            None => None,
        };
        Ok(Self {
            socket,
            kinds,
            user,
            listener: Some(listener),
            account,
            is_reserved: false,
        })
    }
}

/// The hooks, and the number of refused requests.
pub(crate) struct Overview {
    pub(crate) available: Hooks,
    pub(crate) attached: Hooks,
    pub(crate) refused: u64,
}

impl Listeners {
    /// No listeners, on a kernel with these hooks.
    pub(crate) fn new(available: Hooks, limit: u32) -> impl PinInit<Self> {
        pin_init!(Self {
            wanted: Atomic::new(0),
            limit,
            state <- new_spinlock!(
                State {
                    tree: RBTree::new(),
                    users: RBTree::new(),
                    demand: Demand::new(available),
                    losses: Losses::default(),
                    refused: 0,
                    removed: 0,
                    pass: 0,
                },
                "cn_proc_listeners"
            ),
        })
    }

    /// Whether a listener may get an event.
    pub(crate) fn want(&self, event: &Event) -> bool {
        Kinds::from_bits(self.wanted.load(Relaxed)).want(event)
    }

    /// Grants a request, if that can be done now. If not, the socket gets the same events as
    /// before.
    ///
    /// `acknowledge` sends the acknowledgement, and returns whether that counts as sent. It must
    /// not sleep. Events that are looked up later follow that message.
    pub(crate) fn listen(
        &self,
        request: &mut Request,
        now: u64,
        acknowledge: impl FnOnce() -> bool,
    ) -> Verdict {
        let mut state = self.state.lock();
        let state = &mut *state;
        let socket = request.socket.number();
        let is_counted = match state.tree.get(&socket) {
            Some(listener) => listener.user.is_some(),
            None => false,
        };
        let user = request.user.filter(|_| !is_counted);
        if let Some(user) = user {
            let Account { count, removed } = state.users.get(&user).copied().unwrap_or_default();
            if count >= self.limit {
                return Verdict::Full { removed };
            }
        }
        if !state.demand.lacking(request.kinds).is_empty() {
            return Verdict::HookMissing;
        }
        if state.tree.get(&socket).is_none() {
            if let Some(node) = request.listener.take() {
                state.tree.insert(node);
            }
        }
        let Some(listener) = state.tree.get_mut(&socket) else {
            return Verdict::HookMissing;
        };
        if let Some(user) = user {
            if state.users.get(&user).is_none() {
                if let Some(node) = request.account.take() {
                    state.users.insert(node);
                }
            }
            if let Some(account) = state.users.get_mut(&user) {
                account.count = account.count.wrapping_add(1);
                if account.count == 1 {
                    account.removed = state.removed;
                }
            }
            listener.user = Some(user);
        }
        let is_unprivileged = listener.user.is_some();
        let is_idle = state
            .demand
            .change(listener.kinds, request.kinds, is_unprivileged, now);
        self.wanted.store(state.demand.wanted().bits(), Relaxed);
        if acknowledge() {
            listener.count_sent();
        }
        listener.begin(request.kinds, &state.losses);
        Verdict::Granted { is_idle }
    }

    /// Reserves the hooks that a request needs, until it is withdrawn.
    pub(crate) fn reserve(&self, request: &mut Request) {
        if !request.is_reserved {
            request.is_reserved = true;
            let demand = &mut self.state.lock().demand;
            demand.reserve(request.kinds, request.user.is_some());
        }
    }

    /// Reserves nothing for a request any more. Returns whether an attached hook has become idle.
    pub(crate) fn withdraw(&self, request: &mut Request, now: u64) -> bool {
        core::mem::take(&mut request.is_reserved)
            && self.state.lock().demand.withdraw(request.kinds, now)
    }

    /// Counts a request that was refused because its user has reached the limit.
    pub(crate) fn count_refused(&self) {
        let mut state = self.state.lock();
        state.refused = state.refused.wrapping_add(1);
    }

    /// Removes a socket, if it is there, and calls `acknowledge`, which must not sleep. Returns
    /// whether an attached hook has become idle.
    pub(crate) fn remove(&self, socket: SocketId, now: u64, acknowledge: impl FnOnce()) -> bool {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        let listener = state.tree.get(&socket.number()).copied();
        let node = state.tree.remove_node(&socket.number());
        let mut account = None;
        let mut is_idle = false;
        if let Some(Listener { kinds, user, .. }) = listener {
            account = user.and_then(|user| state.release(user));
            is_idle = state.demand.change(kinds, Kinds::NONE, false, now);
            self.wanted.store(state.demand.wanted().bits(), Relaxed);
        }
        acknowledge();
        drop(guard);
        // The memory is freed without the lock.
        drop((node, account));
        is_idle
    }

    /// Calls `work` with the listener that the socket is, if it is one.
    pub(crate) fn with<R>(
        &self,
        socket: SocketId,
        work: impl FnOnce(&mut Listener) -> R,
    ) -> Option<R> {
        self.state.lock().tree.get_mut(&socket.number()).map(work)
    }

    /// Counts an event for which there was no memory.
    pub(crate) fn count_lost(&self, event: &Event) {
        self.state.lock().losses.count(event);
    }

    /// The hooks that have to be attached for listeners and requests.
    pub(crate) fn missing(&self) -> Hooks {
        self.state.lock().demand.missing()
    }

    /// A hook was attached.
    pub(crate) fn add_attached(&self, hook: Hook, now: u64) {
        self.state.lock().demand.add_attached(hook, now);
    }

    /// The kernel has refused to attach a hook.
    pub(crate) fn remove_available(&self, hook: Hook) {
        self.state.lock().demand.remove_available(hook);
    }

    /// Takes the hooks that the caller detaches, as [`Demand::take_idle`].
    pub(crate) fn take_idle(&self, now: u64) -> (Hooks, Option<u64>) {
        self.state.lock().demand.take_idle(now)
    }

    /// Wants no events any more, and takes all attached hooks, which the caller detaches.
    pub(crate) fn stop(&self) -> Hooks {
        let mut state = self.state.lock();
        self.wanted.store(0, Relaxed);
        state.demand.take_all()
    }

    /// The hooks, and the number of refused requests.
    pub(crate) fn overview(&self) -> Overview {
        let state = self.state.lock();
        Overview {
            available: state.demand.available(),
            attached: state.demand.attached(),
            refused: state.refused,
        }
    }

    /// Begins a pass over the members of the group, and returns its number.
    pub(crate) fn begin_pass(&self) -> u64 {
        let mut state = self.state.lock();
        state.pass = state.pass.wrapping_add(1);
        state.pass
    }

    /// The number of the last pass that has begun.
    pub(crate) fn pass(&self) -> u64 {
        self.state.lock().pass
    }

    /// The number of the first listener whose number is at least this.
    pub(crate) fn first_from(&self, number: u64) -> Option<u64> {
        let state = self.state.lock();
        let cursor = state.tree.cursor_lower_bound(&number)?;
        Some(*cursor.current().0)
    }

    /// The listener with a number, and how many events there was no memory for.
    pub(crate) fn get(&self, number: u64) -> Option<(Listener, u64)> {
        let state = self.state.lock();
        let listener = state.tree.get(&number)?;
        Some((*listener, listener.no_memory(&state.losses)))
    }
}

impl State {
    /// Removes one listener from the account of a user; returns what the caller frees.
    fn release(&mut self, user: u32) -> Option<RBTreeNode<u32, Account>> {
        self.removed = self.removed.wrapping_add(1);
        let account = self.users.get_mut(&user)?;
        account.count = account.count.wrapping_sub(1);
        account.removed = self.removed;
        if account.count != 0 {
            return None;
        }
        self.users.remove_node(&user)
    }
}
