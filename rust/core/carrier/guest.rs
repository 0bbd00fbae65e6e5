// SPDX-License-Identifier: GPL-2.0

//! The carrier of a guest: the connector that is built into the kernel has the netlink protocol,
//! and this one takes part in it.
//!
//! The other one is `own.rs`, whose items this file has, too.
//!
//! Receiving: each id is registered with the built-in connector, with one function for all of them.
//! What that gets is part of the datagram, so that all messages of the datagram can be handled, and
//! acknowledged.
//!
//! Sending: through the kernel socket of the built-in connector. A datagram to the kernel names it,
//! so the guest sends one to itself when it starts.
//!
//! Closed groups: the built-in connector lets every program join an odd group, and none without
//! rights an even one. So a program without rights can be in a closed group. It does not get the
//! messages: see [`Hearing::Privileged`].
//!
//! Closed sockets: netlink notifies of a port when its socket is already gone. So each socket whose
//! messages came here is held until then.
//!
//! Unloading: the built-in connector does not wait for a callback when it is unregistered. Tasks
//! inside of it are counted, and RCU tasks covers those that are on their way in or out.
//!
//! C counterpart: a client of `drivers/connector/connector.c`.

#![allow(unsafe_code)]

use crate::netlink::{publish, retract, ClosedSocket, Datagram, Hearing, Protocol};
use connector_base::{
    bindings::{
        cb_id, cn_add_callback, cn_del_callback, cn_glue_caller_enters, cn_glue_caller_leaves,
        cn_glue_hold_socket, cn_glue_is_closed, cn_glue_is_kernel_socket, cn_glue_probe,
        cn_glue_put_socket, cn_glue_random_long, cn_glue_stay_loaded, cn_glue_wait_for_callers,
        cn_msg,
    },
    Id,
};
use core::ptr::NonNull;
use kernel::{
    bindings::{self, netlink_notify, netlink_skb_parms, notifier_block, sk_buff, sock},
    container_of,
    error::to_result,
    prelude::*,
    rbtree::{RBTree, RBTreeNode},
    sync::global_lock,
    types::Opaque,
};

/// What this carrier can do, as modules read it: nothing of what can be missing.
pub(crate) const FEATURES: u32 = 0;

/// The largest value of the parameter `groups`: the built-in connector has so many.
pub(crate) const MOST_GROUPS: u32 = 32;

/// The function of the built-in connector's callbacks.
type Input = unsafe extern "C" fn(*mut cn_msg, *mut netlink_skb_parms);

/// What must exist as long as there are ids, and until no task is in this module any more.
///
/// # Invariants
///
/// The block is registered with netlink.
pub(crate) struct Carrier {
    input: Input,
    block: KBox<Opaque<notifier_block>>,
}

// SAFETY: Any thread may unregister the block.
unsafe impl Send for Carrier {}

// SAFETY: Nothing can be done with the block through a shared reference.
unsafe impl Sync for Carrier {}

impl Carrier {
    /// Prepares to attach ids, and to send messages.
    ///
    /// # Errors
    ///
    /// - [`ENOMEM`]: no memory.
    /// - [`EIO`]: the built-in connector does not answer.
    pub(crate) fn new<P: Protocol>() -> Result<Self> {
        // SAFETY: Called once, when the module starts, and before anything else uses the lock.
        unsafe { HELD.init() };
        *HELD.lock() = Some(RBTree::new());
        let block = notifier_block {
            notifier_call: Some(notify_callback::<P>),
            ..Default::default()
        };
        let block = KBox::new(Opaque::new(block), GFP_KERNEL)?;
        // SAFETY: The block stays where it is, in its box, until it is unregistered.
        to_result(unsafe { bindings::netlink_register_notifier(block.get()) })?;
        // INVARIANT: The block was just registered.
        let carrier = Self {
            input: input_callback::<P>,
            block,
        };
        learn_socket()?;
        Ok(carrier)
    }

    /// To attach ids.
    pub(crate) fn attachments(&self) -> Attachments {
        Attachments { input: self.input }
    }
}

impl Drop for Carrier {
    /// Sleeps until no task is in this module any more. All ids must be detached.
    fn drop(&mut self) {
        // SAFETY: By the type invariants the block is registered. This waits for running calls.
        unsafe { bindings::netlink_unregister_notifier(self.block.get()) };
        // SAFETY: In process context, with no lock held and not inside of a call: the module is
        // being unloaded.
        unsafe { cn_glue_wait_for_callers() };
        retract();
        // In a statement of its own, so that sockets are put without the lock.
        let held = HELD.lock().take();
        drop(held);
    }
}

/// Attaches ids to the carrier.
#[derive(Clone, Copy)]
pub(crate) struct Attachments {
    input: Input,
}

impl Attachments {
    /// Lets messages to an id come. May sleep.
    ///
    /// # Errors
    ///
    /// - [`EINVAL`]: the id is taken, perhaps by a client in C.
    /// - [`ENOMEM`]: no memory.
    pub(crate) fn attach(self, id: Id, name: &CStr) -> Result {
        attach(id, name, self.input)
    }

    /// Lets no more messages to an id come, except those that are on their way. Does not sleep.
    pub(crate) fn detach(self, id: Id) {
        detach(id);
    }
}

