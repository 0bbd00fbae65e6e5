// SPDX-License-Identifier: GPL-2.0

//! The functions of the core that the crate calls, as safe types and functions.
//!
//! Guarantees that each pointer in them is valid. With [`callbacks`](crate::callbacks), this is the
//! only file of the crate that says `unsafe`.
//!
//! C counterpart: `glue/cn_glue.h`, the functions `cn_core_*()`.

#![allow(unsafe_code)]

use crate::{
    bindings,
    wire::{Header, HEADER_LEN},
    Capability, Id, SendError,
};
use core::{
    marker::PhantomData,
    mem::ManuallyDrop,
    ptr::{null_mut, NonNull},
};
use kernel::{
    alloc::Flags,
    bindings::{netlink_filter_fn, netlink_skb_parms, sk_buff, sock},
    prelude::*,
};

/// The allocation flags as C has them; other flags mean nothing for a buffer.
#[inline]
fn as_gfp(flags: Flags) -> kernel::bindings::gfp_t {
    if flags.contains(GFP_KERNEL) {
        kernel::bindings::GFP_KERNEL
    } else if flags.contains(GFP_ATOMIC) {
        kernel::bindings::GFP_ATOMIC
    } else {
        kernel::bindings::GFP_NOWAIT
    }
}

/// The destination of a message, as C has it.
///
/// # Invariants
///
/// For `'a`, the filter is null, or it can be called with its data.
pub(crate) struct Destination<'a> {
    raw: bindings::cn_core_target,
    _filter: PhantomData<&'a mut ()>,
}

impl Destination<'_> {
    /// The socket with a port. `wait_ms` is a number of milliseconds or one of `CN_WAIT_*`, and
    /// `shown_group` the group that the message seems to come through, or 0.
    #[inline]
    pub(crate) fn port(portid: u32, wait_ms: u32, shown_group: u32) -> Self {
        // INVARIANT: There is no filter.
        Self {
            raw: bindings::cn_core_target {
                kind: bindings::CN_TO_PORT,
                portid,
                group: 0,
                wait_ms,
                shown_group,
                filter: None,
                filter_data: null_mut(),
            },
            _filter: PhantomData,
        }
    }

    /// The listeners to a group, or, if that is [`None`], to that of the message's id; but not the
    /// socket with the port `except`.
    #[inline]
    pub(crate) fn group(group: Option<u32>, except: u32) -> Self {
        // INVARIANT: There is no filter.
        Self {
            raw: bindings::cn_core_target {
                kind: match group {
                    Some(_) => bindings::CN_TO_GROUP,
                    None => bindings::CN_TO_GROUP_OF_ID,
                },
                portid: except,
                group: group.unwrap_or(0),
                wait_ms: 0,
                shown_group: 0,
                filter: None,
                filter_data: null_mut(),
            },
            _filter: PhantomData,
        }
    }

    /// The same destination with a filter.
    ///
    /// # Safety
    ///
    /// For `'b`, `filter` can be called with `data` and with any socket that is kept.
    #[inline]
    pub(crate) unsafe fn with_filter<'b>(
        self,
        filter: netlink_filter_fn,
        data: *mut c_void,
    ) -> Destination<'b> {
        // INVARIANT: By the safety requirements.
        Destination {
            raw: bindings::cn_core_target {
                filter,
                filter_data: data,
                ..self.raw
            },
            _filter: PhantomData,
        }
    }
}

/// Sends one message. Returns 0, `CN_NOT_TAKEN` or a negative error. `header` has the length of
/// `payload`.
#[inline]
pub(crate) fn send(
    header: &Header,
    payload: &[u8],
    destination: &Destination<'_>,
    flags: Flags,
) -> c_int {
    // The compiler removes this where it sees that the header is made for the payload.
    if usize::from(header.len) > payload.len() {
        return EINVAL.to_errno();
    }
    // SAFETY: `Header` has the layout of `cn_msg`, and the payload is as long as it says. By the
    // type invariants of the destination its filter can be called.
    unsafe {
        bindings::cn_core_send(
            core::ptr::from_ref(header).cast(),
            payload.as_ptr().cast(),
            &destination.raw,
            as_gfp(flags),
        )
    }
}

/// A buffer of the core with room for the payload of one netlink message, filled from its start.
///
/// # Invariants
///
/// `skb` is owned by this. `data` points to `capacity` bytes in it, of which the first `len` are
/// initialised.
pub(crate) struct Buffer {
    skb: NonNull<sk_buff>,
    data: NonNull<u8>,
    capacity: usize,
    len: usize,
}

