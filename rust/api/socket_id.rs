// SPDX-License-Identifier: GPL-2.0

//! Which socket of user space.
//!
//! C counterpart: `sock_gen_cookie()` in `include/linux/sock_diag.h`.

use crate::bindings::sock_diag_save_cookie;
use kernel::bindings::sock;

/// A number that no other socket has, nor had, nor will have until the next boot.
///
/// Unlike a port, which another program may get after this one. A program learns that of
/// its own socket by `getsockopt(SOL_SOCKET, SO_COOKIE)`.
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

    /// # Safety
    ///
    /// `socket` must point to a socket that is kept during the call.
    #[inline]
    pub(crate) unsafe fn from_raw(socket: *mut sock) -> Self {
        let mut cookie = [0u32; 2];
        // SAFETY: By the safety requirements; two numbers are written, the lower half first.
        unsafe { sock_diag_save_cookie(socket, cookie.as_mut_ptr()) };
        let [low, high] = cookie;
        Self(u64::from(high) << 32 | u64::from(low))
    }
}
