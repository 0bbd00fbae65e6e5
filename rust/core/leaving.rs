// SPDX-License-Identifier: GPL-2.0

//! Modules that are being unloaded, which may not register anything any more.
//!
//! Guarantees:
//!
//! - As many modules as there are can leave at the same time: each has its node on the stack of the
//!   task that unloads it, so that adding one allocates nothing, cannot fail and waits for nothing.
//! - What [`Leaving::permit`] has permitted before a module was added is found by the task that
//!   added it, under the lock under which it was permitted.
//!
//! C counterpart: none.

use connector_base::bindings::cn_glue_within_module;
use core::cell::UnsafeCell;
use kernel::{bindings::module, new_spinlock, prelude::*, sync::SpinLock};

/// A module that is being unloaded.
struct Node {
    module: *const module,
    /// The next one; changed under the lock of the list.
    next: UnsafeCell<*const Node>,
}

/// The nodes of the modules.
///
/// # Invariants
///
/// `first` and the links of the nodes form a list that ends with null. A node, and the module that
/// it names, stay as long as the node is in the list.
struct List {
    first: *const Node,
}

// SAFETY: What is in the list may be used by any thread that has exclusive access to the list.
unsafe impl Send for List {}

impl List {
    fn iter(&self) -> impl Iterator<Item = &Node> {
        // SAFETY: By the type invariants; the list is borrowed, so that no node leaves it.
        let first = unsafe { self.first.as_ref() };
        core::iter::successors(first, |node| {
            // SAFETY: By the type invariants. Links change under an exclusive borrow of the list,
            // and it is borrowed here.
            unsafe { (*node.next.get()).as_ref() }
        })
    }

    /// Adds a node.
    ///
    /// # Safety
    ///
    /// `node` must be in no list; it and its module must stay until [`Self::remove`].
    unsafe fn add(&mut self, node: &Node) {
        // SAFETY: The node is in no list, so that nobody else looks at its link.
        unsafe { *node.next.get() = self.first };
        // INVARIANT: The node is linked to the former first one, and stays by the safety
        // requirements.
        self.first = node;
    }

    /// Takes a node out; does nothing if it is not there.
    fn remove(&mut self, node: &Node) {
        // SAFETY: Links change under an exclusive borrow of the list, which `self` is.
        let next = unsafe { *node.next.get() };
        if core::ptr::eq(self.first, node) {
            // INVARIANT: The list begins behind the node.
            self.first = next;
            return;
        }
        let previous = self
            .iter()
            // SAFETY: As above.
            .find(|one| core::ptr::eq(unsafe { *one.next.get() }, node));
        if let Some(previous) = previous {
            // INVARIANT: The list goes on behind the node.
            // SAFETY: As above.
            unsafe { *previous.next.get() = next };
        }
    }
}

/// The modules that are being unloaded.
#[pin_data]
pub(crate) struct Leaving {
    #[pin]
    modules: SpinLock<List>,
}

impl Leaving {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            // INVARIANT: There are no nodes.
            modules <- new_spinlock!(List { first: core::ptr::null() }, "cn_leaving"),
        })
    }

    /// Refuses code at `address` if it belongs to a module that is being unloaded. Does not sleep.
    ///
    /// To be asked under the lock under which the code is registered.
    ///
    /// # Errors
    ///
    /// [`ENODEV`]: it does.
    pub(crate) fn permit(&self, address: *const c_void) -> Result {
        let is_leaving = self.modules.lock().iter().any(|node| {
            // SAFETY: By the invariants of `List` the module of a node stays as long as the node is
            // in the list, which is locked; its layout does not change once it was loaded.
            unsafe { cn_glue_within_module(address, node.module) }
        });
        if is_leaving {
            return Err(ENODEV);
        }
        Ok(())
    }

    /// Runs `work`, during which the module may not register anything.
    ///
    /// Context: process; sleeps if `work` does.
    ///
    /// # Safety
    ///
    /// `module` must point to a module that stays until this returns.
    pub(crate) unsafe fn while_refused<R>(
        &self,
        module: *const module,
        work: impl FnOnce() -> R,
    ) -> R {
        let node = Node {
            module,
            next: UnsafeCell::new(core::ptr::null()),
        };
        // SAFETY: The node was just made; it is removed below, and lives until this returns, as the
        // module does by the safety requirements. There is no unwinding in the kernel.
        unsafe { self.modules.lock().add(&node) };
        let result = work();
        self.modules.lock().remove(&node);
        result
    }
}