// SAFETY: Only its owner has the buffer; any thread may send or free it.
unsafe impl Send for Buffer {}

impl Buffer {
    /// Room for `capacity` bytes in a netlink message with number `seq`.
    #[inline]
    pub(crate) fn new(capacity: u32, seq: u32, flags: Flags) -> Result<Self, SendError> {
        let mut data = core::ptr::null_mut();
        // SAFETY: `data` can be written to; any length and flags will do.
        let skb = unsafe { bindings::cn_core_alloc(capacity, seq, as_gfp(flags), &mut data) };
        match (NonNull::new(skb), NonNull::new(data.cast())) {
            // INVARIANT: The core has just made the buffer with that much room.
            (Some(skb), Some(data)) => Ok(Self {
                skb,
                data,
                capacity: capacity as usize,
                len: 0,
            }),
            _ => Err(SendError::NoMemory),
        }
    }

    /// How many bytes were added.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// How many bytes can still be added.
    #[inline]
    pub(crate) fn room(&self) -> usize {
        // By the type invariants `len` is not larger.
        self.capacity.wrapping_sub(self.len)
    }

    /// Adds a copy of `bytes`.
    ///
    /// # Errors
    ///
    /// [`SendError::TooLong`]: there is no room for them.
    #[inline]
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), SendError> {
        let end = self.make_room(bytes.len())?;
        // SAFETY: There is room; the buffer is ours alone, so `bytes` is elsewhere.
        unsafe { end.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        // INVARIANT: They are initialised.
        self.len = self.len.wrapping_add(bytes.len());
        Ok(())
    }

    /// Adds `count` bytes with the same value, and returns them, so that the caller can change
    /// them.
    ///
    /// # Errors
    ///
    /// [`SendError::TooLong`]: there is no room for them.
    #[inline]
    pub(crate) fn fill(&mut self, value: u8, count: usize) -> Result<&mut [u8], SendError> {
        let end = self.make_room(count)?;
        // SAFETY: There is room.
        unsafe { end.write_bytes(value, count) };
        // INVARIANT: They are initialised.
        self.len = self.len.wrapping_add(count);
        // SAFETY: They are initialised, and this is borrowed.
        Ok(unsafe { core::slice::from_raw_parts_mut(end, count) })
    }

    /// Adds a header, and a payload by `write`; `header` gets the length of the payload. On
    /// failure, the buffer is as it was before.
    ///
    /// # Errors
    ///
    /// [`SendError::TooLong`]: there is no room for the header, or the payload is longer than a
    /// header can say; and the error of `write`.
    #[inline]
    pub(crate) fn push_message(
        &mut self,
        header: impl FnOnce(u16) -> Header,
        write: impl FnOnce(&mut Self) -> Result<(), SendError>,
    ) -> Result<(), SendError> {
        let start = self.len;
        let place = self.make_room(HEADER_LEN)?.cast::<Header>();
        // The header is written at the end; until then, the added bytes are not read.
        self.len = start.wrapping_add(HEADER_LEN);
        let payload = self.len;
        let added = write(self).and_then(|()| {
            u16::try_from(self.len.wrapping_sub(payload)).map_err(|_| SendError::TooLong)
        });
        match added {
            Ok(len) => {
                // SAFETY: There is room, at any alignment.
                unsafe { place.write_unaligned(header(len)) };
                // INVARIANT: Now the header is initialised too.
                Ok(())
            }
            Err(error) => {
                // INVARIANT: So many bytes were initialised before.
                self.len = start;
                Err(error)
            }
        }
    }

    /// Where the next byte goes, if `count` more have room.
    #[inline]
    fn make_room(&mut self, count: usize) -> Result<*mut u8, SendError> {
        if count > self.room() {
            return Err(SendError::TooLong);
        }
        // SAFETY: By the type invariants this is within the buffer or at its end.
        Ok(unsafe { self.data.as_ptr().add(self.len) })
    }

    /// Removes all but the first `len` bytes.
    #[inline]
    pub(crate) fn truncate(&mut self, len: usize) {
        // INVARIANT: Fewer bytes are initialised as well.
        self.len = self.len.min(len);
    }

    /// Sends the added bytes. Returns 0, `CN_NOT_TAKEN` or a negative error. `id` names the group
    /// where the destination does not.
    #[inline]
    pub(crate) fn post(self, id: Id, destination: &Destination<'_>, flags: Flags) -> c_int {
        let len = self.len as u32;
        let skb = ManuallyDrop::new(self).skb.as_ptr();
        // SAFETY: By the type invariants the buffer is ours, and that many bytes are initialised;
        // the core takes it. By the type invariants of the destination its filter can be called.
        unsafe { bindings::cn_core_post(skb, len, &id.into(), &destination.raw, as_gfp(flags)) }
    }
}

