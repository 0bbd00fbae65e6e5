// SPDX-License-Identifier: GPL-2.0

//! Initialisers. Here they make a value that is moved to its place.

/// Makes a value.
pub trait PinInit<T, E = core::convert::Infallible> {
    fn make(self) -> Result<T, E>;
}

pub struct Init<F>(pub F);

impl<T, E, F: FnOnce() -> Result<T, E>> PinInit<T, E> for Init<F> {
    fn make(self) -> Result<T, E> {
        (self.0)()
    }
}

#[macro_export]
macro_rules! pin_init {
    ($kind:ident { $($fields:tt)* }) => {
        $crate::prelude::Init(move || Ok($crate::pin_init_fields!($kind [] $($fields)*)))
    };
}

#[macro_export]
macro_rules! try_pin_init {
    ($kind:ident { $($fields:tt)* }? Error) => {
        $crate::prelude::Init(move || -> core::result::Result<_, $crate::prelude::Error> {
            Ok($crate::pin_init_fields!($kind [] $($fields)*))
        })
    };
}

#[macro_export]
macro_rules! pin_init_fields {
    ($kind:ident [$($done:tt)*]) => { $kind { $($done)* } };
    ($kind:ident [$($done:tt)*] $name:ident <- $value:expr, $($rest:tt)*) => {
        $crate::pin_init_fields!($kind [$($done)* $name: $crate::prelude::PinInit::make($value)?,] $($rest)*)
    };
    ($kind:ident [$($done:tt)*] $name:ident: $value:expr, $($rest:tt)*) => {
        $crate::pin_init_fields!($kind [$($done)* $name: $value,] $($rest)*)
    };
}
