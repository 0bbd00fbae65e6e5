// SPDX-License-Identifier: GPL-2.0

//! The carrier of a guest: the connector that is built into the kernel has the netlink protocol,
//! and this one takes part in it.
//!
//! The other one is `own.rs`, whose items this file has, too.
//!
//! What the built-in connector and netlink call is in another module, `cn_entry`, which stays
//! loaded. It calls this one with a reference to it. So this module is in use while a program's
//! task is inside of it, and cannot be unloaded then; its end waits for no task.
//!
//! Receiving: each id is registered with the built-in connector, with one function for all of them.
//! What that gets is part of the datagram, so that all messages of the datagram can be handled, and
//! acknowledged.
//!
//! Sending: through the kernel socket of the built-in connector. A datagram to the kernel names it,
//! so `cn_entry` sends one to itself.
//!
//! Closed groups: the built-in connector lets every program join an odd group, and none without
//! rights an even one. So a program without rights can be in a closed group. It does not get the
//! messages: see [`Hearing::Privileged`].
//!
//! Closed sockets: netlink notifies of a port when its socket is already gone. So each socket whose
//! messages came here is held until then.
//!
//! C counterparts: `rust/glue/cn_entry.c`, and that is a client of `drivers/connector/connector.c`.

#![allow(unsafe_code)]

use crate::{
    netlink::{publish, retract, ClosedSocket, Datagram, Hearing, Protocol},
    stats::Counter,
    table::Name,
};
use connector_base::{
    bindings::{
        cb_id, cn_del_callback, cn_entry_attach, cn_entry_close, cn_entry_guest, cn_entry_open,
        cn_entry_socket, cn_glue_hold_socket, cn_glue_is_closed, cn_glue_is_kernel_socket,
        cn_glue_put_socket,
    },
    Id,
};
use core::ptr::NonNull;
use kernel::{
    bindings::{netlink_skb_parms, sk_buff, sock},
    error::{from_err_ptr, to_result},
    new_condvar, new_spinlock,
    prelude::*,
    rbtree::{RBTree, RBTreeNode},
    sync::{global_lock, CondVar, SpinLock},
};

/// What this carrier can do, as modules read it: nothing of what can be missing.
pub(crate) const FEATURES: u32 = 0;

/// The largest value of the parameter `groups`: the built-in connector has so many.
pub(crate) const MOST_GROUPS: u32 = 32;

/// What must exist as long as there are ids: here, the sockets that are held, and the kernel's
/// socket, since programs send requests as soon as there is an id.
pub(crate) struct Carrier(());

impl Carrier {
    /// Prepares to attach ids, and to send messages.
    ///
    /// # Errors
    ///
    /// - [`EIO`]: the built-in connector does not answer.
    /// - Those of opening a socket and sending, and of the built-in connector: [`ENOMEM`] as a rule.
    pub(crate) fn new<P: Protocol>() -> Result<Self> {
        // SAFETY: In process context.
        let socket = from_err_ptr(unsafe { cn_entry_socket() }).inspect_err(|error| {
            pr_err!("no answer from the connector of this kernel ({error:?})\n");
        })?;
        let socket = NonNull::new(socket).ok_or(EIO)?;
        // SAFETY: Called once, when the module starts, and before anything else uses the lock.
        unsafe { HELD.init() };
        *HELD.lock() = Some(RBTree::new());
        // SAFETY: A connector that is built in never releases its socket.
        unsafe { publish(socket) };
        Ok(Self(()))
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        retract();
        // In a statement of its own, so that sockets are put without the lock.
        let held = HELD.lock().take();
        drop(held);
    }
}

/// Attaches ids to the built-in connector.
#[pin_data]
pub(crate) struct Attachments {
    /// The ids that are being registered.
    #[pin]
    attaching: SpinLock<RBTree<u64, ()>>,
    /// Notified when there is one less.
    #[pin]
    ended: CondVar,
}

