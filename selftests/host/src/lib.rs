// SPDX-License-Identifier: GPL-2.0

//! The pure files of the module and their tests.

// The core says `connector_base::Id`.
extern crate self as connector_base;

pub mod fuzz;

#[path = "../../../rust/base/id.rs"]
mod id;
#[path = "../../../rust/base/wire.rs"]
pub mod wire;

#[path = "../../../rust/core/table/hash.rs"]
#[cfg_attr(not(test), allow(dead_code))]
mod hash;
#[path = "../../../rust/core/parameters.rs"]
#[cfg_attr(not(test), allow(dead_code))]
mod parameters;
#[path = "../../../rust/base/notify_request.rs"]
mod request;

// Process events.
#[path = "../../../rust/proc/event.rs"]
#[cfg_attr(not(test), allow(dead_code))]
mod event;
#[path = "../../../rust/proc/hook.rs"]
#[cfg_attr(not(test), allow(dead_code))]
mod hook;

#[cfg(test)]
mod tests;

pub use id::Id;
