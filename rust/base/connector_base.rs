// SPDX-License-Identifier: GPL-2.0

//! What the API crate and the core both use, and depends on neither.
//!
//! | what                                    | where              |
//! |-----------------------------------------|--------------------|
//! | the address of a callback               | [`id`]             |
//! | the format of datagrams                 | [`wire`]           |
//! | the format of notification requests     | [`notify_request`] |
//! | types and functions in C                | [`bindings`]       |
//! | files in `/proc/net`                    | [`seq_file`]       |
//!
//! The first three are pure: they compile on the host too.
//!
//! As in the crate `connector`, what modules outside of `cn.ko` use is generic or `#[inline]`: no
//! symbol of this crate is exported.

#![deny(missing_docs)]

pub mod bindings;
pub mod id;
pub mod notify_request;
pub mod seq_file;
pub mod wire;

pub use id::Id;