impl Attachments {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            attaching <- new_spinlock!(RBTree::new(), "cn_attaching"),
            ended <- new_condvar!("cn_attaching"),
        })
    }

    /// Lets messages to an id come, while the result is kept and after that, until the id is
    /// detached.
    ///
    /// Whoever registers the same id has to wait while the result is kept: until then, nobody knows
    /// whether the id is taken. May sleep.
    ///
    /// # Errors
    ///
    /// - [`EINVAL`]: the id is taken, perhaps by a client in C.
    /// - [`ENOMEM`]: no memory.
    /// - [`EINTR`]: a signal came while waiting.
    pub(crate) fn attach(&self, id: Id, name: &Name) -> Result<Attaching<'_>> {
        let begun = self.begin(id)?;
        let name = printed(name.as_c_str());
        // SAFETY: The id and the name are copied.
        to_result(unsafe { cn_entry_attach(&raw_id(id), name.as_ptr().cast()) })?;
        Ok(begun)
    }

    /// Lets no more messages to an id come, except those that are on their way. Does not sleep.
    pub(crate) fn detach(&self, id: Id) {
        // SAFETY: Any id will do. It is the one that was attached: the table has one entry for it,
        // it is registered by one task at a time, and modules in C leave ids of others alone.
        unsafe { cn_del_callback(&raw_id(id)) };
    }

    fn begin(&self, id: Id) -> Result<Attaching<'_>> {
        let node = RBTreeNode::new(id.as_u64(), (), GFP_KERNEL)?;
        let mut attaching = self.attaching.lock();
        while attaching.get(&id.as_u64()).is_some() {
            if self.ended.wait_interruptible(&mut attaching) {
                drop(attaching);
                return Err(EINTR);
            }
        }
        attaching.insert(node);
        drop(attaching);
        Ok(Attaching {
            attachments: self,
            id,
        })
    }
}

/// An id that is being registered by one task.
pub(crate) struct Attaching<'a> {
    attachments: &'a Attachments,
    id: Id,
}

impl Drop for Attaching<'_> {
    fn drop(&mut self) {
        // In a statement of its own, so that it is freed without the lock.
        let node = self
            .attachments
            .attaching
            .lock()
            .remove_node(&self.id.as_u64());
        drop(node);
        self.attachments.ended.notify_all();
    }
}

/// A name as the built-in connector takes it. It prints names as they are; so nothing but printable
/// characters.
fn printed(name: &CStr) -> [u8; 32] {
    let mut printed = [0; 32];
    // The bytes without the zero are one less, and the compiler does not know that there is one.
    let bytes = name.to_bytes_with_nul().iter().copied();
    for (to, from) in printed.iter_mut().zip(bytes.take_while(|byte| *byte != 0)) {
        *to = match from {
            b' '..=b'~' => from,
            _ => b'?',
        };
    }
    if let Some(last) = printed.last_mut() {
        *last = 0;
    }
    printed
}

fn raw_id(id: Id) -> cb_id {
    cb_id {
        idx: id.idx(),
        val: id.val(),
    }
}

/// Which members of a group can receive a message. Netlink knows of other network namespaces, and
/// only members with rights receive what is sent to a closed group.
pub(crate) fn hearing(is_open: impl FnOnce() -> bool) -> Hearing {
    if is_open() {
        Hearing::Asked
    } else {
        Hearing::Privileged
    }
}

/// While this exists, the module `cn_entry` calls this one.
///
/// # Invariants
///
/// `cn_entry` has this.
pub(crate) struct Socket(KBox<cn_entry_guest>);

// SAFETY: What this names may be used by all threads.
unsafe impl Send for Socket {}

// SAFETY: As above.
unsafe impl Sync for Socket {}

impl Socket {
    /// Lets messages come, from here on. The start must not fail any more after this: calls have
    /// references to the module, for which a start that fails does not wait.
    ///
    /// # Errors
    ///
    /// - [`ENOMEM`]: no memory.
    /// - [`EBUSY`]: there is another guest.
    pub(crate) fn open<P: Protocol>(
        _: &Carrier,
        module: &ThisModule,
        _groups: u32,
    ) -> Result<Self> {
        let guest = cn_entry_guest {
            owner: module.as_ptr(),
            receive: Some(receive_callback::<P>),
            closed: Some(closed_callback::<P>),
        };
        let guest = KBox::new(guest, GFP_KERNEL)?;
        // SAFETY: What is given stays until it is taken back, and calls have a reference to the
        // module.
        to_result(unsafe { cn_entry_open(&*guest) })?;
        // INVARIANT: It was just given.
        Ok(Self(guest))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // SAFETY: By the type invariants `cn_entry` has this. The module is being unloaded, so that
        // it has no call in progress.
        unsafe { cn_entry_close() };
    }
}

