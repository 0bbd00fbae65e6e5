// SPDX-License-Identifier: GPL-2.0

//! Which sockets have asked for events, and what has to be attached for them.
//!
//! Looked at while an event is sent, with preemption off, so that nothing here sleeps, except where
//! memory for a new listener is taken before the lock is. Nothing walks over all listeners with the
//! lock held.

use crate::{
    demand::Demand,
    event::{Event, Kinds},
    hook::{Hook, Hooks},
    listener::{Listener, Losses},
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

/// What the lock protects.
struct State {
    /// The listeners, by the numbers of their sockets.
    tree: RBTree<u64, Listener>,
    /// The listeners without `CAP_NET_ADMIN` of each user who has any.
    users: RBTree<u32, Account>,
    demand: Demand,
    losses: Losses,
    /// Requests of users who had as many listeners as they may have.
    refused: u64,
    /// The number of the last pass over the members of the group.
    pass: u64,
}

/// The listeners of a user.
#[derive(Clone, Copy, Default)]
struct Account {
    count: u32,
    /// How many others there were since the first of them.
    gone: u64,
}

/// All listeners.
#[pin_data]
pub(crate) struct Listeners {
    /// What those who listen want, together, as [`Kinds::bits`].
    wanted: Atomic<u32>,
    /// How many listeners a user may have without `CAP_NET_ADMIN`.
    limit: u32,
    #[pin]
    state: SpinLock<State>,
}

/// A request to listen, with the memory that granting it may take.
pub(crate) struct Request {
    socket: SocketId,
    kinds: Kinds,
    user: Option<u32>,
    listener: Option<RBTreeNode<u64, Listener>>,
    account: Option<RBTreeNode<u32, Account>>,
    /// Whether the hooks that it needs are kept for it.
    waits: bool,
}

/// What came of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The socket listens, and was told so.
    Granted,
    /// A hook has to be attached before.
    Lacks,
    /// The user has as many listeners as he may have; so many others of his are gone.
    Full { gone: u64 },
}

impl Request {
    /// A request of a socket with this port; `user` is who asks, if without `CAP_NET_ADMIN`. May
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
            waits: false,
        })
    }
}

/// What there is to be shown, but for the listeners.
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
                    pass: 0,
                },
                "cn_proc_listeners"
            ),
        })
    }

    /// Whether somebody may want an event.
    pub(crate) fn want(&self, event: &Event) -> bool {
        Kinds::from_bits(self.wanted.load(Relaxed)).want(event)
    }

    /// Grants a request, if that can be done now. If not, the socket still gets what it got before.
    ///
    /// `acknowledge` notifies the socket of it, and returns whether that message counts as sent. It
    /// must not sleep. Events that are looked at later go behind that message.
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
            let Account { count, gone } = state.users.get(&user).copied().unwrap_or_default();
            if count >= self.limit {
                return Verdict::Full { gone };
            }
        }
        if !state.demand.lacking(request.kinds).is_empty() {
            return Verdict::Lacks;
        }
        if state.tree.get(&socket).is_none() {
            if let Some(node) = request.listener.take() {
                state.tree.insert(node);
            }
        }
        let Some(listener) = state.tree.get_mut(&socket) else {
            return Verdict::Lacks;
        };
        if let Some(user) = user {
            if state.users.get(&user).is_none() {
                if let Some(node) = request.account.take() {
                    state.users.insert(node);
                }
            }
            if let Some(account) = state.users.get_mut(&user) {
                account.count = account.count.wrapping_add(1);
            }
            listener.user = Some(user);
        }
        let by_user = listener.user.is_some();
        state
            .demand
            .change(listener.kinds, request.kinds, by_user, now);
        self.wanted.store(state.demand.wanted().bits(), Relaxed);
        if acknowledge() {
            listener.count_sent();
        }
        listener.begin(request.kinds, &state.losses);
        Verdict::Granted
    }

    /// Has the hooks that a request needs kept until it is withdrawn.
    pub(crate) fn ask(&self, request: &mut Request) {
        if !request.waits {
            request.waits = true;
            let demand = &mut self.state.lock().demand;
            demand.ask(request.kinds, request.user.is_some());
        }
    }

    /// Keeps nothing for a request any more. Returns whether an attached hook has become idle.
    pub(crate) fn withdraw(&self, request: &mut Request, now: u64) -> bool {
        core::mem::take(&mut request.waits) && self.state.lock().demand.withdraw(request.kinds, now)
    }

    /// Counts a request that was refused because the user has as many listeners as he may have.
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
        // Memory is freed when the lock is not held any more.
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

    /// Counts an event that could not be sent.
    pub(crate) fn lose(&self, event: &Event) {
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

    /// Takes the hooks that are to be detached, as [`Demand::take_idle`].
    pub(crate) fn take_idle(&self, now: u64) -> (Hooks, Option<u64>) {
        self.state.lock().demand.take_idle(now)
    }

    /// Wants no events any more, and takes all hooks that are attached.
    pub(crate) fn stop(&self) -> Hooks {
        let mut state = self.state.lock();
        self.wanted.store(0, Relaxed);
        state.demand.take_all()
    }

    /// What there is to be shown, but for the listeners.
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
    /// Counts one listener of a user less; returns what is to be freed.
    fn release(&mut self, user: u32) -> Option<RBTreeNode<u32, Account>> {
        let account = self.users.get_mut(&user)?;
        account.count = account.count.wrapping_sub(1);
        account.gone = account.gone.wrapping_add(1);
        if account.count != 0 {
            return None;
        }
        self.users.remove_node(&user)
    }
}
