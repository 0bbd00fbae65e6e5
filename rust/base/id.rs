// SPDX-License-Identifier: GPL-2.0

//! The address of a callback.
//!
//! Pure: depends on nothing but `core` and `zerocopy`, so that it compiles on the host too.
//!
//! C counterpart: `struct cb_id` in `include/uapi/linux/connector.h`.

#![forbid(unsafe_code)]

use zerocopy_derive::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The id under which a callback is registered and to which a message is addressed.
///
/// By convention `idx` names the user of the connector. It is also the multicast group of the
/// user's messages. `val` distinguishes the callbacks of one user. The ids that the kernel has
/// assigned are the `CN_*` constants of `<linux/connector.h>`.
///
/// # Examples
///
/// ```
/// # use connector::Id;
/// const ECHO: Id = Id::new(20, 1);
/// assert_eq!((ECHO.idx(), ECHO.val()), (20, 1));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Id {
    idx: u32,
    val: u32,
}

impl Id {
    /// Makes an id; any two numbers are valid.
    #[inline]
    pub const fn new(idx: u32, val: u32) -> Self {
        Self { idx, val }
    }

    /// The index, which is also the multicast group of the callback.
    #[inline]
    pub const fn idx(self) -> u32 {
        self.idx
    }

    /// The value within the index.
    #[inline]
    pub const fn val(self) -> u32 {
        self.val
    }

    /// Both halves as one number; which half is the upper one depends on the machine.
    #[inline]
    pub fn as_u64(self) -> u64 {
        zerocopy::transmute!(self)
    }
}