/// Handles a datagram that a program sent.
///
/// # Safety
///
/// `skb` must be a datagram that netlink has passed to the connector, in process context.
unsafe extern "C" fn receive_callback<P: Protocol>(skb: *mut sk_buff) {
    // SAFETY: By the safety requirements.
    let skb = unsafe { NonNull::new_unchecked(skb) };
    // SAFETY: By the safety requirements. The built-in connector uses nothing of the datagram
    // meanwhile.
    let datagram = unsafe { Datagram::from_raw(skb) };
    // SAFETY: By the safety requirements; netlink keeps the socket while its message is handled.
    if unsafe { hold(skb) }.is_err() {
        Counter::DropNoMemory.count();
        return;
    }
    P::receive(datagram);
}

/// A socket of a program, held.
///
/// # Invariants
///
/// It is there, and this has a reference to it.
struct HeldSocket(NonNull<sock>);

// SAFETY: Sockets may be used by all threads.
unsafe impl Send for HeldSocket {}

impl HeldSocket {
    fn is_closed(&self) -> bool {
        // SAFETY: By the type invariants.
        unsafe { cn_glue_is_closed(self.0.as_ptr()) }
    }
}

impl Drop for HeldSocket {
    fn drop(&mut self) {
        // SAFETY: By the type invariants.
        unsafe { cn_glue_put_socket(self.0.as_ptr()) };
    }
}

/// A port and the address of a socket. A port can be another socket's when netlink notifies of it.
type Key = (u32, usize);

global_lock! {
    /// The sockets whose messages came here, until they are closed; [`None`] while there is no
    /// carrier.
    // SAFETY: Initialised when the carrier is made.
    unsafe(uninit) static HELD: SpinLock<Option<RBTree<Key, HeldSocket>>> = None;
}

/// Holds the socket of a datagram, unless it is held.
///
/// # Safety
///
/// As for [`receive_callback`].
///
/// # Errors
///
/// [`ENOMEM`]: no memory. Only a task that is being killed sees this.
unsafe fn hold(skb: NonNull<sk_buff>) -> Result {
    // SAFETY: By the safety requirements; netlink keeps the socket meanwhile.
    let parms = unsafe { &*(&raw const (*skb.as_ptr()).cb).cast::<netlink_skb_parms>() };
    let (socket, portid) = (parms.sk, parms.portid);
    let key = (portid, socket.addr());
    let is_held = HELD
        .lock()
        .as_ref()
        .is_some_and(|held| held.get(&key).is_some());
    // SAFETY: By the safety requirements.
    if is_held || unsafe { cn_glue_is_kernel_socket(socket) } {
        return Ok(());
    }
    // SAFETY: By the safety requirements.
    unsafe { cn_glue_hold_socket(socket) };
    // INVARIANT: The reference was just taken.
    // SAFETY: It is not null.
    let node = RBTreeNode::new(
        key,
        HeldSocket(unsafe { NonNull::new_unchecked(socket) }),
        GFP_KERNEL,
    )?;
    // Another thread of the program may have been faster; or there is no carrier any more.
    let unused = match HELD.lock().as_mut() {
        Some(held) => held.insert(node),
        None => Some(node),
    };
    // Without the lock.
    drop(unused);
    Ok(())
}

/// Takes out a socket with this port that was closed.
fn take_closed(portid: u32) -> Option<HeldSocket> {
    let mut guard = HELD.lock();
    let held = guard.as_mut()?;
    let mut cursor = held.cursor_lower_bound_mut(&(portid, 0))?;
    loop {
        let (key, socket) = cursor.current();
        if key.0 != portid {
            return None;
        }
        if socket.is_closed() {
            let (_, node) = cursor.remove_current();
            return Some(node.to_key_value().1);
        }
        cursor = cursor.move_next()?;
    }
}

/// Notifies of sockets that were closed.
///
/// # Safety
///
/// None.
unsafe extern "C" fn closed_callback<P: Protocol>(portid: u32) {
    while let Some(socket) = take_closed(portid) {
        // SAFETY: It is held for the time of this call.
        P::closed(unsafe { ClosedSocket::from_raw(socket.0) });
    }
}
