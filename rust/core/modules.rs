// SPDX-License-Identifier: GPL-2.0

//! Modules that are being unloaded: they may not register anything any more, and the connector is
//! notified of them.
//!
//! Guarantees:
//!
//! - Any number of modules can be unloaded at the same time. The node of a module is on the stack
//!   of the task that unloads it, so adding it allocates nothing, cannot fail and does not wait.
//! - What [`Leaving::permit`] has permitted before a module was added is found by the task that
//!   added it, under the lock under which it was permitted.
//!
//! C counterpart: `register_module_notifier()` in `include/linux/module.h`.

#![allow(unsafe_code)]

use connector_base::bindings::{
    cn_glue_register_module_notifier, cn_glue_unregister_module_notifier, cn_glue_within_module,
    CN_MODULE_STATE_GOING,
};
use core::{cell::UnsafeCell, marker::PhantomData};
use kernel::{
    bindings::{module, notifier_block},
    error::to_result,
    new_spinlock,
    prelude::*,
    sync::SpinLock,
    types::Opaque,
};

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
struct Nodes {
    first: *const Node,
}

// SAFETY: What is in the list may be used by any thread that has exclusive access to the list.
unsafe impl Send for Nodes {}

impl Nodes {
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
    modules: SpinLock<Nodes>,
}

impl Leaving {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            // INVARIANT: There are no nodes.
            modules <- new_spinlock!(Nodes { first: core::ptr::null() }, "cn_leaving"),
        })
    }

    /// Refuses code at `address` if it belongs to a module that is being unloaded. Does not sleep.
    ///
    /// To be called under the lock under which the code is registered.
    ///
    /// # Errors
    ///
    /// [`ENODEV`]: it does.
    pub(crate) fn permit(&self, address: *const c_void) -> Result {
        let is_leaving = self.modules.lock().iter().any(|node| {
            // SAFETY: By the invariants of `Nodes` the module of a node stays as long as the node
            // is in the list, which is locked; its layout does not change once it was loaded.
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
    pub(crate) fn while_refused<R>(
        &self,
        module: LeavingModule<'_>,
        work: impl FnOnce() -> R,
    ) -> R {
        let node = Node {
            module: module.module,
            next: UnsafeCell::new(core::ptr::null()),
        };
        // SAFETY: The node was just made; it is removed below, and lives until this returns, as the
        // module does by its invariants. There is no unwinding in the kernel.
        unsafe { self.modules.lock().add(&node) };
        let result = work();
        self.modules.lock().remove(&node);
        result
    }
}

/// A module that is being unloaded, or whose start has failed.
///
/// # Invariants
///
/// The module is there for `'a`.
#[derive(Clone, Copy)]
pub(crate) struct LeavingModule<'a> {
    module: *const module,
    _lifetime: PhantomData<&'a module>,
}

impl LeavingModule<'_> {
    /// Whether code at `address` belongs to it.
    pub(crate) fn contains(self, address: *const c_void) -> bool {
        // SAFETY: By the type invariants.
        unsafe { cn_glue_within_module(address, self.module) }
    }
}

/// Notifies `T` of modules that leave, as long as it exists.
///
/// # Invariants
///
/// The block is registered.
pub(crate) struct ModuleNotifier(KBox<Opaque<notifier_block>>);

// SAFETY: Any thread may unregister the block.
unsafe impl Send for ModuleNotifier {}

// SAFETY: Nothing can be done through a shared reference.
unsafe impl Sync for ModuleNotifier {}

impl ModuleNotifier {
    /// Starts to call a function for each module that leaves; see [`Leave`].
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: no memory.
    pub(crate) fn new<T: Leave>() -> Result<Self> {
        let block = notifier_block {
            notifier_call: Some(notify_callback::<T>),
            ..Default::default()
        };
        let block = KBox::new(Opaque::new(block), GFP_KERNEL)?;
        // SAFETY: The block stays where it is, in its box, until it is unregistered.
        to_result(unsafe { cn_glue_register_module_notifier(block.get()) })?;
        // INVARIANT: The block was just registered.
        Ok(Self(block))
    }
}

impl Drop for ModuleNotifier {
    fn drop(&mut self) {
        // SAFETY: By the type invariants the block is registered. This waits for running calls.
        unsafe { cn_glue_unregister_module_notifier(self.0.get()) };
    }
}

/// A receiver of notifications of modules that leave.
pub(crate) trait Leave {
    /// The memory of the module is freed when this has returned.
    ///
    /// Context: process, with the rwsem of the notifier chain held for reading.
    fn leaves(module: LeavingModule<'_>);
}

/// Notifies `T`.
///
/// # Safety
///
/// `data` must point to the module whose state changes.
unsafe extern "C" fn notify_callback<T: Leave>(
    _: *mut notifier_block,
    state: c_ulong,
    data: *mut c_void,
) -> c_int {
    if state == CN_MODULE_STATE_GOING as c_ulong {
        T::leaves(LeavingModule {
            // INVARIANT: By the safety requirements; its memory is freed after all notifiers.
            module: data.cast::<module>(),
            _lifetime: PhantomData,
        });
    }
    0
}
