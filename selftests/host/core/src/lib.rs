// SPDX-License-Identifier: GPL-2.0

//! The core's registry on the host: table, calls, registering and unregistering.

#![allow(dead_code)]

// The core uses the paths `connector_base::Id` and `kernel::sync`.
extern crate self as connector_base;
extern crate self as kernel;

#[path = "../../../../rust/base/id.rs"]
mod id;
#[cfg(feature = "loom")]
mod injected_bugs;
mod kernel_stand_in;
#[path = "../../../../rust/base/wire.rs"]
pub mod wire;

pub use id::Id;
pub use kernel_stand_in::*;

include!(concat!(env!("OUT_DIR"), "/variants.rs"));

#[cfg(all(test, not(feature = "loom")))]
mod tests;

#[cfg(all(test, feature = "loom"))]
mod loom_tests;
