// SPDX-License-Identifier: GPL-2.0

//! What the core's registry uses of the crates `kernel` and `connector`, on the host.

#[macro_use]
mod init;
pub mod atomic;
mod locks;
pub mod memory;

#[cfg(feature = "loom")]
pub(crate) use loom as host;
#[cfg(not(feature = "loom"))]
pub(crate) use std as host;

pub mod prelude {
    pub use super::{
        error::{code::*, *},
        init::{Init, PinInit},
        memory::{KBox, KVVec, Zeroable, __GFP_ZERO, GFP_ATOMIC, GFP_KERNEL},
    };
    pub use crate::{pin_init, try_pin_init};
    pub use core::{
        ffi::{c_char, c_int, c_ulong, c_void, CStr},
        pin::Pin,
    };
}

pub mod error {
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Error(i32);

    pub type Result<T = (), E = Error> = core::result::Result<T, E>;

    impl From<core::convert::Infallible> for Error {
        fn from(never: core::convert::Infallible) -> Self {
            match never {}
        }
    }

    pub mod code {
        use super::Error;
        pub const ENOMEM: Error = Error(12);
        pub const ENODEV: Error = Error(19);
        pub const EINVAL: Error = Error(22);
    }

    pub fn to_result(code: core::ffi::c_int) -> Result {
        if code < 0 {
            Err(Error(-code))
        } else {
            Ok(())
        }
    }
}

pub mod sync {
    pub use super::{atomic, locks::*};

    pub mod rcu {
        use super::super::memory;

        /// A reader under RCU: what is found while it lives is not freed before it ends.
        pub struct Guard(memory::Reader);

        impl Guard {
            pub fn new() -> Self {
                Self(memory::Reader::new())
            }
        }

        pub fn read_lock() -> Guard {
            Guard::new()
        }
    }

    pub mod lock {
        pub use super::super::locks::Guard;

        pub mod spinlock {
            pub struct SpinLockBackend;
        }
    }
}

/// Tasks, which are threads here, and the frames of their calls into modules.
pub mod task {
    use core::{cell::RefCell, ffi::c_void};

    crate::host::thread_local! {
        static FRAMES: RefCell<Vec<*const c_void>> = RefCell::new(Vec::new());
    }

    pub fn enter_frame(frame: *const c_void) {
        FRAMES.with(|frames| frames.borrow_mut().push(frame));
    }

    pub fn leave_frame() {
        FRAMES.with(|frames| frames.borrow_mut().pop());
    }

    pub fn outermost_frame() -> *const c_void {
        FRAMES.with(|frames| {
            frames
                .borrow()
                .first()
                .copied()
                .unwrap_or(core::ptr::null())
        })
    }
}

pub mod bindings {
    use core::ffi::c_void;

    pub const CN_CBQ_NAMELEN: u32 = 32;
    pub const CN_REFUSED: u32 = 1;

    pub struct cn_msg;
    pub struct netlink_skb_parms;

    /// # Safety
    ///
    /// As in the kernel.
    pub unsafe fn cn_glue_kvfree_rcu(memory: *mut c_void) {
        unsafe { super::memory::free_deferred(memory) };
    }

    /// # Safety
    ///
    /// As in the kernel.
    pub unsafe fn cn_glue_preempt_disable() {}

    /// # Safety
    ///
    /// As in the kernel.
    pub unsafe fn cn_glue_preempt_enable() {}

    /// # Safety
    ///
    /// As in the kernel.
    pub unsafe fn cn_glue_outermost_mark(_key: core::ffi::c_ulong) -> *mut c_void {
        super::task::outermost_frame().cast_mut()
    }
}

pub mod access {
    /// # Safety
    ///
    /// None.
    pub unsafe fn is_capable(_: *mut crate::bindings::netlink_skb_parms, _: i32) -> bool {
        true
    }
}

pub mod counters {
    pub enum Counter {
        Delivered,
        DropRefused,
    }

    pub fn count_delivered() {}

    impl Counter {
        pub fn count(&self) {}
    }
}

pub mod race_delay {
    /// Loom tries all orders of steps anyway.
    pub fn race_delay() {}
}

pub mod zeroed {
    use super::prelude::*;

    /// As in the core; there, a file for itself.
    pub fn zeroed<T: Zeroable>(len: usize) -> Result<KVVec<T>> {
        let array = KVVec::<T>::with_capacity(len, GFP_KERNEL | __GFP_ZERO)?;
        let (array, _, capacity) = array.into_raw_parts();
        for index in 0..len {
            // loom's atomics are more than zeroes.
            unsafe { array.add(index).write(T::zeroed()) };
        }
        Ok(unsafe { KVVec::from_raw_parts(array, len, capacity) })
    }
}
