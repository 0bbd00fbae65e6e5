// SPDX-License-Identifier: GPL-2.0

//! Which sockets have asked for events.
//!
//! Looked at while an event is sent, with preemption off, so that nothing here sleeps, except where
//! memory for a new listener is taken before the lock is.

use crate::{
    event::{Event, Kinds},
    listener::Listener,
};
use connector::SocketId;
use kernel::{
    new_spinlock,
    prelude::*,
    rbtree::{RBTree, RBTreeNode},
    sync::SpinLock,
};

/// All listeners, found by their socket.
#[pin_data]
pub(crate) struct Listeners {
    #[pin]
    tree: SpinLock<RBTree<SocketId, Listener>>,
}

impl Listeners {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            tree <- new_spinlock!(RBTree::new(), "cn_proc_listeners"),
        })
    }

    /// Notes what a socket has asked for; what it gets is what it was before. Returns what it had
    /// asked for before. May sleep.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: no memory.
    pub(crate) fn ask(&self, socket: SocketId, new: Listener) -> Result<Option<Kinds>> {
        let node = RBTreeNode::new(socket, new, GFP_KERNEL)?;
        let mut tree = self.tree.lock();
        if let Some(listener) = tree.get_mut(&socket) {
            let before = listener.asked;
            listener.asked = new.asked;
            listener.is_privileged &= new.is_privileged;
            drop(tree);
            drop(node);
            return Ok(Some(before));
        }
        tree.insert(node);
        Ok(None)
    }

    /// Removes a socket, and returns whether it was there.
    pub(crate) fn remove(&self, socket: SocketId) -> bool {
        let removed = self.tree.lock().remove_node(&socket);
        // It is freed when the lock is not held any more.
        removed.is_some()
    }

    /// Calls `work` with the listener that the socket is, if it is one.
    pub(crate) fn with<R>(
        &self,
        socket: SocketId,
        work: impl FnOnce(&mut Listener) -> R,
    ) -> Option<R> {
        self.tree.lock().get_mut(&socket).map(work)
    }

    /// Calls `work` with each listener; it must not sleep.
    pub(crate) fn for_each(&self, mut work: impl FnMut(SocketId, &mut Listener)) {
        for (socket, listener) in self.tree.lock().iter_mut() {
            work(*socket, listener);
        }
    }

    /// Counts an event that could not be sent.
    pub(crate) fn lose(&self, event: &Event) {
        self.for_each(|_, listener| listener.lose(event));
    }

    /// The listener that comes first among those behind `last`.
    pub(crate) fn next_after(&self, last: Option<SocketId>) -> Option<(SocketId, Listener)> {
        let mut tree = self.tree.lock();
        let Some(last) = last else {
            let first = tree.iter().next();
            return first.map(|(socket, listener)| (*socket, *listener));
        };
        let mut cursor = tree.cursor_lower_bound_mut(&last)?;
        if *cursor.current().0 == last {
            cursor = cursor.move_next()?;
        }
        let (socket, listener) = cursor.current();
        Some((*socket, *listener))
    }
}