/// As the built-in connector, which prints names as they are; so nothing but printable characters.
fn attach(id: Id, name: &CStr, input: Input) -> Result {
    let mut printed = [0; 32];
    for (to, from) in printed.iter_mut().zip(name.to_bytes()) {
        *to = match *from {
            b' '..=b'~' => *from,
            _ => b'?',
        };
    }
    if let Some(last) = printed.last_mut() {
        *last = 0;
    }
    // SAFETY: The id and the name are copied. The function stays until the carrier is dropped,
    // which waits for its last call.
    to_result(unsafe { cn_add_callback(&raw_id(id), printed.as_ptr().cast(), Some(input)) })
}

fn detach(id: Id) {
    // SAFETY: Any id will do. Nobody else attaches and detaches it: the table has one entry for it.
    unsafe { cn_del_callback(&raw_id(id)) };
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

/// What [`Carrier`] has begun. Messages can be sent as long as ids can be attached, since programs
/// send requests as soon as one is.
pub(crate) struct Socket(());

impl Socket {
    /// Keeps the module loaded on kernels on which it could not be unloaded safely.
    ///
    /// # Errors
    ///
    /// None.
    pub(crate) fn open<P: Protocol>(_: &Carrier, _: &ThisModule, _groups: u32) -> Result<Self> {
        // SAFETY: Called by this module while it starts.
        if unsafe { cn_glue_stay_loaded() } {
            pr_info!("this kernel is preemptible and has no RCU tasks; stays loaded\n");
        }
        Ok(Self(()))
    }
}

/// Finds the kernel socket of the built-in connector, and publishes it.
///
/// # Errors
///
/// - [`ENOMEM`]: no memory.
/// - [`EIO`]: the datagram that would have named it did not arrive.
fn learn_socket() -> Result {
    const TRIES: usize = 8;

    for _ in 0..TRIES {
        // SAFETY: In any context.
        let id = unsafe { Id::new(cn_glue_random_long() as u32, cn_glue_random_long() as u32) };
        match attach(id, c"cn_guest", probe_callback) {
            Err(error) if error == EINVAL => continue,
            result => result?,
        }
        // SAFETY: In process context.
        let sent = to_result(unsafe { cn_glue_probe(&raw_id(id)) });
        detach(id);
        sent?;
        if crate::netlink::socket().is_some() {
            return Ok(());
        }
    }
    pr_err!("the connector of this kernel does not answer\n");
    Err(EIO)
}

/// Learns the kernel socket of the built-in connector: netlink has made it the owner of the
/// datagram.
///
/// # Safety
///
/// `parms` must be the control block of a datagram that netlink has passed to the connector.
unsafe extern "C" fn probe_callback(_: *mut cn_msg, parms: *mut netlink_skb_parms) {
    // SAFETY: By the safety requirements.
    let socket = unsafe { (*datagram_of(parms).as_ptr()).sk };
    if let Some(socket) = NonNull::new(socket) {
        // SAFETY: A connector that is built in never releases its socket.
        unsafe { publish(socket) };
    }
}

/// Handles a datagram that a program sent.
///
/// # Safety
///
/// `parms` must be the control block of a datagram that netlink has passed to the connector, in
/// process context.
unsafe extern "C" fn input_callback<P: Protocol>(_: *mut cn_msg, parms: *mut netlink_skb_parms) {
    let _caller = Caller::enter();
    // SAFETY: By the safety requirements; netlink keeps the socket while its message is handled.
    if unsafe { hold((*parms).sk, (*parms).portid) }.is_err() {
        // The program has been killed, for lack of memory.
        return;
    }
    // SAFETY: By the safety requirements. The built-in connector uses nothing of the datagram
    // meanwhile.
    P::receive(unsafe { Datagram::from_raw(datagram_of(parms)) });
}

/// # Safety
///
/// `parms` must be the control block of a datagram.
unsafe fn datagram_of(parms: *mut netlink_skb_parms) -> NonNull<sk_buff> {
    let block = parms.cast::<[c_char; 48]>();
    // SAFETY: By the safety requirements.
    unsafe { NonNull::new_unchecked(container_of!(block, sk_buff, cb)) }
}

/// A task that the built-in connector has called, while this lives.
struct Caller(c_int);

impl Caller {
    fn enter() -> Self {
        // SAFETY: The drop ends it.
        Self(unsafe { cn_glue_caller_enters() })
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        // SAFETY: The number is that of the call which began.
        unsafe { cn_glue_caller_leaves(self.0) };
    }
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

/// Holds a socket, unless it is held.
///
/// # Safety
///
/// The socket must be there, and have this port.
///
/// # Errors
///
/// [`ENOMEM`]: no memory, which a task sees that is being killed.
unsafe fn hold(socket: *mut sock, portid: u32) -> Result {
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
    // Another thread of the program may have been faster.
    let replaced = HELD.lock().as_mut().map(|held| held.insert(node));
    drop(replaced);
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
/// `data` must point to what netlink notifies of.
unsafe extern "C" fn notify_callback<P: Protocol>(
    _: *mut notifier_block,
    event: c_ulong,
    data: *mut c_void,
) -> c_int {
    // SAFETY: By the safety requirements.
    let what = unsafe { &*data.cast::<netlink_notify>() };
    if event == bindings::NETLINK_URELEASE as c_ulong
        && what.protocol == bindings::NETLINK_CONNECTOR as c_int
    {
        while let Some(socket) = take_closed(what.portid) {
            // SAFETY: It is held for the time of this call.
            P::closed(unsafe { ClosedSocket::from_raw(socket.0) });
        }
    }
    0
}
