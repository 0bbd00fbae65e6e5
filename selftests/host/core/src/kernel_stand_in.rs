// SPDX-License-Identifier: GPL-2.0

//! The parts of the crates `kernel` and `connector` that the core's registry uses, on the host.

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
        KernelCStr,
    };
    pub use crate::{pin_init, try_pin_init};
    pub use core::{
        ffi::{c_char, c_int, c_ulong, c_void, CStr},
        pin::Pin,
    };
}

/// The kernel's name of this method of strings.
pub trait KernelCStr {
    fn as_char_ptr(&self) -> *const core::ffi::c_char;
}

impl KernelCStr for core::ffi::CStr {
    fn as_char_ptr(&self) -> *const core::ffi::c_char {
        self.as_ptr()
    }
}

pub mod seq_file {
    use core::{ffi::c_char, marker::PhantomData};

    pub struct Text<'a>(PhantomData<&'a ()>);

    impl Text<'_> {
        /// # Safety
        ///
        /// As in the crate.
        pub unsafe fn from_ptr(_: *const c_char) -> Self {
            Self(PhantomData)
        }
    }
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

    pub fn from_result(work: impl FnOnce() -> Result<core::ffi::c_int>) -> core::ffi::c_int {
        work().unwrap_or_else(|error| -error.0)
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
    pub use super::{atomic, locks::*, memory::Arc};

    pub mod rcu {
        use super::super::memory;

        /// A reader under RCU: an object that it finds is not freed before the reader ends.
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

    pub const CN_HANDLER_OPEN_GROUP: u32 = 1;

    pub struct cn_core_handler {
        pub flags: u32,
        pub capability: i32,
        pub receive: Option<
            unsafe extern "C" fn(
                *mut c_void,
                *mut cn_msg,
                *mut netlink_skb_parms,
            ) -> core::ffi::c_int,
        >,
        pub release: Option<unsafe extern "C" fn(*mut c_void)>,
        pub cookie: *mut c_void,
        pub description: *const core::ffi::c_char,
    }

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

/// The core's own, in place of its file of that name.
pub mod helpers {
    use super::prelude::*;

    pub fn reschedule() {}

    pub fn count_delivered() {}

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

/// The core's own: messages, of which there are none.
pub mod netlink {
    use crate::{
        bindings::{cn_msg, netlink_skb_parms},
        wire::Header,
    };
    use core::marker::PhantomData;

    #[derive(Clone, Copy)]
    pub struct SenderParms<'a>(PhantomData<&'a ()>);

    impl SenderParms<'_> {
        pub fn is_capable(self, _: i32) -> bool {
            true
        }
    }

    #[derive(Clone, Copy)]
    pub struct RawMessage<'a>(SenderParms<'a>);

    impl<'a> RawMessage<'a> {
        /// # Safety
        ///
        /// As in the core.
        pub unsafe fn from_raw(_: *mut cn_msg, _: *mut netlink_skb_parms) -> Self {
            Self(SenderParms(PhantomData))
        }

        pub fn into_raw(self) -> (*mut cn_msg, *mut netlink_skb_parms) {
            (core::ptr::null_mut(), core::ptr::null_mut())
        }

        pub fn sender(self) -> SenderParms<'a> {
            self.0
        }

        pub fn header(&self) -> Header {
            zerocopy::FromZeros::new_zeroed()
        }

        pub fn payload(&self) -> &[u8] {
            &[]
        }
    }
}

/// The core's own.
pub mod stats {
    use super::prelude::*;

    pub struct Outcomes;

    impl Outcomes {
        pub const fn new() -> Self {
            Self
        }

        pub fn count(&self, _: Option<Result>) {}
    }

    pub struct Stats {
        pub delivered: u64,
    }

    impl Stats {
        pub fn new(completed: u64, _: Option<&Outcomes>) -> Self {
            Self {
                delivered: completed,
            }
        }
    }
}

pub mod types {
    /// As in the kernel, but it can be sent.
    pub struct NotThreadSafe;
}

pub mod time {
    pub struct Delta;

    impl Delta {
        pub fn from_micros(_: i64) -> Self {
            Self
        }
    }

    pub mod delay {
        pub fn udelay(_: super::Delta) {}
    }
}
