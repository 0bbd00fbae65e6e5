// SPDX-License-Identifier: GPL-2.0

//! The pure files of the module and their tests.

// The core says `connector::Id`.
extern crate self as connector;

#[path = "../../../rust/api/id.rs"]
mod id;
#[path = "../../../rust/api/wire.rs"]
pub mod wire;

#[cfg(test)]
#[path = "../../../rust/core/parameters.rs"]
mod parameters;
#[cfg(test)]
#[path = "../../../rust/core/probe.rs"]
mod probe;
#[cfg(test)]
#[path = "../../../rust/core/request.rs"]
mod request;

#[cfg(test)]
mod tests;

pub use id::Id;
