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
        ffi::{c_char, c_int, c_void, CStr},
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

    pub mod barrier {
        use super::atomic::{fence, Full};

        pub fn smp_mb(_: Full) {
            fence();
        }
    }

    pub mod rcu {
        use super::super::memory;

        /// A reader under RCU: nothing is freed while one lives.
        pub struct Guard(());

        impl Guard {
            pub fn new() -> Self {
                memory::readers(1);
                Self(())
            }
        }

        impl Drop for Guard {
            fn drop(&mut self) {
                memory::readers(-1);
            }
        }

        pub fn read_lock() -> Guard {
            Guard::new()
        }
    }

    pub mod lock {
        pub use super::super::locks::Guard;

        pub mod mutex {
            pub struct MutexBackend;
        }
    }
}

pub mod time {
    pub struct Delta;

    impl Delta {
        pub fn from_micros(_: i64) -> Self {
            Self
        }
    }

    pub mod delay {
        pub fn fsleep(_: super::Delta) {
            crate::host::thread::yield_now();
        }
    }
}

pub mod task {
    use core::cell::Cell;

    crate::host::thread_local! {
        static CURRENT: Cell<usize> = Cell::new(64);
    }

    pub struct Task;

    impl Task {
        pub fn current_raw() -> *mut Task {
            core::ptr::without_provenance_mut(CURRENT.with(Cell::get))
        }
    }

    /// From here on the running thread is this task.
    pub fn become_task(number: usize) {
        CURRENT.with(|current| current.set(64 * number));
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
        DropRefused,
    }

    impl Counter {
        pub fn count(&self) {}
    }
}

pub mod window {
    /// Loom tries all orders of steps anyway.
    pub fn widen() {}
}

pub mod zeroed {
    use super::prelude::*;

    /// As in the core; there, a file for itself.
    pub fn zeroed<T: Zeroable>(len: usize) -> Result<KVVec<T>> {
        let array = KVVec::<T>::with_capacity(len, GFP_KERNEL | __GFP_ZERO)?;
        let (array, _, capacity) = array.into_raw_parts();
        for place in 0..len {
            // loom's atomics are more than zeroes.
            unsafe { array.add(place).write(T::zeroed()) };
        }
        Ok(unsafe { KVVec::from_raw_parts(array, len, capacity) })
    }
}
