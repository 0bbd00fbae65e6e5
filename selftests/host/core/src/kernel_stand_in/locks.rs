// SPDX-License-Identifier: GPL-2.0

//! Locks, and what waits.

use super::{atomic::*, host::sync as host, sync::lock::mutex::MutexBackend};
use core::{
    cell::UnsafeCell,
    marker::PhantomData,
    mem::MaybeUninit,
    ops::{Deref, DerefMut},
};

pub struct Mutex<T>(host::Mutex<T>);
pub type SpinLock<T> = Mutex<T>;

pub struct Guard<'a, T, B = MutexBackend>(Option<host::MutexGuard<'a, T>>, PhantomData<B>);

impl<T> Mutex<T> {
    pub fn with(value: T) -> Self {
        Self(host::Mutex::new(value))
    }

    pub fn lock(&self) -> Guard<'_, T> {
        Guard(Some(self.0.lock().unwrap()), PhantomData)
    }
}

impl<T, B> Deref for Guard<'_, T, B> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_ref().unwrap()
    }
}

impl<T, B> DerefMut for Guard<'_, T, B> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.as_mut().unwrap()
    }
}

pub struct CondVar(host::Condvar);

impl CondVar {
    pub fn make() -> Self {
        Self(host::Condvar::new())
    }

    pub fn wait<T, B>(&self, guard: &mut Guard<'_, T, B>) {
        guard.0 = Some(self.0.wait(guard.0.take().unwrap()).unwrap());
    }

    pub fn notify_all(&self) {
        self.0.notify_all();
    }
}

#[macro_export]
macro_rules! new_mutex {
    ($value:expr, $name:literal) => {{
        let value = $value;
        $crate::prelude::Init(move || {
            Ok::<_, core::convert::Infallible>($crate::sync::Mutex::with(value))
        })
    }};
}

#[macro_export]
macro_rules! new_spinlock {
    ($value:expr, $name:literal) => {
        $crate::new_mutex!($value, $name)
    };
}

#[macro_export]
macro_rules! new_condvar {
    ($name:literal) => {
        $crate::prelude::Init(|| Ok::<_, core::convert::Infallible>($crate::sync::CondVar::make()))
    };
}

/// As in `kernel::sync`: written once, read without a lock.
pub struct SetOnce<T> {
    state: Atomic<u32>,
    value: UnsafeCell<MaybeUninit<T>>,
}

unsafe impl<T: Send + Sync> Sync for SetOnce<T> {}

impl<T> SetOnce<T> {
    #[cfg(not(feature = "loom"))]
    pub const fn new() -> Self {
        Self {
            state: Atomic::new(0),
            value: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }

    #[cfg(feature = "loom")]
    pub fn new() -> Self {
        Self {
            state: Atomic::new(0),
            value: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }

    pub fn as_ref(&self) -> Option<&T> {
        // SAFETY: It was written before the state became 2, and is not written any more.
        (self.state.load(Acquire) == 2).then(|| unsafe { (*self.value.get()).assume_init_ref() })
    }

    pub fn populate(&self, value: T) -> bool {
        if self.state.cmpxchg(0, 1, Relaxed).is_err() {
            return false;
        }
        // SAFETY: Whoever set the state to 1 is alone.
        unsafe { (*self.value.get()).write(value) };
        self.state.store(2, Release);
        true
    }
}

impl<T> Drop for SetOnce<T> {
    fn drop(&mut self) {
        if self.as_ref().is_some() {
            // SAFETY: It was written.
            unsafe { self.value.get_mut().assume_init_drop() };
        }
    }
}
