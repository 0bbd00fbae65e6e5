// SPDX-License-Identifier: GPL-2.0

//! Locks, and waiting.

use super::{host::sync as host, sync::lock::spinlock::SpinLockBackend};
use core::{
    marker::PhantomData,
    ops::{Deref, DerefMut},
};

pub struct SpinLock<T>(host::Mutex<T>);

pub struct Guard<'a, T, B = SpinLockBackend>(Option<host::MutexGuard<'a, T>>, PhantomData<B>);

impl<T> SpinLock<T> {
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
macro_rules! new_spinlock {
    ($value:expr, $name:literal) => {{
        let value = $value;
        $crate::prelude::Init(move || {
            Ok::<_, core::convert::Infallible>($crate::sync::SpinLock::with(value))
        })
    }};
}

#[macro_export]
macro_rules! new_condvar {
    ($name:literal) => {
        $crate::prelude::Init(|| Ok::<_, core::convert::Infallible>($crate::sync::CondVar::make()))
    };
}