impl Drop for Buffer {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: By the type invariants the buffer is ours.
        unsafe { bindings::cn_core_free(self.skb.as_ptr()) };
    }
}

/// Whether a group has listeners; 0 stands for the group of the id. Returns 1, 0 or a negative
/// error.
#[inline]
pub(crate) fn has_listeners(id: Id, group: u32, flags: Flags) -> c_int {
    // SAFETY: The id is converted to one of C.
    unsafe { bindings::cn_core_has_listeners(&id.into(), group, as_gfp(flags)) }
}

/// What the connector can do, as bits, and how many groups it has.
#[inline]
pub(crate) fn features() -> (u32, u32) {
    let mut groups = 0;
    // SAFETY: A number is written.
    let features = unsafe { bindings::cn_core_features(&mut groups) };
    (features, groups)
}

/// The number of a socket; no other socket has it until the next boot.
///
/// A port, in contrast, may be given to another socket later. A program reads the number of its own
/// socket by `getsockopt(SOL_SOCKET, SO_COOKIE)`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SocketId(u64);

impl SocketId {
    /// The number, as `SO_COOKIE` gives it to the program.
    #[inline]
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The socket with a number that came from the core.
    #[inline]
    pub(crate) const fn from_number(number: u64) -> Self {
        Self(number)
    }
}

/// A socket of a program.
///
/// # Invariants
///
/// It is kept for `'a`.
pub(crate) struct Socket<'a> {
    raw: *mut sock,
    _lifetime: PhantomData<&'a sock>,
}

impl Socket<'_> {
    /// # Safety
    ///
    /// The invariants of the type must hold for the lifetime that the caller chooses.
    #[inline]
    pub(crate) unsafe fn from_raw(raw: *mut sock) -> Self {
        // INVARIANT: By the safety requirements.
        Self {
            raw,
            _lifetime: PhantomData,
        }
    }

    /// The number of the socket.
    #[inline]
    pub(crate) fn id(&self) -> SocketId {
        let mut cookie = [0u32; 2];
        // SAFETY: By the type invariants; two numbers are written, the lower half first.
        unsafe { bindings::sock_diag_save_cookie(self.raw, cookie.as_mut_ptr()) };
        let [low, high] = cookie;
        SocketId::from_number(u64::from(high) << 32 | u64::from(low))
    }

    /// How many messages the socket has missed because its receive buffer was full.
    #[inline]
    pub(crate) fn drops(&self) -> u32 {
        // SAFETY: By the type invariants.
        unsafe { bindings::cn_core_drops(self.raw) }
    }
}

/// The sender of a datagram, as netlink knows it.
///
/// # Invariants
///
/// The datagram is being handled for `'a`, in the context of the program that sent it; netlink
/// keeps its socket meanwhile.
pub(crate) struct Credentials<'a> {
    parms: &'a netlink_skb_parms,
}

impl<'a> Credentials<'a> {
    /// # Safety
    ///
    /// `parms` must point to the data of a datagram for which the invariants of the type hold for
    /// `'a`.
    #[inline]
    pub(crate) unsafe fn from_raw(parms: *const netlink_skb_parms) -> Self {
        // INVARIANT: By the safety requirements.
        Self {
            // SAFETY: By the safety requirements.
            parms: unsafe { &*parms },
        }
    }

    /// The port of the socket.
    #[inline]
    pub(crate) fn portid(&self) -> u32 {
        self.parms.portid
    }

    /// The user, as a number of the initial user namespace.
    #[inline]
    pub(crate) fn uid(&self) -> u32 {
        self.parms.creds.uid.val
    }

    /// The socket.
    #[inline]
    pub(crate) fn socket(&self) -> Socket<'a> {
        // SAFETY: By the type invariants the socket is kept for `'a`.
        unsafe { Socket::from_raw(self.parms.sk) }
    }

    /// Whether both the opener of the socket and the sender have a capability, in the initial user
    /// namespace.
    #[inline]
    pub(crate) fn capable(&self, capability: Capability) -> bool {
        // SAFETY: By the type invariants; the kernel knows each `Capability`.
        unsafe { bindings::cn_core_capable(self.parms, capability.as_raw()) }
    }

    /// Whether the sender is in the initial user and pid namespaces.
    #[inline]
    pub(crate) fn is_in_initial_namespaces(&self) -> bool {
        // SAFETY: By the type invariants the running task is the sender.
        unsafe { bindings::cn_core_initial_namespaces() }
    }
}
