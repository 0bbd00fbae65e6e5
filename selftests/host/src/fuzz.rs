// SPDX-License-Identifier: GPL-2.0

//! Properties that hold for any bytes: one function for each fuzz target (`fuzz/targets`), which
//! panics on a violation.
//!
//! The functions are here and not in the targets so that the ordinary tests, and Miri, can run
//! the seeds through them.

mod input;
mod operation;
mod parameters;
mod request;
mod wire;

pub use operation::operation;
pub use parameters::parameters;
pub use request::request;
pub use wire::{datagram, wire};
